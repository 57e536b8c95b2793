import Store
import SyncModel

/// Reads windows of pending items and plans them; changes nothing.
struct WindowReader: Sendable {
    let store: StateStore
    let limit: Int
    let now: @Sendable () -> Timestamp
    let times: StageTimes
    let brake: LossBrake

    /// What a window is read and planned with.
    struct Scope: Sendable {
        /// Only keys above this one are read.
        var position: RemoteKey?
        /// Keys that something is being done about: they and what is below them are left out.
        var busy: Set<RemoteKey> = []
        /// Reuse candidates on their way to other placements: where they will stand.
        var moving: [RemoteKey: LocalEntry] = [:]
    }

    /// A window.
    enum Window: Sendable {
        /// There is nothing beyond the position.
        case empty
        /// Paths have to change first, then it is to be read again; `found` items are in it.
        case blocked(by: [PlannedOperation], found: Int)
        case planned(Plan)
    }

    /// What is to be done about a window that nothing stands in the way of.
    struct Plan: Sendable {
        /// The last key of the window.
        var last: RemoteKey
        /// Items of the window that were not busy.
        var found: Int
        /// Files to fetch, in ascending order of keys.
        var placements: [Placement]
        /// Folders to make, and what needs no fetch.
        var others: [PlannedOperation]
    }

    /// The window after the position.
    func next(_ scope: Scope) async throws -> Window {
        times.begin(.planning)
        defer { times.end(.planning) }
        let window = try await heldBack { [self] in
            try await store.additions(after: scope.position, limit: limit, now: now())
        }
        guard let last = window.last else { return .empty }
        // What has its place below something that is given up for it waits for that.
        return try await plan(window.filter { !scope.busy.covers($0.key) }, upTo: last.key, moving: scope.moving)
    }

    /// The pending items among `keys`.
    func items(_ keys: [RemoteKey], moving: [RemoteKey: LocalEntry]) async throws -> Window {
        times.begin(.planning)
        defer { times.end(.planning) }
        let items = try await heldBack { [self] in try await store.additions(among: keys, now: now()) }
        guard let last = items.last else { return .empty }
        return try await plan(items, upTo: last.key, moving: moving)
    }

    /// Items without those that the guard holds: if something would be lost, it has looked at all that was recorded when
    /// they were read.
    private func heldBack(_ read: () async throws -> [PendingItem]) async throws -> [PendingItem] {
        var items = try await read()
        while items.contains(where: brake.counts) {
            let recorded = store.recordings
            try await brake.check(.placing)
            items = try await read()
            if store.recordings == recorded { break }
        }
        return items
    }

    private func plan(_ items: [PendingItem], upTo last: RemoteKey, moving: [RemoteKey: LocalEntry]) async throws
        -> Window
    {
        let clearing = Planner.clearing(items)
        if !clearing.isEmpty { return .blocked(by: clearing, found: items.count) }
        let candidates = try await store.reuseCandidates(for: items, moving: moving)
        var plan = Plan(last: last, found: items.count, placements: [], others: [])
        for operation in Planner.placing(items, candidates: candidates, moving: moving) {
            if case .place(let placement) = operation {
                plan.placements.append(placement)
            } else {
                plan.others.append(operation)
            }
        }
        return .planned(plan)
    }
}
