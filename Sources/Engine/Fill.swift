import Logging
import MirrorFS
import Store
import SyncModel
import Synchronization

/// Puts in place what is wanted: windows of pending items are planned, fetched in parallel and published in batches.
///
/// One loop feeds a group of at most `parallel` fetches and one batch being published, so that neither a slow file nor
/// the disk's flushes hold up the others. While the first listing runs it goes round until that is done. When nothing is
/// left but downloads that take their time, it removes what is to be removed and listens for news, which it records and
/// works off beside them.
struct Fill {
    private let context: PassContext
    private let publisher: Publisher
    private let fetcher: Fetcher
    private let planner: WindowPlanner
    /// The listing that runs beside this, which makes more and more pending.
    private let listing: Listing?

    private var queue: ArraySlice<Placement> = []
    /// What of it comes as zips.
    private var zips: ZipQueue
    /// Whether the queue was looked through for that, which has to wait until the listing is complete.
    private var hasGrouped = false
    /// What of the queue is known to need a download.
    private var untouched: Set<RemoteKey> = []
    private var ready: [Mutation] = []
    private var busy: Set<RemoteKey> = []
    /// Donors on their way to placements that are busy, by their key: where they will stand.
    private var moving: [RemoteKey: Standing] = [:]
    /// What is being fetched.
    private var underWay: [RemoteKey: Errand] = [:]
    private var isPublishing = false
    private var isPlanning = false
    /// Whether the next window takes more than planning, or is the last one.
    private var mayPlanAhead = true
    private var isTicking = false
    private var isWatching = false
    private var isListening = false
    private var publishNow = false
    /// Grows when paths or wishes may have changed: what was planned before is looked at once more.
    private var epoch = 0
    /// Whether removals may be due.
    private var mayRemove = true
    /// Where the sweep through the pending keys stands.
    private var position: RemoteKey?
    private var foundInSweep = 0
    private var sweepsLeft = Fill.sweeps
    private var isExhausted = false
    /// Downloads that Dropbox could not be reached for, since the last one that went well.
    private var unreachable: [(key: RemoteKey, why: String)] = []
    private var failedFolders: Set<RemoteKey> = []
    /// What the disk had no room for, and why, since room was made last.
    private var starved: [(placement: Placement, why: MirrorError)] = []
    /// What was tried alone because of that.
    private var triedAlone: Set<RemoteKey> = []

    /// Sweeps through the pending keys that may find something.
    private static let sweeps = 4
    /// Failures of the network in a row, without a success between, after which the pass is given up.
    private static let networkFailuresAllowed = 16
    /// How long finished files wait for others to be published with.
    private static let publishAfter = Duration.milliseconds(250)

    private enum Step: Sendable {
        case fetched(RemoteKey, Fetcher.Fetched)
        case unzipped(ZipFetcher.Left)
        case planned(WindowPlanner.Plan?, epoch: Int)
        case published([RemoteKey])
        case tick
        case listed
        case news
    }

    /// A placement that is being fetched.
    private struct Errand {
        var placement: Placement
        var epoch: Int
        /// Made when it is no longer wanted.
        var abandonment = Request()
    }

    init(_ context: PassContext, beside listing: Listing?) {
        self.context = context
        self.listing = listing
        publisher = Publisher(context: context)
        fetcher = Fetcher(context: context)
        planner = WindowPlanner(context: context, publisher: publisher)
        zips = ZipQueue(context)
    }

    /// Works until nothing that is due is left.
    mutating func run() async throws {
        try await withThrowingTaskGroup(of: Step.self) { group in
            while true {
                try await takeArrivals()
                if isHungry { try await refill(&group) }
                planAhead(&group)
                startZips(&group)
                startFetches(&group)
                startPublishing(&group)
                startTicking(&group)
                watchListing(&group)
                if isExhausted, isOnlyFetching { try await attendToOthers(&group) }
                guard let step = try await group.next() else {
                    if isExhausted, try await !makeRoom() { break }
                    continue
                }
                try await take(step)
                if isExhausted && !isWorking {
                    if try await makeRoom() { continue }
                    group.cancelAll()  // only a tick or a listener can be left
                    break
                }
            }
        }
        try await giveUpOnUnreachable()
    }

    private var isListing: Bool { listing?.isRunning ?? false }

    private var isFetching: Bool { !underWay.isEmpty || zips.underWay > 0 }

    private var isQueueing: Bool { !queue.isEmpty || !zips.isEmpty }

    private var isWorking: Bool { isFetching || isPublishing || isPlanning || !ready.isEmpty || isQueueing }

    private var isOnlyFetching: Bool { isFetching && !isPublishing && !isPlanning && ready.isEmpty && !isQueueing }

    private var isHungry: Bool {
        let isShort = queue.count < context.settings.parallel || (mayGroup && !hasGrouped)
        return isShort && zips.isEmpty && !isExhausted && !isPlanning
    }

    // MARK: The group

    private mutating func startFetches(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        let bound = context.settings.batch * 4
        let most = context.settings.parallel - zips.underWay
        while underWay.count < most, ready.count < bound, let placement = queue.popFirst() {
            let errand = Errand(placement: placement, epoch: epoch)
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
    private mutating func planAhead(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        guard mayPlanAhead, !isPlanning, !isExhausted, !mayGroup, zips.isEmpty,
            queue.count >= context.settings.parallel, queue.count <= context.settings.window / 2
        else { return }
        isPlanning = true
        group.addTask { [planner, position, busy, moving, failedFolders, epoch] in
            let plan = try await planner.next(after: position, except: busy, moving, failedFolders)
            return .planned(plan, epoch: epoch)
        }
    }

    /// A zip is one download of those that may run at once.
    private mutating func startZips(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        if !mayGroup { enqueue(zips.takeAll()) }
        let most = min(ZipFetcher.atOnce, context.settings.parallel - underWay.count)
        while zips.underWay < most, let (next, fetcher) = zips.start() {
            group.addTask { [epoch] in .unzipped(try await fetcher.fetch(next, epoch: epoch)) }
        }
    }

    private mutating func startPublishing(_ group: inout ThrowingTaskGroup<Step, any Error>) {
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
    private mutating func startTicking(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        guard !isTicking, !ready.isEmpty || zips.underWay > 0 || (queue.isEmpty && !isExhausted && !isListing) else {
            return
        }
        isTicking = true
        let clock = context.surroundings.clock
        group.addTask {
            try? await clock.sleep(for: Self.publishAfter)  // cancelled only when nothing is left to wait for
            return .tick
        }
    }

    /// Looks again as soon as a page is recorded.
    private mutating func watchListing(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        guard let listing, listing.isRunning, !isWatching else { return }
        isWatching = true
        group.addTask {
            try await listing.news.next()
            return .listed
        }
    }

    private mutating func take(_ step: Step) async throws {
        switch step {
        case .listed: isWatching = false
        case .tick:
            isTicking = false
            publishNow = true
        case .published(let keys):
            isPublishing = false
            release(Set(keys))
        case .news:
            isListening = false
            try await takeNews()
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
        case .abandoned: planAgain(key)
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
            planAgain(placement.key)
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

    /// The next sweep finds it; what was fetched of it is a part to go on from.
    private mutating func planAgain(_ key: RemoteKey) {
        release([key])
        isExhausted = false
    }

    private mutating func release(_ keys: Set<RemoteKey>) {
        busy.subtract(keys)
        if !moving.isEmpty { moving = moving.filter { !keys.contains($0.value.key) } }
    }

    // MARK: Space

    /// Makes room for what found none while others were at work, when those are done and what is whole is published.
    ///
    /// The smallest is tried alone, then all others again; so each round brings at least one file as long as one fits. If
    /// the smallest finds no room alone, none does, whatever it is that the disk lacks.
    ///
    /// - Returns: whether there is something to fetch again.
    private mutating func makeRoom() async throws -> Bool {
        starved.sort { $0.placement.version.size < $1.placement.version.size }
        guard let first = starved.first else { return false }
        let space = StagingSpace(context: context)
        let hasFailedAlone = triedAlone.contains(first.placement.key)
        if !hasFailedAlone, try await space.make(for: first.placement) {
            triedAlone.insert(first.placement.key)
            enqueueStarved(1)
            return true
        }
        if triedAlone.isEmpty || hasFailedAlone {
            let lacking = starved
            starved = []
            triedAlone = []
            if try await !space.isRoomForOthers() { throw first.why }
            // Others find room: it is these files that are too large.
            try await publisher.commit(
                lacking.map { .failed($0.placement.key, why: "\($0.why)", retry: StagingSpace.retry) })
            release(Set(lacking.map(\.placement.key)))
            return false
        }
        triedAlone = []
        enqueueStarved(starved.count)
        return true
    }

    private mutating func enqueueStarved(_ count: Int) {
        queue.append(contentsOf: starved.prefix(count).map(\.placement))
        starved.removeFirst(count)
    }

    // MARK: Zips

    private mutating func takeArrivals() async throws {
        let arrived = zips.arrived()
        if arrived.isEmpty { return }
        try await blameUnreachable()
        for arrival in arrived {
            try await take(
                Mutation(.place(arrival.placement), content: .staged(arrival.file)), of: arrival.placement,
                epoch: arrival.epoch)
        }
    }

    private var mayGroup: Bool { zips.isOpen && !isListing }

    /// Takes out of the queue what comes as zips.
    private mutating func makeGroups() async throws {
        // An empty file needs no request.
        let (possible, others) = Array(queue).partitioned { untouched.contains($0.key) && $0.version.size > 0 }
        let rest = try await zips.add(possible)
        if rest.count == possible.count { return }
        queue = (others + rest)[...]
        untouched = Set(queue.map(\.key)).intersection(untouched)
    }

    /// Queues files that a zip has not brought, or that no zip shall bring.
    private mutating func enqueue(_ placements: [Placement]) {
        queue.append(contentsOf: placements)
        untouched.formUnion(placements.map(\.key))
    }

    // MARK: The network

    /// Others arrive, so it is these files, or the way to them: they fail like everything else.
    private mutating func blameUnreachable() async throws {
        if unreachable.isEmpty { return }
        try await publisher.commit(unreachable.map { .failed($0.key, why: $0.why, retry: nil) })
        release(Set(unreachable.map(\.key)))
        unreachable = []
    }

    /// Nothing arrives: that is no fault of the files, and the pass ends.
    private mutating func giveUpOnUnreachable() async throws {
        guard let last = unreachable.last else { return }
        let count = unreachable.count
        try await publisher.commit(unreachable.map { .delayed($0.key, why: $0.why) })
        unreachable = []
        throw EngineError(
            .unreachable,
            "\(count == 1 ? "a download" : "\(count) downloads in a row") failed, the last one: \(last.why)")
    }

    // MARK: Beside slow downloads

    /// Removes what is to be removed; listens for news, and records them.
    private mutating func attendToOthers(_ group: inout ThrowingTaskGroup<Step, any Error>) async throws {
        if isListing { return }
        if mayRemove, underWay.values.allSatisfy({ $0.placement.sources == [.download] }) {
            mayRemove = false
            let progress = try await context.store.progress()
            if !progress.isListing { try await Prune(context: context).run() }
            try await context.disk.run { [mirror = context.mirror] in try mirror.sweepSpared() }
        }
        guard !isListening else { return }
        isListening = true
        group.addTask { [context] in
            try await context.awaitNews()
            do {
                _ = try await Drain(context).run()
            } catch  where [.pass, .unreachable, .retry(after: nil)].contains(disposition(of: error)) {
                // What is under way may go on; the next news, or the next pass, will tell.
                context.events.note(.debug, "news could not be read beside a download: \(error)")
            }
            return .news
        }
    }

    /// Works off what news have brought; what is under way and no longer wanted is abandoned.
    private mutating func takeNews() async throws {
        epoch += 1
        let wanted = try await context.store.wantedVersions(of: Array(underWay.keys))
        for (key, errand) in underWay where wanted[key] != errand.placement.version { errand.abandonment.make() }
        context.events.beginChapter()
        mayRemove = true
        isExhausted = false
        sweepsLeft = Self.sweeps
    }

    // MARK: Windows

    /// Reads windows and decides what of them comes as zips; that takes a look at more of them than a download each.
    private mutating func refill(_ group: inout ThrowingTaskGroup<Step, any Error>) async throws {
        let (isGrouping, before) = (mayGroup, queue.count)
        let goal = isGrouping ? max(BulkGrouping.entryLimit, context.settings.parallel) : context.settings.parallel
        try await readWindows(&group, goal: goal)
        guard isGrouping else { return }
        if queue.count > before || !hasGrouped { try await makeGroups() }
        hasGrouped = true
    }

    /// Reads and plans windows until there is something to fetch or nothing left.
    private mutating func readWindows(
        _ group: inout ThrowingTaskGroup<Step, any Error>, goal: Int
    ) async throws {
        while queue.count < goal {
            // Asked first: what is recorded after this look is found by the next one.
            let mayGrow = isListing
            let window = try await context.store.additions(
                after: position, limit: context.settings.window, now: context.now())
            guard let last = window.last else {
                isExhausted = !mayGrow && (foundInSweep == 0 || sweepsLeft == 0)
                if !mayGrow && foundInSweep > 0 { sweepsLeft -= 1 }
                let foundSomething = foundInSweep > 0
                position = nil
                foundInSweep = 0
                if isExhausted || !foundSomething || isWorking { return }
                continue
            }
            let items = window.filter { !busy.contains($0.key) }
            // What is queued would have to be put back: it is worked off first.
            if queue.count >= context.settings.parallel, !Planner.clearing(items).isEmpty { return }
            if try await clearTheWay(items, &group) {
                foundInSweep += items.count
                continue
            }
            take(try await planner.plan(items, upTo: last.key, moving, failedFolders))
            mayPlanAhead = true
        }
    }

    /// Executes what changes paths; the window has to be read again afterwards.
    ///
    /// - Returns: whether there was anything of that kind.
    private mutating func clearTheWay(
        _ items: [PendingItem], _ group: inout ThrowingTaskGroup<Step, any Error>
    ) async throws -> Bool {
        let clearing = Planner.clearing(items)
        if clearing.isEmpty { return false }
        if isPublishing || !ready.isEmpty || isQueueing {
            // What is published may add to what stands in the way.
            try await finishPublishing(&group)
            return true
        }
        context.board.update { $0.phase = .applying }
        try await publisher.publish(clearing.map { Mutation($0) })
        epoch += 1  // what is under way was planned with the paths of before
        return true
    }

    /// Finishes what is being published; what is only queued stays pending for the next sweep.
    private mutating func finishPublishing(_ group: inout ThrowingTaskGroup<Step, any Error>) async throws {
        enqueue(zips.takeAll())
        release(Set(queue.map(\.key)))
        queue = []
        untouched = []
        while isPublishing || !ready.isEmpty {
            publishNow = true
            startPublishing(&group)
            guard let step = try await group.next() else { break }
            try await take(step)
        }
    }

    private mutating func take(_ plan: WindowPlanner.Plan) {
        position = plan.last
        foundInSweep += plan.found
        failedFolders.formUnion(plan.failedFolders)
        busy.formUnion(plan.placements.map(\.key))
        for placement in plan.placements { moving.merge(placement.move) { $1 } }
        queue.append(contentsOf: plan.placements)
        untouched.formUnion(plan.untouched)
    }
}

extension Array {
    /// The elements that fulfil the condition, and the others, both in order.
    func partitioned(by condition: (Element) -> Bool) -> (matching: [Element], others: [Element]) {
        var parts: (matching: [Element], others: [Element]) = ([], [])
        for element in self {
            if condition(element) { parts.matching.append(element) } else { parts.others.append(element) }
        }
        return parts
    }
}
