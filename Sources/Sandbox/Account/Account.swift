internal import Synchronization

/// A Dropbox account: its tree, revisions, ids, journal and cursors, without any HTTP.
///
/// Every method may be called from any thread. Paths are absolute, the root is the empty string.
public final class Account: Sendable {
    let state: StateAccess

    /// An empty account, or one filled as `seed` says.
    public init(seed: Seed? = nil, salt: UInt64 = 0x5A6B_7C8D) {
        state = StateAccess(AccountState(salt: salt))
        if let seed { fill(seed) }
    }

    private init(_ state: StateAccess) { self.state = state }

    /// The same account with paths that are relative to another space; nothing is there in one that does not exist.
    public func seen(from space: Space) -> Account { Account(state.seen(from: space, isMember: false)) }

    /// The same account for the member, who may do less than the other members of shared folders.
    public func asMember(from space: Space) -> Account { Account(state.seen(from: space, isMember: true)) }

    /// The switches.
    public var settings: Settings {
        get { state.withLock { $0.settings } }
        set { state.withLock { $0.settings = newValue } }
    }

    /// Changes switches in place.
    public func configure(_ change: (inout Settings) -> Void) { state.withLock { change(&$0.settings) } }

    /// The number of bytes in all living files.
    public var usedBytes: Int64 { state.withLock { $0.usedBytes } }

    /// The number of living files and folders, the root not counted.
    public var entryCount: Int {
        state.withLock { $0.mounts.isEmpty ? $0.index.count : $0.subtree(0).count - 1 }
    }

    /// All revisions of files that were ever made.
    public var revisionCount: Int { state.withLock { $0.revisions.count } }

    /// The namespace of the account's own files.
    public static let namespaceID = "70011"
}
