import MirrorFS
import Store
import SyncModel

// What comes of what runs beside the loop.
extension Fill {
    mutating func take(_ step: Step) async throws {
        switch step {
        case .listed: isWatching = false
        case .tick:
            isTicking = false
            publishNow = true
        case .published(let keys):
            isPublishing = false
            release(Set(keys))
        case .heard(let wake): try await take(wake)
        case .drained(let result): try await take(result)
        case .fetched(let key, let fetched):
            guard let errand = underWay.removeValue(forKey: key) else { return }
            try await take(fetched, for: errand)
        case .planned(let plan, let planned):
            isPlanning = false
            if let plan, planned == epoch { take(plan) } else { mayPlanAhead = false }
        case .unzipped(let left):
            try await takeArrivals()
            zips.finished(left)
            if left.epoch == epoch {
                enqueue(left.placements)
            } else {
                for placement in left.placements { planAgain(placement.key) }
            }
        }
    }

    private mutating func take(_ fetched: Fetcher.Fetched, for errand: Errand) async throws {
        let key = errand.placement.key
        switch fetched {
        case .ready(let mutation):
            if case .staged? = mutation.content { try await blameUnreachable() }
            try await take(mutation, of: errand.placement, epoch: errand.epoch)
        case .failed(let outcome):
            try await publisher.commit([outcome])
            release([key])
        case .abandoned: try await planAgain(errand.placement)
        case .noRoom(let why): starved.append((errand.placement, why))  // stays busy: others may find room
        case .unreachable(let why):
            unreachable.append((key, why))  // stays busy: it is not tried again before the others
            if unreachable.count >= Self.networkFailuresAllowed { try await giveUpOnUnreachable() }
        }
    }

    private mutating func take(_ mutation: Mutation, of placement: Placement, epoch planned: Int) async throws {
        if planned == epoch {
            ready.append(mutation)
        } else if let current = try await replanned(mutation, placement) {
            ready.append(current)
        } else {
            try await planAgain(placement)
        }
    }

    /// What was planned before paths or wishes changed, as it would be planned now; `nil` if that is something else.
    private func replanned(_ mutation: Mutation, _ placement: Placement) async throws -> Mutation? {
        guard case .staged? = mutation.content,
            let item = try await context.store.addition(placement.key, now: context.now()),
            case .place(let current)? = Planner.filling([item], donors: Donors()).first,
            current.path == placement.path, current.version == placement.version
        else { return nil }
        return Mutation(.place(current), content: mutation.content)
    }

    /// The next sweep finds it; what was fetched of it is a part to go on from, if that version is still wanted.
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
        sweep.goOn()
    }

    /// Nothing is done about `keys` any more.
    mutating func release(_ keys: Set<RemoteKey>) {
        busy.subtract(keys)
        if !moving.isEmpty { moving = moving.filter { !keys.contains($0.value.key) } }
        if ears.released(keys) { sweep.goOn() }
    }

    // MARK: Zips

    mutating func takeArrivals() async throws {
        let arrived = zips.arrived()
        if arrived.isEmpty { return }
        try await blameUnreachable()
        for arrival in arrived {
            try await take(
                Mutation(.place(arrival.placement), content: .staged(arrival.file)), of: arrival.placement,
                epoch: arrival.epoch)
        }
    }

    /// Queues files that a zip has not brought, or that no zip shall bring.
    mutating func enqueue(_ placements: [Placement]) {
        queue.append(placements)
        untouched.formUnion(placements.map(\.key))
    }
}
