import Store
import SyncModel
import TestSupport

/// A state file in a temporary directory, and short words for what is done to it.
final class StoreFixture {
    let folder: TemporaryFolder
    let store: StateStore
    let path: String
    private var cursors = 0
    private var inodes: UInt64 = 100

    static let now: Timestamp = 1_700_000_000

    /// What a state file loses to be one of version 9.
    static let dropVersion10 = "DROP TABLE shared; DROP INDEX want_reason; DROP INDEX history_event;"

    init(inMemory: Bool = false, faults: @escaping FaultHook = { _ in }) throws {
        folder = try TemporaryFolder(inMemory: inMemory)
        path = folder("state.db")
        store = try StateStore.open(at: path, faults: faults)
    }

    // MARK: News

    /// Records a page of entries as a text has them, then deletions.
    @discardableResult
    func record(_ tree: String = "", deleted: [String] = [], isLast: Bool = true, now: Timestamp = StoreFixture.now)
        async throws
        -> Recorded
    {
        try await record(try TreeText(tree).changes + deleted.map { .deleted(RemoteKey("/" + $0)) }, isLast: isLast)
    }

    @discardableResult
    func record(_ changes: [RemoteChange], isLast: Bool = true) async throws -> Recorded {
        cursors += 1
        return try await store.record(
            PageFold.edits(for: changes), cursor: Cursor("c\(cursors)"), isLast: isLast, now: Self.now)
    }

    // MARK: Effects

    /// Commits that everything that is due stands as wanted, or is gone.
    func applyAll() async throws {
        var outcomes: [Outcome] = []
        for item in try await store.additions(after: nil, limit: 10_000, now: Self.now) {
            if let node = item.want.flatMap({ placed($0) }) { outcomes.append(.have(item.key, node)) }
        }
        for item in try await store.removals(before: nil, limit: 10_000, now: Self.now) {
            outcomes.append(.have(item.key, nil))
        }
        try await commit(outcomes)
    }

    /// What stands after a want was placed; `nil` for what cannot be.
    func placed(_ node: RemoteNode) -> LocalNode? {
        inodes += 1
        switch node {
        case .folder(let name): return .folder(name: name, inode: inodes)
        case .file, .export:
            guard let version = node.version else { return nil }
            let print = Fingerprint(
                inode: inodes, size: version.size, modifiedNanoseconds: version.modified.seconds * 1_000_000_000)
            return .file(name: node.name, version, print)
        case .link(let name, let link): return .link(name: name, link.version, inode: inodes)
        case .unavailable: return nil
        }
    }

    @discardableResult
    func commit(_ outcomes: [Outcome], now: Timestamp = StoreFixture.now) async throws -> Set<RemoteKey> {
        Set(try await store.commit(outcomes, now: now, jitter: { 0 }).keys)
    }

    // MARK: Looking

    /// Pending additions that are due, a word each.
    func additions(now: Timestamp = StoreFixture.now) async throws -> [String] {
        try await store.additions(after: nil, limit: 10_000, now: now).map(\.key.text)
    }

    /// Pending removals that are due.
    func removals(now: Timestamp = StoreFixture.now) async throws -> [String] {
        try await store.removals(before: nil, limit: 10_000, now: now).map(\.key.text)
    }

    /// What is wanted, with a slash behind folders.
    func wanted() async throws -> [String] {
        try await store.wantedKeys().map { $0.key.text + ($0.value ? "/" : "") }.sorted()
    }

    /// What stands, by path.
    func entry() async throws -> [String] {
        try await store.entries(after: nil, limit: 10_000).map { $0.path.text + ($0.node.isFolder ? "/" : "") }
    }
}
