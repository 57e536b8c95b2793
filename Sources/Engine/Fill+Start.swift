import MirrorFS
import SyncModel

// What runs beside the loop.
extension Fill {
    /// How long finished files wait for others to be published with.
    private static let publishAfter = Duration.milliseconds(250)

    mutating func startAll(_ group: inout Steps) {
        planAhead(&group)
        startZips(&group)
        startFetches(&group)
        startPublishing(&group)
        startTicking(&group)
        watchListing(&group)
    }

    /// What may be under way of small files that news have told of, and all others: they do not wait for large ones.
    private var slotsForLight: Int {
        let heavy = underWay.values.count { !$0.placement.isLight }
        return max(context.settings.parallel, heavy + max(1, context.settings.parallel / 4))
    }

    private mutating func startFetches(_ group: inout Steps) {
        let bound = context.settings.batch * 4
        while ready.count < bound {
            let used = zips.underWay + underWay.count
            guard let turn = queue.next(isFree: used < context.settings.parallel, isLightFree: used < slotsForLight)
            else { return }
            let placement = turn.placement
            let errand = Errand(placement: placement, epoch: epoch, isUrgent: turn.isUrgent)
            underWay[placement.key] = errand
            let isUntouched = untouched.remove(placement.key) != nil
            group.addTask { [fetcher] in
                let fetched =
                    isUntouched
                    ? try await fetcher.fetch(placement, isUntouched: true)
                    : try await fetcher.fetch(placement, unless: errand.abandonment)
                return .fetched(placement.key, fetched)
            }
        }
    }

    /// Plans the next window while files of this one still arrive, so that no request waits for the state file.
    private mutating func planAhead(_ group: inout Steps) {
        guard mayPlanAhead, !isPlanning, !sweep.isExhausted, !mayGroup, zips.isEmpty,
            queue.ordinary.count >= context.settings.parallel, queue.ordinary.count <= context.settings.window / 2
        else { return }
        isPlanning = true
        group.addTask { [planner, position = sweep.position, busy, moving, failedFolders, epoch] in
            let plan = try await planner.next(after: position, except: busy, moving, failedFolders)
            return .planned(plan, epoch: epoch)
        }
    }

    /// A zip is one download of those that may run at once.
    private mutating func startZips(_ group: inout Steps) {
        if !mayGroup { enqueue(zips.takeAll()) }
        let slots = zips.isUrgent ? slotsForLight : context.settings.parallel
        let most = min(ZipFetcher.atOnce, slots - underWay.count)
        while zips.underWay < most, let (next, fetcher) = zips.start() {
            group.addTask { [epoch] in .unzipped(try await fetcher.fetch(next, epoch: epoch)) }
        }
    }

    mutating func startPublishing(_ group: inout Steps) {
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

    /// A tick bounds how long finished files wait, and looks again while there may be more to fetch or zips arrive; what
    /// a listing brings is heard of.
    private mutating func startTicking(_ group: inout Steps) {
        let mayFindMore = queue.isEmpty && !sweep.isExhausted && !isListing
        guard !isTicking, !ready.isEmpty || zips.underWay > 0 || mayFindMore else { return }
        isTicking = true
        let clock = context.surroundings.clock
        group.addTask {
            try? await clock.sleep(for: Self.publishAfter)  // cancelled only when nothing is left to wait for
            return .tick
        }
    }

    /// Looks again as soon as a page is recorded.
    private mutating func watchListing(_ group: inout Steps) {
        guard let listing, isListing, !isWatching else { return }
        isWatching = true
        group.addTask {
            try await listing.news.next()
            return .listed
        }
    }
}
