/// A place where a test can let the outbox fail or "crash".
enum OutboxPoint: Hashable, Sendable, CaseIterable {
    /// An upload is intended, and nothing was sent.
    case intended
    /// Dropbox has the file, and nobody has noted it.
    case sent
    /// Dropbox has the file, and that is noted.
    case confirmed
    /// The file has a name of dbxsync's own.
    case setAside
    /// The file is removed or moved, and nobody has noted it.
    case disposed
}

/// Called at every point; the product's own does nothing.
typealias OutboxHook = @Sendable (OutboxPoint) throws -> Void
