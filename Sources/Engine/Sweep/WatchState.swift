/// How well the kernel tells of what others do in the mirror.
public struct WatchState: Hashable, Sendable {
    /// Folders that are watched.
    public var watched: Int
    /// Folders that are not, though the mirror has them.
    public var unwatched: Int
    /// Why not all are watched, and what to do about it; `nil` if they are.
    public var reason: String?

    /// Creates a state.
    public init(watched: Int, unwatched: Int = 0, reason: String? = nil) {
        self.watched = watched
        self.unwatched = unwatched
        self.reason = reason
    }

    /// Whether nothing that others do can be missed.
    public var isWhole: Bool { reason == nil && unwatched == 0 }
}

extension WatchState: CustomStringConvertible {
    /// The state in words.
    public var description: String {
        if isWhole { return "all \(watched) folders" }
        let why = reason.map { ": \($0)" } ?? ""
        return watched == 0 ? "no folder\(why)" : "\(watched) of \(watched + unwatched) folders\(why)"
    }
}
