import MirrorFS
import Store
import SyncModel

// What events change.
extension PullState {
    /// Notes what has happened.
    mutating func apply(_ event: PullEvent) {
        if !event.isStepResult, !isDraining { stage = .changes }
        switch event {
        case .began, .done: break
        case .fetched(let key, let fetched):
            guard let fetch = inFlight.removeValue(forKey: key) else { return }
            apply(fetched, of: fetch)
        case .arrived(let arrivals): apply(arrivals)
        case .unzipped(let shortfall): apply(shortfall)
        case .adopted(let adopted, let planned): apply(adopted, planGeneration: planned)
        case .readAhead(let window, let planned): readAhead(window, planGeneration: planned)
        case .settledAhead(let settled, let planned):
            ahead = planned == planGeneration ? .possible : .useless
            if planned == planGeneration { take(settled) }
        case .published(let keys):
            isPublishing = false
            release(Set(keys))
        case .tick:
            isTicking = false
            publishNow = true
        case .pageRecorded(let isLast):
            isWatching = false
            if isLast { listingEnded() }
        case .wokenUp(let reason):
            feed.wokenUp(by: reason)
            steps.append(.readRetries(after: feed.retriesKnown))
        case .changesRead(let keys, let result): apply(keys, result)
        case .windowRead(let window, let mayGrow): apply(window, mayGrow: mayGrow)
        case .changesPlanned(let window, let keys): apply(window, of: keys)
        case .settled(let settled, let purpose): take(settled, for: purpose)
        case .extentsRead(let extents, let grouping): take(grouping, extents: extents)
        case .wanted(let versions, let asked): cancelUnwanted(versions, among: asked)
        case .planConfirmed(let prepared?, _): ready.append(prepared)
        case .planConfirmed(nil, let placement): planAgain(placement)
        case .deletedRemoved(let isComplete): deletedRemoved(isComplete: isComplete)
        case .retriesRead(let due, let until): apply(retries: due, upTo: until)
        case .roomMade(let isEnough): roomMade(isEnough)
        case .roomForOthers(let isEnough): endStarving(isRoomForOthers: isEnough)
        }
    }

    // MARK: Fetches

    private mutating func apply(_ fetched: Fetcher.Fetched, of fetch: InFlightFetch) {
        let key = fetch.placement.key
        switch fetched {
        case .ready(let prepared):
            if case .staged? = prepared.content { failUnreachable() }
            take(prepared, of: fetch.placement, planGeneration: fetch.planGeneration)
        case .exported: planAgain(key)
        case .failed(let outcome):
            steps.append(.commit([outcome]))
            release([key])
        case .superseded: planAgain(fetch.placement)
        case .noRoom(let why, let bytes):
            // It stays busy: others may find room.
            starved.append(Starved(placement: fetch.placement, bytes: bytes, why: why))
        case .unreachable(let why):
            unreachable.append((key, why))  // stays busy: it is not tried again before the others
            if unreachable.count >= Self.networkFailureLimit { abortIfUnreachable() }
        }
    }

    private mutating func take(_ prepared: PreparedOperation, of placement: Placement, planGeneration planned: Int) {
        if planned == planGeneration {
            ready.append(prepared)
        } else {
            steps.append(.confirmPlan(prepared, placement))
        }
    }

    /// Leaves it to the next scan; its part file is kept to resume from if that version is still wanted, else removed.
    private mutating func planAgain(_ placement: Placement) {
        planAgain(placement.key)
        steps.append(.discardPart(placement))
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

    private mutating func apply(_ arrivals: [ZipFetcher.StagedArrival]) {
        if arrivals.isEmpty { return }
        failUnreachable()
        for arrival in arrivals {
            take(
                PreparedOperation(.place(arrival.placement), content: .staged(arrival.file)), of: arrival.placement,
                planGeneration: arrival.planGeneration)
        }
    }

    private mutating func apply(_ shortfall: ZipFetcher.Shortfall) {
        zips.finished(shortfall)
        if shortfall.planGeneration == planGeneration {
            enqueue(shortfall.placements)
        } else {
            for placement in shortfall.placements { planAgain(placement.key) }
        }
    }

    private mutating func apply(_ adopted: Adopter.Adopted, planGeneration planned: Int) {
        adoptions.finished()
        if planned == planGeneration {
            ready.append(contentsOf: adopted.ready)
            queue.append(adopted.others)
        } else {
            release(Set(adopted.keys))
            scan.resume()
        }
    }

    /// Queues files that a zip has not brought, or that no zip shall bring.
    mutating func enqueue(_ placements: [Placement]) {
        queue.append(placements)
        downloadOnly.formUnion(placements.map(\.key))
    }

    // MARK: Plans

    private mutating func apply(_ window: WindowReader.Window, mayGrow: Bool) {
        switch window {
        case .empty:
            if !scan.end(mayGrow: mayGrow) || scan.isExhausted || isWorking { endRefill() }
        case .blocked(let clearing, let found):
            // What is queued would have to be put back: it is worked off first.
            if queue.ordinary.count >= limits.parallel || !adoptions.waiting.isEmpty { return endRefill() }
            scan.stay(found: found)
            unblock(clearing)
        case .planned(let plan): steps.append(.settle(plan, .window, failedFolders: failedFolders))
        }
    }

    private mutating func apply(_ window: WindowReader.Window, of keys: [RemoteKey]) {
        switch window {
        case .empty: break
        case .blocked(let clearing, _):
            // Read again at once: what is put back for these would else be planned before them, and put back again,
            // without end.
            blockedChanges = keys
            unblock(clearing)
        case .planned(let plan): steps.append(.settle(plan, .changes, failedFolders: failedFolders))
        }
    }

    private mutating func readAhead(_ window: WindowReader.Window, planGeneration planned: Int) {
        if case .planned(let plan) = window, planned == planGeneration {
            ahead = .planned(plan)
        } else {
            ahead = .useless
        }
    }

    private mutating func take(_ settled: PlanSettler.Settled, for purpose: PullStep.Purpose) {
        switch purpose {
        case .window:
            take(settled)
            ahead = .possible
        case .changes:
            begin(settled)
            if mayGroup { group(settled.placements, isUrgent: true) } else { queue.appendUrgent(settled.placements) }
        }
    }

    private mutating func take(_ settled: PlanSettler.Settled) {
        scan.advance(to: settled.last, found: settled.found)
        begin(settled)
        let (standing, others) = settled.placements.partitioned { settled.standing.contains($0.key) }
        queue.append(others)
        adoptions.append(standing)
    }

    private mutating func begin(_ settled: PlanSettler.Settled) {
        failedFolders.formUnion(settled.failedFolders)
        busy.formUnion(settled.placements.map(\.key))
        for placement in settled.placements { moving.merge(placement.move) { $1 } }
        downloadOnly.formUnion(settled.downloadOnly)
    }

    // MARK: Changes

    /// Later pages of the listing may have deleted what earlier ones reported: fetches of that are cancelled before
    /// anything is removed.
    private mutating func listingEnded() {
        isListing = false
        askWhatIsWanted()
    }

    private mutating func apply(retries due: [RemoteKey], upTo time: Timestamp) {
        feed.retriesKnown = time
        if due.isEmpty { return }
        feed.update { $0.add(due) }
        failedFolders = []
        mayRemove = true
        scan.resume()
    }

    /// Has the changes planned that were recorded.
    private mutating func apply(_ changed: ChangedKeys, _ result: Result<Timestamp, any Error>) {
        let wasRequested = feed.endReading()
        switch result {
        case .success(let asked):
            feed.completeAsOf = asked
            mayRemove = true
            if changed.isEmpty && !wasRequested { return }
        case .failure(let error):
            if limits.mayListAnew, disposition(of: error) == .cursorReset {
                feed.mustListAnew = true
                return
            }
            let passing: [Disposition] = [
                .abortPass, .skipItem, .parked, .unreachable, .retry(after: nil), .cursorReset,
            ]
            guard passing.contains(disposition(of: error)) else {
                failure = error
                return
            }
            // Fetches in flight continue; the next read of changes, here or in the next pass, cancels what is unwanted.
            steps.append(.noteReadFailure("\(error)"))
        }
        askWhatIsWanted()
        feed.update { $0.add(changed) }
        notes.append(.resetLineBudget)
        mayRemove = true
        scan.restart()
    }

    private mutating func askWhatIsWanted() {
        planGeneration += 1
        let keys = Set(inFlight.keys).union(queue.keys).union(zips.placements.map(\.key))
            .union(adoptions.waiting.map(\.key))
        if !keys.isEmpty { steps.append(.readWanted(keys)) }
    }

    /// Cancels fetches in flight that are no longer wanted and drops queued ones.
    private mutating func cancelUnwanted(_ wanted: [RemoteKey: FileVersion], among asked: Set<RemoteKey>) {
        func isWanted(_ placement: Placement) -> Bool {
            !asked.contains(placement.key) || wanted[placement.key] == placement.version
        }
        notes += inFlight.values.filter { !isWanted($0.placement) }.map { .cancel($0.placement.key) }
        var dropped = Set(queue.keep(where: isWanted)).union(adoptions.keep(where: isWanted))
        if !zips.placements.allSatisfy(isWanted) { dropped.formUnion(zips.cancelQueued().map(\.key)) }
        downloadOnly.subtract(dropped)
        release(dropped)
    }
}

extension PullEvent {
    /// Whether the loop waited for it, so that nothing else can have happened.
    fileprivate var isStepResult: Bool {
        switch self {
        case .done, .windowRead, .changesPlanned, .settled, .extentsRead, .wanted, .planConfirmed, .deletedRemoved,
            .retriesRead, .roomMade, .roomForOthers:
            true
        case .began, .fetched, .arrived, .unzipped, .readAhead, .settledAhead, .published, .tick, .pageRecorded,
            .wokenUp, .changesRead, .adopted:
            false
        }
    }
}
