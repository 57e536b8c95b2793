import Store
import SyncModel
import Synchronization

/// What changes have told, by key: it is looked at before everything else that is pending.
///
/// Only an order of work: all of it is pending, too, and found in its turn if it is lost here.
struct News: Sendable {
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

    mutating func add(_ other: News) {
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

/// News that one task gathers and another takes.
final class Told: Sendable {
    private let news = Mutex(News())

    func add(_ recorded: Recorded, of page: ChangePage) { news.withLock { $0.add(recorded, of: page) } }

    func take() -> News {
        news.withLock { news in
            defer { news = News() }
            return news
        }
    }
}
