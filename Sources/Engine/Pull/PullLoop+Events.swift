import MirrorFS
import Store
import SyncModel

// Events: results of the tasks that run concurrently with the loop.
extension PullLoop {
    mutating func handle(_ event: Event) async throws {
        switch event {
        case .listed: isWatching = false
        case .tick:
            isTicking = false
            publishNow = true
        case .published(let keys):
            isPublishing = false
            release(Set(keys))
        case .wokenUp(let reason): try await handle(reason)
        case .changesRead(let result): try await handle(result)
        case .fetched(let key, let fetched):
            guard let fetch = inFlight.removeValue(forKey: key) else { return }
            try await handle(fetched, for: fetch)
        case .planned(let plan, let planned):
            isPlanning = false
            if let plan, planned == planGeneration { handle(plan) } else { mayPlanAhead = false }
        case .unzipped(let shortfall):
            try await handleArrivals()
            zips.finished(shortfall)
            if shortfall.planGeneration == planGeneration {
                enqueue(shortfall.placements)
            } else {
                for placement in shortfall.placements { planAgain(placement.key) }
            }
        }
    }

    private mutating func handle(_ fetched: Fetcher.Fetched, for fetch: InFlightFetch) async throws {
        let key = fetch.placement.key
        switch fetched {
        case .ready(let prepared):
            if case .staged? = prepared.content { try await failUnreachable() }
            try await handle(prepared, of: fetch.placement, planGeneration: fetch.planGeneration)
        case .failed(let outcome):
            try await publisher.commit([outcome])
            release([key])
        case .superseded: try await planAgain(fetch.placement)
        case .noRoom(let why): starved.append((fetch.placement, why))  // stays busy: others may find room
        case .unreachable(let why):
            unreachable.append((key, why))  // stays busy: it is not tried again before the others
            if unreachable.count >= Self.networkFailureLimit { try await abortIfUnreachable() }
        }
    }

    private mutating func handle(_ prepared: PreparedOperation, of placement: Placement, planGeneration planned: Int)
        async throws
    {
        if planned == planGeneration {
            ready.append(prepared)
        } else if let current = try await replanned(prepared, placement) {
            ready.append(current)
        } else {
            try await planAgain(placement)
        }
    }

    /// An operation of an earlier `planGeneration`, planned again; `nil` if the plan is another one now.
    private func replanned(_ prepared: PreparedOperation, _ placement: Placement) async throws -> PreparedOperation? {
        guard case .staged? = prepared.content,
            let item = try await context.store.addition(placement.key, now: context.now()),
            case .place(let current)? = Planner.placing([item], candidates: ReuseIndex()).first,
            current.path == placement.path, current.version == placement.version
        else { return nil }
        return PreparedOperation(.place(current), content: prepared.content)
    }

    /// Leaves it to the next scan; its part file is kept to resume from if that version is still wanted, else removed.
    private mutating func planAgain(_ placement: Placement) async throws {
        planAgain(placement.key)
        let wanted = try await context.store.wantedVersions(of: [placement.key])
        if wanted[placement.key] == placement.version { return }
        try await context.disk.run { [mirror = context.mirror] in
            try mirror.removePart(of: placement.version, for: placement.key)
        }
    }

    private mutating func planAgain(_ key: RemoteKey) {
        release([key])
        scan.resume()
    }

    /// Nothing is done about `keys` any more.
    mutating func release(_ keys: Set<RemoteKey>) {
        busy.subtract(keys)
        if !moving.isEmpty { moving = moving.filter { !keys.contains($0.value.key) } }
        if feed.released(keys) { scan.resume() }
    }

    // MARK: Zips

    mutating func handleArrivals() async throws {
        let arrived = zips.arrived()
        if arrived.isEmpty { return }
        try await failUnreachable()
        for arrival in arrived {
            try await handle(
                PreparedOperation(.place(arrival.placement), content: .staged(arrival.file)), of: arrival.placement,
                planGeneration: arrival.planGeneration)
        }
    }

    /// Queues files that a zip has not brought, or that no zip shall bring.
    mutating func enqueue(_ placements: [Placement]) {
        queue.append(placements)
        downloadOnly.formUnion(placements.map(\.key))
    }
}
