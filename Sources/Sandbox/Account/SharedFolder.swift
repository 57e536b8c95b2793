/// `sharing_info` of a file or folder (docs/dropbox-api.md#31-fields).
public struct Sharing: Hashable, Sendable {
    /// Whether the member may only read.
    public var isReadOnly = false
    /// The shared folder that it is in.
    public var parent: String?
    /// The shared folder that it is.
    public var id: String?
    /// The member sees a part of what is in it.
    public var isTraverseOnly = false
    /// The member sees nothing of what is in it.
    public var isForbidden = false
}

/// A folder that has several members, of whom this account is one.
struct SharedFolder {
    /// How much the member sees.
    enum Access: Hashable {
        case all
        case traverseOnly
        case none
    }

    /// The folder: in the tree where it is mounted, else the top of a tree of its own.
    var top: NodeIndex
    var isMounted = false
    var isReadOnly = false
    var isTeamOwned = false
    var access = Access.all
    /// The top of what the member does not see.
    var hidden: NodeIndex?
}
