/// An effect that is about to be done, recorded durably before it begins.
public struct Intent: Hashable, Sendable {
    /// The key it is about.
    public var key: RemoteKey
    /// The path where the effect shows.
    public var path: MirrorPath
    /// What will stand there afterwards; `nil` for nothing.
    public var after: LocalNode?
    /// Where what stands there now is to be kept, below `.dbxsync`; `nil` if it is not.
    public var place: String?

    /// Creates an intent.
    public init(key: RemoteKey, path: MirrorPath, after: LocalNode?, place: String? = nil) {
        self.key = key
        self.path = path
        self.after = after
        self.place = place
    }
}

/// What stands at a path.
public enum Observed: Hashable, Sendable {
    /// Nothing.
    case nothing
    /// A folder with this inode.
    case folder(inode: UInt64)
    /// A regular file.
    case file(Fingerprint)
    /// A symbolic link: its inode, and what its target hashes to.
    case link(inode: UInt64, target: ContentHash)
    /// Something else: a socket, a device.
    case other
}

/// What became of a key.
public enum Outcome: Hashable, Sendable {
    /// This stands there now, by our doing; `nil` for nothing.
    case have(RemoteKey, LocalNode?)
    /// It cannot be mirrored as it is; looked at again on a new version, or after a day.
    case parked(RemoteKey, reason: String)
    /// It went wrong; tried again after a back-off, not before `retry` if given.
    case failed(RemoteKey, why: String, retry: Duration?)
    /// Dropbox was unreachable; retried soon without counting as an attempt.
    case delayed(RemoteKey, why: String)
    /// Want and have are to be compared again.
    case recheck(RemoteKey)

    /// The key it is about.
    public var key: RemoteKey {
        switch self {
        case .have(let key, _), .parked(let key, _), .failed(let key, _, _), .delayed(let key, _),
            .recheck(let key):
            key
        }
    }
}

/// What a crash between intending and committing has left, decided by looking.
public enum Recovery {
    /// What became of `intent`, given what stands at its path now.
    ///
    /// Inode, size and time of a staged file survive the rename, so "did it happen?" is a fact that can be looked up.
    public static func settle(_ intent: Intent, _ seen: Observed) -> Outcome {
        switch (intent.after, seen) {
        case (nil, .nothing):
            return .have(intent.key, nil)
        case (.folder(let name, let inode)?, .folder(let there)) where inode == 0 || inode == there:
            return .have(intent.key, .folder(name: name, inode: there))
        case (.file(let name, let version, let expected)?, .file(let there))
        where expected == there:
            return .have(intent.key, .file(name: name, version, there))
        case (.link(let name, let version, let expected)?, .link(let there, let target))
        where version.hash == target && (expected == 0 || expected == there):
            return .have(intent.key, .link(name: name, version, inode: there))
        default:
            return .recheck(intent.key)
        }
    }
}
