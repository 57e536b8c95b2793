/// How long and how much of what was removed or replaced is kept.
public struct TrashSettings: Hashable, Sendable {
    /// How long it is kept; `nil`: there is no trash.
    public var keep: Duration?
    /// How much is kept; the oldest goes first.
    public var limit: TrashLimit

    /// Makes settings.
    public init(keep: Duration? = .seconds(30 * 86_400), limit: TrashLimit = .share(percent: 10)) {
        self.keep = keep
        self.limit = limit
    }
}

/// How large the trash may become.
public enum TrashLimit: Hashable, Sendable {
    /// Percent of the size of the mirror's file system, above 0 and up to 100.
    case share(percent: Double)
    /// Bytes.
    case bytes(Int64)
}
