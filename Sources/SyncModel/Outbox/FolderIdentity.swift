/// A folder of the mirror, as it can be recognised later; stored as JSON.
public struct FolderIdentity: Hashable, Codable, Sendable {
    /// What it is called in the mirror.
    public var name: String
    /// Its inode.
    public var inode: UInt64

    /// Names a folder.
    public init(name: String, inode: UInt64) {
        self.name = name
        self.inode = inode
    }
}
