import Store
import SyncModel
import Synchronization

/// What changes have told, by key: it is looked at before everything else that is pending.
///
/// Only an order of work: all of it is pending, too, and found in its turn if it is lost here.
struct ChangedKeys: Sendable {
    /// Where something stands in the account by now.
    private(set) var additions: Set<RemoteKey> = []
    /// Where, and below which, nothing stands any more.
    private(set) var deletions: Set<RemoteKey> = []

    /// Keys that are remembered at most; more than that takes its turn like everything else.
    static let most = 20_000

    var isEmpty: Bool { additions.isEmpty && deletions.isEmpty }

    mutating func add(_ recorded: Recorded, of page: ChangePage) {
        additions.formUnion(recorded.added)
        for case .deleted(let key) in page.changes { deletions.insert(key) }
        // What a listing does not mention is known at its end.
        if recorded.endsListing { deletions.insert(.root) }
        limit()
    }

    /// Adds keys of which it is not known which of the two they are.
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

    /// Takes the deletions, without those below others of them.
    mutating func takeDeletions() -> [RemoteKey] {
        defer { deletions = [] }
        if deletions.contains(.root) { return [.root] }
        return deletions.filter { !$0.ancestors.contains(where: deletions.contains) }.sorted()
    }
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
