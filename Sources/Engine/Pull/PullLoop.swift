import Concurrency
import MirrorFS
import SyncModel

/// Puts in place what is wanted: windows of pending items are planned, fetched in parallel and published in batches.
///
/// One loop feeds a group of at most `parallel` fetches and one batch being published, so that neither a slow file nor
/// the disk's flushes hold up the others. While the first listing runs it continues until that has ended. After that it
/// waits for changes, has them recorded while files arrive, and plans them before everything else.
///
/// Whatever changes paths or removes something (`executeBlockingChanges`, `removeDeleted`, `pruneWhileDownloading`) runs
/// while nothing is being planned or published. Fetches in flight meanwhile belong to an earlier `planGeneration`: they
/// are planned again before they are published.
struct PullLoop {
    let context: PassContext
    let publisher: Publisher
    let fetcher: Fetcher
    let planner: WindowPlanner
    /// The listing that runs beside this, which makes more and more pending.
    let listing: InitialListing?
    /// Whether the pass may list the account anew if the cursor expires.
    let mayListAnew: Bool

    var queue = FetchQueue()
    /// Files that come as zips.
    var zips: ZipQueue
    /// Whether the queue was looked through for that, which has to wait until the listing is complete.
    var hasGrouped = false
    /// Keys in the queue that are known to need a download.
    var downloadOnly: Set<RemoteKey> = []
    var ready: [PreparedOperation] = []
    var busy: Set<RemoteKey> = []
    /// Reuse candidates on their way to placements that are busy, by their key: where they will stand.
    var moving: [RemoteKey: LocalEntry] = [:]
    /// Fetches in flight, by key.
    var inFlight: [RemoteKey: InFlightFetch] = [:]
    var isPublishing = false
    var isPlanning = false
    /// Whether the next window takes more than planning, or is the last one.
    var mayPlanAhead = true
    var isTicking = false
    var isWatching = false
    var publishNow = false
    /// Whether the listing still runs, or has ended and what it reported was not yet compared with what is wanted.
    private(set) var isListing: Bool
    /// Incremented when paths or what is wanted may have changed: earlier plans are checked again.
    var planGeneration = 0
    /// Whether removals may be due.
    var mayRemove = true
    var scan = PendingScan()
    var feed: ChangeFeedState
    /// Downloads that Dropbox could not be reached for, since the last one that went well.
    var unreachable: [(key: RemoteKey, why: String)] = []
    var failedFolders: Set<RemoteKey> = []
    /// What the disk had no room for, and why, since room was made last.
    var starved: [(placement: Placement, why: MirrorError)] = []
    /// What was tried alone because of that.
    var triedAlone: Set<RemoteKey> = []

    typealias EventTasks = ThrowingTaskGroup<Event, any Error>

    enum Event: Sendable {
        case fetched(RemoteKey, Fetcher.Fetched)
        case unzipped(ZipFetcher.Shortfall)
        case planned(WindowPlanner.Plan?, planGeneration: Int)
        case published([RemoteKey])
        case tick
        case listed
        case wokenUp(WakeReason)
        case changesRead(Result<Int64, any Error>)
    }

    /// A placement that is being fetched.
    struct InFlightFetch {
        var placement: Placement
        var planGeneration: Int
        var isUrgent: Bool
        /// Notified when it is no longer wanted.
        var cancellation = AsyncSignal()
    }

    /// What `run` returns.
    struct Ending {
        /// The want is complete as of then, seconds since the epoch; `nil` if no changes were read.
        var asOf: Int64?
        /// Whether the cursor has expired: the account is to be listed anew before anything else.
        var mustListAnew = false
    }

    init(
        _ context: PassContext, beside listing: InitialListing?, changedKeys: ChangedKeys = ChangedKeys(),
        mayListAnew: Bool = true
    ) {
        self.context = context
        self.listing = listing
        isListing = listing != nil
        self.mayListAnew = mayListAnew
        publisher = Publisher(context: context)
        fetcher = Fetcher(context: context)
        planner = WindowPlanner(context: context, publisher: publisher)
        zips = ZipQueue(context)
        feed = ChangeFeedState(changedKeys: changedKeys, now: context.now())
    }

    /// Works until nothing that is due is left.
    mutating func run() async throws -> Ending {
        try await withThrowingTaskGroup(of: Event.self) { group in
            repeat {
                try await noticeEndOfListing()
                try await handleArrivals()
                try await planChanges(&group)
                if needsMoreWork { try await refill(&group) }
                startAll(&group)
                if try await removeDeleted(&group) { continue }
                if scan.isExhausted, isOnlyFetching { try await pruneWhileDownloading() }
                if feed.mustListAnew {
                    try await publishAll(&group)
                    group.cancelAll()
                    return
                }
                if isDone {
                    if try await makeRoom() { continue }
                    return await stopListening(&group)
                }
                listen(&group)
                if let event = try await group.next() { try await handle(event) }
            } while true
        }
        try await abortIfUnreachable()
        return Ending(asOf: feed.completeAsOf, mustListAnew: feed.mustListAnew)
    }

    /// Later pages of the listing may have deleted what earlier ones reported: fetches of that are cancelled before anything
    /// is removed.
    private mutating func noticeEndOfListing() async throws {
        guard isListing, listing?.isRunning == false else { return }
        isListing = false
        try await cancelUnwanted()
    }

    // MARK: What goes on

    var isFetching: Bool { !inFlight.isEmpty || zips.inFlight > 0 }

    var isQueueing: Bool { !queue.isEmpty || !zips.isEmpty }

    var isWorking: Bool { isFetching || isPublishing || isPlanning || !ready.isEmpty || isQueueing }

    var isOnlyFetching: Bool { isFetching && !isPublishing && !isPlanning && ready.isEmpty && !isQueueing }

    var isDone: Bool { scan.isExhausted && !isWorking && !feed.isBusy }

    var needsMoreWork: Bool {
        let isShort = queue.ordinary.count < context.settings.parallel || (mayGroup && !hasGrouped)
        return isShort && zips.isEmpty && !scan.isExhausted && !isPlanning
    }
}

/// Position of the repeated scan through the pending keys.
struct PendingScan {
    /// Scans that may find something.
    private static let most = 4

    private(set) var position: RemoteKey?
    private var found = 0
    private var remaining = Self.most
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
        isExhausted = !mayGrow && (found == 0 || remaining == 0)
        if !mayGrow && found > 0 { remaining -= 1 }
        defer { (position, found) = (nil, 0) }
        return found > 0
    }

    /// There is more to find, somewhere.
    mutating func resume() { isExhausted = false }

    /// There is more to find, from the first key on.
    mutating func restart() {
        position = nil
        remaining = Self.most
        isExhausted = false
    }
}
