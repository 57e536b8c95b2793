/// What is remembered of something we placed, to recognise it again.
///
/// No ctime: a rename changes it.
public struct Fingerprint: Hashable, Sendable {
    /// The inode number.
    public var inode: UInt64
    /// Bytes.
    public var size: Int64
    /// Modification time, nanoseconds since the epoch.
    public var modifiedNanoseconds: Int64

    /// Creates a fingerprint.
    public init(inode: UInt64, size: Int64, modifiedNanoseconds: Int64) {
        self.inode = inode
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}

/// What stands on the disk under one key because we put it there: the have.
public enum LocalNode: Hashable, Sendable {
    /// A folder and its inode.
    case folder(name: FileName, inode: UInt64)
    /// A file, the version it holds and how to recognise it.
    case file(name: FileName, FileVersion, Fingerprint)
    /// A symbolic link, what stands for it (`SymbolicLink.version`) and its inode; 0 before it was made.
    case link(name: FileName, FileVersion, inode: UInt64)

    /// The entry's own name with its case.
    public var name: FileName {
        switch self {
        case .folder(let name, _), .file(let name, _, _), .link(let name, _, _): name
        }
    }

    /// Whether it is a folder.
    public var isFolder: Bool {
        if case .folder = self { true } else { false }
    }

    /// The same thing under another name.
    public func renamed(_ name: FileName) -> LocalNode {
        switch self {
        case .folder(_, let inode): .folder(name: name, inode: inode)
        case .file(_, let version, let print): .file(name: name, version, print)
        case .link(_, let version, let inode): .link(name: name, version, inode: inode)
        }
    }

    /// Whether it may be something else by now: somebody has touched it.
    public var isUnproven: Bool {
        switch self {
        case .file(_, let version, _), .link(_, let version, _): version.isUnproven
        case .folder: false
        }
    }

    /// Whether it is all that `want` asks for, so that nothing is to be done.
    public func satisfies(_ want: RemoteNode) -> Bool {
        switch (self, want) {
        case (.folder(let mine, _), .folder(let theirs)): mine == theirs
        case (.file(let mine, let have, _), .file(let theirs, let wanted)): mine == theirs && have == wanted
        case (.file(let mine, let have, _), .export(let theirs, let wanted)):
            mine == theirs && have == wanted.version
        case (.link(let mine, let have, _), .link(let theirs, let wanted)):
            mine == theirs && have == wanted.version
        default: false
        }
    }
}

/// Something of ours on the disk: what have says, and the path where it stands.
public struct LocalEntry: Hashable, Sendable {
    /// The key it is recorded under.
    public var key: RemoteKey
    /// Where it stands.
    public var path: MirrorPath
    /// What it is.
    public var node: LocalNode
    /// The version it holds, if it is a file.
    public var version: FileVersion? {
        if case .file(_, let version, _) = node { version } else { nil }
    }
    /// What it holds, if it is a file.
    public var content: ContentHash? { version?.hash }

    /// Creates an entry.
    public init(key: RemoteKey, path: MirrorPath, node: LocalNode) {
        self.key = key
        self.path = path
        self.node = node
    }
}
