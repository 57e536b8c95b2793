/// A place in the account's history of changes, as the server hands it out: opaque, kept, sent back, never built here.
public struct Cursor: Hashable, Sendable {
    /// The server's text.
    public let text: String

    /// Wraps a cursor that the server gave or the state file holds.
    public init(_ text: String) { self.text = text }
}

/// One revision of one file's content: `rev` of FileMetadata, lower-case hex.
public struct Rev: Hashable, Sendable {
    /// The server's text.
    public let text: String

    /// Wraps a revision that the server gave or the state file holds.
    public init(_ text: String) { self.text = text }

    /// The revision of a file that somebody else has touched: no account has it, so that it differs from whatever is
    /// wanted until its bytes are looked at again.
    public static let unproven = Rev("")
}
