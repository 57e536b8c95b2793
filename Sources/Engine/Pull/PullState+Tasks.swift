import MirrorFS
import SyncModel

// The tasks that run concurrently with the loop.
extension PullState {
    mutating func startTasks() -> [PullAction] {
        planAhead() + startAdoptions() + startZips() + startFetches() + startPublishing() + startTicking()
            + watchListing()
    }

    /// Fetches that may be in flight, so that small files that have changed do not wait for large ones.
    private var slotsForLight: Int {
        let heavy = inFlight.values.count { !$0.placement.isLight }
        return max(limits.parallel, heavy + max(1, limits.parallel / 4))
    }

    mutating func startAdoptions() -> [PullAction] {
        var actions: [PullAction] = []
        // One batch is published while the next one is got ready.
        while ready.count < 2 * largestBatch, let batch = adoptions.start() {
            actions.append(.start(.adopt(batch, planGeneration: planGeneration)))
        }
        return actions
    }

    private mutating func startFetches() -> [PullAction] {
        var actions: [PullAction] = []
        let bound = limits.batch * 4
        while ready.count < bound {
            let used = zips.inFlight + inFlight.count
            guard let turn = queue.next(isFree: used < limits.parallel, isLightFree: used < slotsForLight) else {
                break
            }
            let placement = turn.placement
            inFlight[placement.key] = InFlightFetch(
                placement: placement, planGeneration: planGeneration, isUrgent: turn.isUrgent)
            let isDownloadOnly = downloadOnly.remove(placement.key) != nil
            actions.append(.start(.fetch(placement, isDownloadOnly: isDownloadOnly)))
        }
        return actions
    }

    /// Plans the next window while files of this one still arrive, so that no request waits for the state file.
    private mutating func planAhead() -> [PullAction] {
        if case .planned(let plan) = ahead {
            ahead = .settling
            return [.start(.settleAhead(plan, failedFolders: failedFolders, planGeneration: planGeneration))]
        }
        guard case .possible = ahead, !scan.isExhausted, !mayGroup, zips.isEmpty,
            queue.ordinary.count >= limits.parallel, queue.ordinary.count <= limits.window / 2
        else { return [] }
        ahead = .reading
        return [.start(.readAhead(scope, planGeneration: planGeneration))]
    }

    /// A zip is one download of those that may run at once.
    private mutating func startZips() -> [PullAction] {
        if !mayGroup { enqueue(zips.cancelQueued()) }
        let slots = zips.isUrgent ? slotsForLight : limits.parallel
        let most = min(ZipFetcher.atOnce, slots - inFlight.count)
        var actions: [PullAction] = []
        while zips.inFlight < most, let next = zips.start() {
            actions.append(.start(.fetchZip(next, planGeneration: planGeneration)))
        }
        return actions
    }

    /// Publishes a batch once it is full, waited for long enough, or nothing else can join it.
    mutating func startPublishing() -> [PullAction] {
        let isIdle = !isFetching && !isQueueing
        guard !isPublishing, !ready.isEmpty, ready.count >= limits.batch || publishNow || isIdle else { return [] }
        let batch = Array(ready.prefix(nextBatch))
        ready.removeFirst(batch.count)
        isPublishing = true
        publishNow = false
        return [.start(.publish(batch))]
    }

    /// Operations of a batch in which nearly all are adopted: hardly anything is done for them but two syncs of the disk.
    private var largestBatch: Int { limits.batch * 4 }

    /// How many of those that are ready come next.
    private var nextBatch: Int {
        var effects = 0
        for (number, prepared) in ready.prefix(largestBatch).enumerated() {
            if case .adopted? = prepared.content { continue }
            if effects == limits.batch { return number }
            effects += 1
        }
        return min(ready.count, largestBatch)
    }

    /// A tick bounds how long finished files wait, and wakes the loop while there may be more to fetch or zips arrive;
    /// pages of a listing wake it by themselves.
    private mutating func startTicking() -> [PullAction] {
        let mayFindMore = queue.isEmpty && !scan.isExhausted && !isListing
        guard !isTicking, !ready.isEmpty || zips.inFlight > 0 || mayFindMore else { return [] }
        isTicking = true
        return [.start(.tick)]
    }

    /// Looks again as soon as a page is recorded.
    private mutating func watchListing() -> [PullAction] {
        guard isListing, !isWatching else { return [] }
        isWatching = true
        return [.start(.watchListing)]
    }

    /// Waits for changes concurrently with fetches, or records those that were reported.
    mutating func listen() -> [PullAction] {
        guard !feed.isListening, !feed.isReading, !isListing else { return [] }
        if feed.mustRead {
            feed.beginReading()
            return [.start(.readChanges)]
        }
        defer { feed.beginListening() }
        return [.start(.listen(retriesAfter: feed.retriesKnown, isFirst: feed.isFirstTime))]
    }
}
