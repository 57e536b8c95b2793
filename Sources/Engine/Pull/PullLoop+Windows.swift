import MirrorFS
import Store
import SyncModel

// What to fetch: windows of pending items, in ascending order of keys.
extension PullLoop {
    var mayGroup: Bool { zips.isOpen && !isListing }

    /// Reads windows and decides what of them comes as zips; that takes a look at more of them than a download each.
    mutating func refill(_ group: inout EventTasks) async throws {
        let (isGrouping, before) = (mayGroup, queue.ordinary.count)
        let goal = isGrouping ? max(ZipGrouping.entryLimit, context.settings.parallel) : context.settings.parallel
        try await readWindows(&group, goal: goal)
        guard isGrouping else { return }
        if queue.ordinary.count > before || !hasGrouped { try await makeGroups() }
        hasGrouped = true
    }

    /// Takes out of the queue what comes as zips.
    private mutating func makeGroups() async throws {
        let rest = try await withoutZipped(Array(queue.ordinary))
        if rest.count < queue.ordinary.count { queue.replaceOrdinary(by: rest) }
    }

    /// Hands the files that can come as zips to `zips`.
    ///
    /// - Returns: the others.
    mutating func withoutZipped(_ placements: [Placement], isUrgent: Bool = false) async throws -> [Placement] {
        // An empty file needs no request.
        let (possible, others) = placements.partitioned { downloadOnly.contains($0.key) && $0.version.size > 0 }
        let rest = try await zips.add(possible, isUrgent: isUrgent)
        if rest.count < possible.count {
            downloadOnly.subtract(Set(possible.map(\.key)).subtracting(rest.map(\.key)))
        }
        return others + rest
    }

    /// Reads and plans windows until there is something to fetch or nothing left.
    private mutating func readWindows(_ group: inout EventTasks, goal: Int) async throws {
        while queue.ordinary.count < goal {
            // Asked first: what is recorded after this look is found by the next one.
            let mayGrow = isListing
            let window = try await context.store.additions(
                after: scan.position, limit: context.settings.window, now: context.now())
            guard let last = window.last else {
                if !scan.end(mayGrow: mayGrow) || scan.isExhausted || isWorking { return }
                continue
            }
            let items = window.filter { !busy.covers($0.key) }
            // What is queued would have to be put back: it is worked off first.
            if queue.ordinary.count >= context.settings.parallel, !Planner.clearing(items).isEmpty { return }
            if try await executeBlockingChanges(items, &group) {
                scan.stay(found: items.count)
                continue
            }
            handle(try await planner.plan(items, upTo: last.key, moving: moving, failedFolders: failedFolders))
            mayPlanAhead = true
        }
    }

    /// Executes what changes paths; the items have to be read again afterwards.
    ///
    /// - Returns: whether there was anything of that kind.
    mutating func executeBlockingChanges(_ items: [PendingItem], _ group: inout EventTasks) async throws -> Bool {
        let clearing = Planner.clearing(items)
        if clearing.isEmpty { return false }
        if isPublishing || !ready.isEmpty || isQueueing {
            // What is published may add to what stands in the way.
            putBackQueue()
            try await publishAll(&group)
            return true
        }
        context.board.update { $0.phase = .applying }
        try await publisher.publish(clearing.map { PreparedOperation($0) })
        planGeneration += 1  // what is under way was planned with the paths of before
        return true
    }

    /// What is only queued stays pending for the next sweep.
    private mutating func putBackQueue() {
        let (urgent, ordinary) = queue.removeAll()
        feed.update { $0.add(additions: urgent) }
        release(Set(urgent + ordinary + zips.cancelQueued().map(\.key)))
        downloadOnly = []
    }

    /// Finishes what is being published, and all that is ready for it.
    mutating func publishAll(_ group: inout EventTasks) async throws {
        while isPublishing || !ready.isEmpty {
            publishNow = true
            startPublishing(&group)
            guard let event = try await group.next() else { break }
            try await handle(event)
        }
    }

    mutating func handle(_ plan: WindowPlanner.Plan) {
        scan.advance(to: plan.last, found: plan.found)
        failedFolders.formUnion(plan.failedFolders)
        queue.append(begin(plan))
    }

    /// What is to be fetched of a plan, which is busy from now on.
    mutating func begin(_ plan: WindowPlanner.Plan) -> [Placement] {
        busy.formUnion(plan.placements.map(\.key))
        for placement in plan.placements { moving.merge(placement.move) { $1 } }
        downloadOnly.formUnion(plan.downloadOnly)
        return plan.placements
    }
}
