import Store
import SyncModel
import Synchronization

/// Keys that have just changed in the account: they are planned before everything else that is pending.
///
/// This is only a priority: all of them are pending, too, and are found by the scan if they are lost here.
struct ChangedKeys: Sendable {
    /// Keys that exist in the account.
    private(set) var additions: Set<RemoteKey> = []
    /// Keys that were deleted, with everything below them.
    private(set) var deletions: Set<RemoteKey> = []

    /// Maximum number of keys of each kind; beyond it they lose their priority.
    static let most = 20_000

    var isEmpty: Bool { additions.isEmpty && deletions.isEmpty }

    mutating func add(_ recorded: Recorded, of page: ChangePage) {
        additions.formUnion(recorded.added)
        for case .deleted(let key) in page.changes { deletions.insert(key) }
        // What a listing did not mention was deleted.
        if recorded.endsListing { deletions.insert(.root) }
        limit()
    }

    /// Adds keys that may be additions or deletions.
    mutating func add(_ keys: [RemoteKey]) {
        additions.formUnion(keys)
        deletions.formUnion(keys)
        limit()
    }

    mutating func add(additions keys: some Sequence<RemoteKey>) {
        additions.formUnion(keys)
        limit()
    }

    mutating func add(_ other: ChangedKeys) {
        additions.formUnion(other.additions)
        deletions.formUnion(other.deletions)
        limit()
    }

    private mutating func limit() {
        if additions.count > Self.most { additions = [] }
        if deletions.count > Self.most { deletions = [] }
    }

    /// Takes at most about `count` additions, with the folders above them, in ascending order of keys.
    mutating func takeAdditions(_ count: Int) -> [RemoteKey] {
        let taken = additions.count <= count ? additions : Set(additions.sorted().prefix(count))
        additions.subtract(taken)
        return taken.union(taken.flatMap(\.ancestors)).sorted()
    }

    /// The deletions, without those below others of them.
    var topmostDeletions: [RemoteKey] {
        if deletions.contains(.root) { return [.root] }
        return deletions.filter { !$0.ancestors.contains(where: deletions.contains) }.sorted()
    }

    mutating func clearDeletions() { deletions = [] }
}

/// Changed keys that one task collects and another takes.
final class ChangedKeysCollector: Sendable {
    private let keys = Mutex(ChangedKeys())

    func add(_ recorded: Recorded, of page: ChangePage) { keys.withLock { $0.add(recorded, of: page) } }

    func take() -> ChangedKeys {
        keys.withLock { keys in
            defer { keys = ChangedKeys() }
            return keys
        }
    }
}
