import MirrorFS
import Store
import SyncModel

/// Reads and plans windows of pending items; makes the folders of what it plans.
struct WindowPlanner: Sendable {
    let context: PassContext
    let publisher: Publisher

    /// What is to be done about a window.
    struct Plan: Sendable {
        /// The last key of the window.
        var last: RemoteKey
        /// Items of the window that were not busy.
        var found: Int
        /// Files to fetch, in ascending order of keys.
        var placements: [Placement]
        /// What of them is known to need a download.
        var downloadOnly: Set<RemoteKey>
        /// Folders that could not be made.
        var failedFolders: Set<RemoteKey>
    }

    /// Reads and plans the window after `position`.
    ///
    /// - Returns: `nil` if it is empty, or takes more than planning: paths have to change first.
    func next(
        after position: RemoteKey?, except busy: Set<RemoteKey>, _ moving: [RemoteKey: LocalEntry],
        _ failedFolders: Set<RemoteKey>
    ) async throws -> Plan? {
        let window = try await context.store.additions(
            after: position, limit: context.settings.window, now: context.now())
        // What has its place below something that is given up for it waits for that.
        let items = window.filter { !busy.covers($0.key) }
        guard let last = window.last, Planner.clearing(items).isEmpty else { return nil }
        return try await plan(items, upTo: last.key, moving: moving, failedFolders: failedFolders)
    }

    /// Plans `items`, which nothing stands in the way of.
    ///
    /// - Parameters:
    ///   - items: the items.
    ///   - last: the last key of their window.
    ///   - moving: reuse candidates on their way to other placements: where they will stand.
    ///   - failedFolders: folders that could not be made.
    func plan(
        _ items: [PendingItem], upTo last: RemoteKey, moving: [RemoteKey: LocalEntry], failedFolders: Set<RemoteKey>
    ) async throws -> Plan {
        let candidates = try await context.store.reuseCandidates(for: items, moving: moving)
        let operations = Planner.placing(items, candidates: candidates, moving: moving)
        var placements: [Placement] = []
        var others: [PreparedOperation] = []
        for operation in operations {
            if case .place(let placement) = operation {
                placements.append(placement)
            } else {
                others.append(PreparedOperation(operation))
            }
        }
        if !operations.isEmpty { context.board.update { $0.phase = .applying } }
        let failed = failedFolders.union(try await publish(others))
        let (waiting, possible) = placements.partitioned { $0.key.ancestors.contains(where: failed.contains) }
        if !waiting.isEmpty {
            try await publisher.commit(
                waiting.map { .failed($0.key, why: "waits for its folder, which could not be made", retry: nil) })
        }
        return Plan(
            last: last, found: items.count, placements: possible, downloadOnly: try await surveyed(possible),
            failedFolders: failed)
    }

    private func publish(_ prepared: [PreparedOperation]) async throws -> Set<RemoteKey> {
        var failed: Set<RemoteKey> = []
        for batch in prepared.chunks(ofCount: context.settings.batch) {
            failed.formUnion(try await publisher.publish(Array(batch)))
        }
        return failed
    }

    private func surveyed(_ placements: [Placement]) async throws -> Set<RemoteKey> {
        let small = placements.filter { $0.sources == [.download] && $0.version.size <= SmallBody.limit }
        if small.isEmpty { return [] }
        let needed = small.reduce(context.settings.minFreeSpace) { $0.saturatingSum($1.version.size) }
        return try await context.reading.run { [mirror = context.mirror] in
            // Where space is short it is asked for before each download.
            try mirror.freeSpace() > needed ? mirror.downloadOnly(small) : []
        }
    }
}
