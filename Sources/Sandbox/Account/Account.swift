internal import Synchronization

/// A Dropbox account: its tree, revisions, ids, journal and cursors, without any HTTP.
///
/// Every method may be called from any thread. Paths are absolute, the root is the empty string.
public final class Account: Sendable {
    let state: Mutex<AccountState>
    /// An empty account, or one filled as `seed` says.
    public init(seed: Seed? = nil, salt: UInt64 = 0x5A6B_7C8D) {
        state = Mutex(AccountState(salt: salt))
        if let seed { fill(seed) }
    }

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
    public var entryCount: Int { state.withLock { $0.index.count } }

    /// All revisions of files that were ever made.
    public var revisionCount: Int { state.withLock { $0.revisions.count } }

    /// The namespace of the account's own files.
    public static let namespaceID = "70011"
}
