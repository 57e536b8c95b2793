import Concurrency
import MirrorFS
import SyncModel

// The tasks that run concurrently with the loop.
extension PullLoop {
    /// How long finished files wait for others to be published with.
    private static let publishAfter = Duration.milliseconds(250)

    mutating func startAll(_ group: inout EventTasks) {
        planAhead(&group)
        startZips(&group)
        startFetches(&group)
        startPublishing(&group)
        startTicking(&group)
        watchListing(&group)
    }

    /// Fetches that may be in flight, so that small files that have changed do not wait for large ones.
    private var slotsForLight: Int {
        let heavy = inFlight.values.count { !$0.placement.isLight }
        return max(context.settings.parallel, heavy + max(1, context.settings.parallel / 4))
    }

    private mutating func startFetches(_ group: inout EventTasks) {
        let bound = context.settings.batch * 4
        while ready.count < bound {
            let used = zips.inFlight + inFlight.count
            guard let turn = queue.next(isFree: used < context.settings.parallel, isLightFree: used < slotsForLight)
            else { return }
            let placement = turn.placement
            let fetch = InFlightFetch(placement: placement, planGeneration: planGeneration, isUrgent: turn.isUrgent)
            inFlight[placement.key] = fetch
            let isDownloadOnly = downloadOnly.remove(placement.key) != nil
            group.addTask { [fetcher] in
                let fetched =
                    isDownloadOnly
                    ? try await fetcher.fetch(placement, isDownloadOnly: true)
                    : try await fetcher.fetch(placement, unless: fetch.cancellation)
                return .fetched(placement.key, fetched)
            }
        }
    }

    /// Plans the next window while files of this one still arrive, so that no request waits for the state file.
    private mutating func planAhead(_ group: inout EventTasks) {
        guard mayPlanAhead, !isPlanning, !scan.isExhausted, !mayGroup, zips.isEmpty,
            queue.ordinary.count >= context.settings.parallel, queue.ordinary.count <= context.settings.window / 2
        else { return }
        isPlanning = true
        group.addTask { [planner, position = scan.position, busy, moving, failedFolders, planGeneration] in
            let plan = try await planner.next(after: position, except: busy, moving, failedFolders)
            return .planned(plan, planGeneration: planGeneration)
        }
    }

    /// A zip is one download of those that may run at once.
    private mutating func startZips(_ group: inout EventTasks) {
        if !mayGroup { enqueue(zips.cancelQueued()) }
        let slots = zips.isUrgent ? slotsForLight : context.settings.parallel
        let most = min(ZipFetcher.atOnce, slots - inFlight.count)
        while zips.inFlight < most, let (next, fetcher) = zips.start() {
            group.addTask { [planGeneration] in .unzipped(try await fetcher.fetch(next, planGeneration: planGeneration))
            }
        }
    }

    mutating func startPublishing(_ group: inout EventTasks) {
        let isIdle = !isFetching && !isQueueing
        guard !isPublishing, !ready.isEmpty, ready.count >= context.settings.batch || publishNow || isIdle else {
            return
        }
        let batch = Array(ready.prefix(context.settings.batch))
        ready.removeFirst(batch.count)
        isPublishing = true
        publishNow = false
        group.addTask { [publisher] in
            try await publisher.publish(batch)
            return .published(batch.map(\.operation.key))
        }
    }

    /// A tick bounds how long finished files wait, and wakes the loop while there may be more to fetch or zips arrive;
    /// pages of a listing wake it by themselves.
    private mutating func startTicking(_ group: inout EventTasks) {
        let mayFindMore = queue.isEmpty && !scan.isExhausted && !isListing
        guard !isTicking, !ready.isEmpty || zips.inFlight > 0 || mayFindMore else { return }
        isTicking = true
        let clock = context.environment.clock
        group.addTask {
            try? await clock.sleep(for: Self.publishAfter)  // cancelled only when nothing is left to wait for
            return .tick
        }
    }

    /// Looks again as soon as a page is recorded.
    private mutating func watchListing(_ group: inout EventTasks) {
        guard let listing, isListing, !isWatching else { return }
        isWatching = true
        group.addTask {
            try await listing.pageRecorded.wait()
            return .listed
        }
    }
}
