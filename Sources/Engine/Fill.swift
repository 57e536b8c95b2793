import MirrorFS
import SyncModel

/// Puts in place what is wanted: windows of pending items are planned, fetched in parallel and published in batches.
///
/// One loop feeds a group of at most `parallel` fetches and one batch being published, so that neither a slow file nor
/// the disk's flushes hold up the others. While the first listing runs it goes round until that is done. Later it listens
/// for news, has them recorded beside the downloads, and works them off before everything else.
///
/// What changes paths or removes something (`clearTheWay`, `removeWhatIsGone`, `attendToOthers`) does so while nothing is
/// being planned or published. What is under way meanwhile was planned in an earlier `epoch` and is looked at once more
/// before it is published.
struct Fill {
    let context: PassContext
    let publisher: Publisher
    let fetcher: Fetcher
    let planner: WindowPlanner
    /// The listing that runs beside this, which makes more and more pending.
    let listing: Listing?
    /// Whether the pass may list the account anew if the cursor expires.
    let mayListAnew: Bool

    var queue = FetchQueue()
    /// What of it comes as zips.
    var zips: ZipQueue
    /// Whether the queue was looked through for that, which has to wait until the listing is complete.
    var hasGrouped = false
    /// What of the queue is known to need a download.
    var untouched: Set<RemoteKey> = []
    var ready: [Mutation] = []
    var busy: Set<RemoteKey> = []
    /// Donors on their way to placements that are busy, by their key: where they will stand.
    var moving: [RemoteKey: Standing] = [:]
    /// What is being fetched.
    var underWay: [RemoteKey: Errand] = [:]
    var isPublishing = false
    var isPlanning = false
    /// Whether the next window takes more than planning, or is the last one.
    var mayPlanAhead = true
    var isTicking = false
    var isWatching = false
    var publishNow = false
    /// Whether the listing has not ended, as far as was noticed: what it has told may still be under way.
    private(set) var isListing: Bool
    /// Grows when paths or wishes may have changed: what was planned before is looked at once more.
    var epoch = 0
    /// Whether removals may be due.
    var mayRemove = true
    var sweep = PendingSweep()
    var ears: Ears
    /// Downloads that Dropbox could not be reached for, since the last one that went well.
    var unreachable: [(key: RemoteKey, why: String)] = []
    var failedFolders: Set<RemoteKey> = []
    /// What the disk had no room for, and why, since room was made last.
    var starved: [(placement: Placement, why: MirrorError)] = []
    /// What was tried alone because of that.
    var triedAlone: Set<RemoteKey> = []

    typealias Steps = ThrowingTaskGroup<Step, any Error>

    enum Step: Sendable {
        case fetched(RemoteKey, Fetcher.Fetched)
        case unzipped(ZipFetcher.Left)
        case planned(WindowPlanner.Plan?, epoch: Int)
        case published([RemoteKey])
        case tick
        case listed
        case heard(Wake)
        case drained(Result<Int64, any Error>)
    }

    /// A placement that is being fetched.
    struct Errand {
        var placement: Placement
        var epoch: Int
        var isUrgent: Bool
        /// Made when it is no longer wanted.
        var abandonment = Request()
    }

    /// How it has ended.
    struct Ending {
        /// The want is complete as of then, seconds since the epoch; `nil` if no changes were asked for.
        var asOf: Int64?
        /// Whether the cursor has expired: the account is to be listed anew before anything else.
        var mustListAnew = false
    }

    init(_ context: PassContext, beside listing: Listing?, news: News = News(), mayListAnew: Bool = true) {
        self.context = context
        self.listing = listing
        isListing = listing != nil
        self.mayListAnew = mayListAnew
        publisher = Publisher(context: context)
        fetcher = Fetcher(context: context)
        planner = WindowPlanner(context: context, publisher: publisher)
        zips = ZipQueue(context)
        ears = Ears(news: news, now: context.now())
    }

    /// Works until nothing that is due is left.
    mutating func run() async throws -> Ending {
        try await withThrowingTaskGroup(of: Step.self) { group in
            repeat {
                try await noticeEndOfListing()
                try await takeArrivals()
                try await planNews(&group)
                if isHungry { try await refill(&group) }
                startAll(&group)
                if try await removeWhatIsGone(&group) { continue }
                if sweep.isExhausted, isOnlyFetching { try await attendToOthers() }
                if ears.mustListAnew {
                    try await publishAll(&group)
                    group.cancelAll()
                    return
                }
                if isDone {
                    if try await makeRoom() { continue }
                    return await stopListening(&group)
                }
                listen(&group)
                if let step = try await group.next() { try await take(step) }
            } while true
        }
        try await giveUpOnUnreachable()
        return Ending(asOf: ears.drainedAsOf, mustListAnew: ears.mustListAnew)
    }

    /// Later pages of the listing may have taken back what earlier ones told of: nothing is removed before what is under
    /// way is known to be wanted.
    private mutating func noticeEndOfListing() async throws {
        guard isListing, listing?.isRunning == false else { return }
        isListing = false
        try await forgetUnwanted()
    }

    // MARK: What goes on

    var isFetching: Bool { !underWay.isEmpty || zips.underWay > 0 }

    var isQueueing: Bool { !queue.isEmpty || !zips.isEmpty }

    var isWorking: Bool { isFetching || isPublishing || isPlanning || !ready.isEmpty || isQueueing }

    var isOnlyFetching: Bool { isFetching && !isPublishing && !isPlanning && ready.isEmpty && !isQueueing }

    var isDone: Bool { sweep.isExhausted && !isWorking && !ears.isBusy }

    var isHungry: Bool {
        let isShort = queue.ordinary.count < context.settings.parallel || (mayGroup && !hasGrouped)
        return isShort && zips.isEmpty && !sweep.isExhausted && !isPlanning
    }
}

/// Where the sweep through the pending keys stands.
struct PendingSweep {
    /// Sweeps that may find something.
    private static let most = 4

    private(set) var position: RemoteKey?
    private var found = 0
    private var left = Self.most
    private(set) var isExhausted = false

    /// What a window has brought.
    mutating func advance(to last: RemoteKey, found count: Int) {
        position = last
        found += count
    }

    /// A window had to be worked off before it could be planned; it is read again.
    mutating func stay(found count: Int) { found += count }

    /// There is nothing beyond the last window.
    ///
    /// - Parameter mayGrow: whether a listing may have brought more since that was read.
    /// - Returns: whether it is worth beginning again at once.
    mutating func end(mayGrow: Bool) -> Bool {
        isExhausted = !mayGrow && (found == 0 || left == 0)
        if !mayGrow && found > 0 { left -= 1 }
        defer { (position, found) = (nil, 0) }
        return found > 0
    }

    /// There is more to find, somewhere.
    mutating func goOn() { isExhausted = false }

    /// There is more to find, from the first key on.
    mutating func beginAnew() {
        position = nil
        left = Self.most
        isExhausted = false
    }
}
