/// One entry of a page of changes.
public enum RemoteChange: Hashable, Sendable {
    /// Something stands there now. `parents` are the names of its ancestors from the top down as the entry displays
    /// them: not dependable in case (files.stone), good enough until the ancestors' own entries come.
    case put(RemoteKey, RemoteNode, parents: [FileName])
    /// Nothing stands there any more, nor below it.
    case deleted(RemoteKey)
}

/// What a page says of the mirrored folder itself.
public enum RootNews: Hashable, Sendable {
    /// It is gone, or something else stands in its place; it may be back by now.
    case gone
    /// There are entries of another folder: it may have been moved.
    case strayed
}

/// One answer of `list_folder` or `list_folder/continue`.
public struct ChangePage: Hashable, Sendable {
    /// The entries, in the server's order.
    public var changes: [RemoteChange]
    /// The place in history after this page.
    public var cursor: Cursor
    /// Whether another page is ready.
    public var hasMore: Bool
    /// Entries that could not be read as a change (unknown kind), in words, for the log.
    public var passedOver: [String]
    /// What is to be looked into before anything of the page is believed; `nil` for nothing, which is usual.
    public var rootNews: RootNews?

    /// Makes a page.
    public init(changes: [RemoteChange], cursor: Cursor, hasMore: Bool, passedOver: [String] = []) {
        self.changes = changes
        self.cursor = cursor
        self.hasMore = hasMore
        self.passedOver = passedOver
    }
}
