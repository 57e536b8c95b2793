import DequeModule
import MirrorFS
import SyncModel

/// Decides what `PullLoop` does next: events go in, actions come out; nothing is awaited, read or written here.
///
/// After each event the stages are gone through in their order, which is the order of precedence: changes before what
/// else is pending, work that can run concurrently, removals, the end, and waiting. A stage that needs something read or
/// executed first returns a step, whose result is the next event.
///
/// Whatever changes paths or removes something (`.apply`, `.removeDeleted`, `.prune`) is a step while nothing is being
/// planned or published. Fetches in flight meanwhile belong to an earlier `planGeneration`: they are planned again before
/// they are published.
struct PullState {
    let limits: Limits
    /// Whether the first listing still runs, or has ended and what it reported was not yet compared with what is wanted.
    var isListing: Bool
    var stage = Stage.changes
    /// Whether nothing new begins until all that is ready is published.
    var isDraining = false
    /// Whether that has just ended for the sake of removals: what happened meanwhile has begun nothing.
    var hasDrained = false
    /// Steps that come before everything else.
    var steps: Deque<PullStep> = []
    /// Actions that need no waiting and come before the steps.
    var notes: [PullAction] = []
    /// What ends the loop once the steps are done.
    var failure: (any Error)?

    var queue = FetchQueue()
    /// Files that come as zips.
    var zips: ZipQueue
    /// Files that may stand already.
    var adoptions = AdoptionQueue()
    /// Whether the queue was looked through for that, which has to wait until the listing is complete.
    var hasGrouped = false
    /// Keys in the queue that are known to need a download.
    var downloadOnly: Set<RemoteKey> = []
    var ready: Deque<PreparedOperation> = []
    var busy: Set<RemoteKey> = []
    /// Reuse candidates on their way to placements that are busy, by their key: where they will stand.
    var moving: [RemoteKey: LocalEntry] = [:]
    /// Fetches in flight, by key.
    var inFlight: [RemoteKey: InFlightFetch] = [:]
    var ahead = PlanAhead.possible
    var refill: Refill?
    /// Changed keys that are read again when nothing stands in their way any more.
    var blockedChanges: [RemoteKey]?
    var isPublishing = false
    var publishNow = false
    var isTicking = false
    var isWatching = false
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
    var starved: [Starved] = []
    /// What was tried alone because of that.
    var triedAlone: Set<RemoteKey> = []

    init(limits: Limits, isListing: Bool, changedKeys: ChangedKeys, now: Timestamp) {
        self.limits = limits
        self.isListing = isListing
        zips = ZipQueue(rules: limits.zips)
        feed = ChangeFeedState(changedKeys: changedKeys, now: now)
    }

    /// What is to be done after an event.
    mutating func handle(_ event: PullEvent) -> [PullAction] {
        apply(event)
        return nextActions()
    }

    private mutating func nextActions() -> [PullAction] {
        var actions: [PullAction] = []
        while true {
            actions += notes
            notes = []
            if !steps.isEmpty { return actions + [.step(steps.removeFirst())] }
            if let failure { return actions + [.fail(failure)] }
            if isDraining {
                publishNow = publishNow || isToPublish
                actions += startPublishing()
                if isPublishing { return actions }
                (isDraining, hasDrained) = (false, stage == .removals)
            }
            switch stage {
            case .changes: planChanges()
            case .refill: refillQueue()
            case .start:
                actions += startTasks()
                stage = .removals
            case .removals: removeDeleted()
            case .pruning: pruneWhileDownloading()
            case .ending: endOrMakeRoom()
            case .stopped: return actions + [.finish(ending)]
            case .waiting: return actions + listen()
            }
        }
    }

    private var ending: PullLoop.Ending { .init(asOf: feed.completeAsOf, mustListAnew: feed.mustListAnew) }

    // MARK: What goes on

    var isPlanning: Bool { ahead.isUnderWay }

    var isFetching: Bool { !inFlight.isEmpty || zips.inFlight > 0 || adoptions.inFlight > 0 }

    var isQueueing: Bool { !queue.isEmpty || !zips.isEmpty || !adoptions.waiting.isEmpty }

    var isToPublish: Bool { isPublishing || !ready.isEmpty }

    var isWorking: Bool { isFetching || isToPublish || isPlanning || isQueueing }

    var isOnlyFetching: Bool { isFetching && !isToPublish && !isPlanning && !isQueueing }

    var isDone: Bool { scan.isExhausted && !isWorking && !feed.isBusy }

    var mayGroup: Bool { zips.isOpen && !isListing }
}

extension PullState {
    /// The stages after each event, in order of precedence.
    enum Stage {
        case changes, refill, start, removals, pruning, ending, stopped, waiting
    }

    /// The next window, which is planned while files of this one still arrive.
    enum PlanAhead {
        case possible
        /// It takes more than planning, or is the last one.
        case useless
        case reading
        case planned(WindowReader.Plan)
        case settling

        var isUnderWay: Bool {
            switch self {
            case .possible, .useless: false
            case .reading, .planned, .settling: true
            }
        }
    }

    /// Windows that are being read until there is enough to fetch.
    struct Refill {
        /// Whether files are looked through for zips then.
        var isGrouping: Bool
        /// Files that were queued before.
        var before: Int
        /// Files to be queued.
        var goal: Int
    }

    /// A placement that the disk had no room for.
    struct Starved {
        var placement: Placement
        /// What it needs at least.
        var bytes: Int64
        var why: MirrorError
    }

    /// A placement that is being fetched.
    struct InFlightFetch {
        var placement: Placement
        var planGeneration: Int
        var isUrgent: Bool
    }

    /// What bounds the work.
    struct Limits {
        /// Downloads at a time; small files that have changed may exceed it by a quarter, at least by one.
        var parallel = 16
        /// Operations in a batch.
        var batch = 512
        /// Items in a window.
        var window = 2048
        /// What comes as zips; `nil` for nothing.
        var zips: ZipGrouping?
        /// Whether the pass may list the account anew if the cursor expires.
        var mayListAnew = true
    }
}
