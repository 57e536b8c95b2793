/// One entry of a page of changes.
public enum RemoteChange: Hashable, Sendable {
    /// Something stands there now. `parents` are the names of its ancestors from the top down as the entry displays
    /// them: not dependable in case (files.stone), good enough until the ancestors' own entries come.
    case put(RemoteKey, RemoteNode, parents: [FileName])
    /// Nothing stands there any more, nor below it.
    case deleted(RemoteKey)
}

/// What a page says of the mirrored folder itself.
public enum RootChange: Hashable, Sendable {
    /// It is gone, or something else stands in its place; it may be back by now.
    case gone
    /// There are entries of another folder: it may have been moved.
    case strayed
}

/// An entry that could not be read and has no path to be kept under.
public struct UnreadEntry: Hashable, Sendable {
    /// What it says of itself.
    public var what: String
    /// Why it could not be read.
    public var reason: String
    /// What its key begins with, as far as that is known; `nil` if it is the mirrored folder itself.
    public var beginning: RemoteKey?

    /// Describes one.
    public init(what: String, reason: String, beginning: RemoteKey?) {
        self.what = what
        self.reason = reason
        self.beginning = beginning
    }
}

/// One answer of `list_folder` or `list_folder/continue`.
public struct ChangePage: Hashable, Sendable {
    /// The entries, in the server's order.
    public var changes: [RemoteChange]
    /// The place in history after this page.
    public var cursor: Cursor
    /// Whether another page is ready.
    public var hasMore: Bool
    /// Entries that are none of ours, in words, for the log.
    public var skipped: [String]
    /// Entries that could not be read and have no path to be kept under.
    public var unread: [UnreadEntry] = []
    /// Which of its folders are shared ones, with their ids.
    public var shared: [RemoteKey: String] = [:]
    /// The number of entries, as far as they are not about the mirrored folder itself.
    public var entries: Int { changes.count + skipped.count + unread.count }
    /// The number of entries that could not be read whole.
    public var unreadable: Int {
        unread.count
            + changes.count { if case .put(_, let node, _) = $0 { node.isUnreadable } else { false } }
    }
    /// What is to be looked into before anything of the page is believed; `nil` for nothing, which is usual.
    public var rootChange: RootChange?

    /// Creates a page.
    public init(changes: [RemoteChange], cursor: Cursor, hasMore: Bool, skipped: [String] = []) {
        self.changes = changes
        self.cursor = cursor
        self.hasMore = hasMore
        self.skipped = skipped
    }
}
