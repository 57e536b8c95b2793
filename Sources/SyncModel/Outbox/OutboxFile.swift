/// What tells one state of a file in the outbox from another.
///
/// The time of the last change of the inode is part of it: it finds an edit that has put the modification time back.
public struct FileState: Hashable, Sendable {
    /// The inode.
    public var inode: UInt64
    /// Bytes.
    public var size: Int64
    /// Modification time in nanoseconds since 1970.
    public var modifiedNanoseconds: Int64
    /// Time of the last change of the inode in nanoseconds since 1970; a rename changes it.
    public var changedNanoseconds: Int64

    /// Names a state.
    public init(inode: UInt64, size: Int64, modifiedNanoseconds: Int64, changedNanoseconds: Int64) {
        self.inode = inode
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.changedNanoseconds = changedNanoseconds
    }

    /// Whether both are the same but for a rename.
    public func isSameButForRename(as other: FileState) -> Bool {
        inode == other.inode && size == other.size && modifiedNanoseconds == other.modifiedNanoseconds
    }
}

/// What Dropbox has confirmed of a file in the outbox.
public struct OutboxReceipt: Hashable, Sendable {
    /// The state that was uploaded.
    public var of: FileState
    /// Where it is in the account; another path than asked for when that one was taken.
    public var remote: String
    /// Its revision.
    public var rev: Rev
    /// Its content.
    public var hash: ContentHash
    /// Its `id:…`.
    public var id: String

    /// Names a confirmed upload.
    public init(of: FileState, remote: String, rev: Rev, hash: ContentHash, id: String) {
        self.of = of
        self.remote = remote
        self.rev = rev
        self.hash = hash
        self.id = id
    }
}

/// An upload that is about to be made.
public struct OutboxIntent: Hashable, Sendable {
    /// The state that is uploaded.
    public var of: FileState
    /// Where to.
    public var remote: String
    /// The content.
    public var hash: ContentHash
    /// The revision it is to replace; `nil` for a file that is new.
    public var replaces: Rev?

    /// Names an upload.
    public init(of: FileState, remote: String, hash: ContentHash, replaces: Rev?) {
        self.of = of
        self.remote = remote
        self.hash = hash
        self.replaces = replaces
    }
}

/// All that is known of one path of the outbox.
public struct OutboxFile: Hashable, Sendable {
    /// Where it stands below the watched folder.
    public var path: OutboxPath
    /// What stands there and has settled; `nil` for nothing.
    public var seen: FileState?
    /// What Dropbox has confirmed last.
    public var receipt: OutboxReceipt?
    /// An upload whose end is not known.
    public var intent: OutboxIntent?
    /// Failures so far.
    public var attempts = 0
    /// When it is tried again; `nil` for at once.
    public var notBefore: Timestamp?
    /// Why it has failed.
    public var reason: String?
    /// Whether Dropbox does not take it as it is.
    public var isParked = false
    /// Whether there is something to be done about it.
    public var isOpen = false

    /// Nothing is known of a path yet.
    public init(_ path: OutboxPath) { self.path = path }
}
