import MirrorFS
import Store
import SyncModel

/// What happened, as far as `PullState` decides by it.
enum PullEvent: Sendable {
    case began

    // Results of tasks
    case fetched(RemoteKey, Fetcher.Fetched)
    /// Files have come in zips.
    case arrived([ZipFetcher.StagedArrival])
    case unzipped(ZipFetcher.Shortfall)
    /// Files that may have stood already were hashed.
    case adopted(Adopter.Adopted, planGeneration: Int)
    /// The next window was read ahead of time.
    case readAhead(WindowReader.Window, planGeneration: Int)
    case settledAhead(PlanSettler.Settled, planGeneration: Int)
    case published([RemoteKey])
    case tick
    /// A page of the first listing was recorded.
    case pageRecorded(isLast: Bool)
    case wokenUp(WakeReason)
    /// Changes were recorded, as of a time, or could not all be.
    case changesRead(ChangedKeys, Result<Timestamp, any Error>)

    // Results of steps
    case done
    case windowRead(WindowReader.Window, mayGrow: Bool)
    case changesPlanned(WindowReader.Window, keys: [RemoteKey])
    case settled(PlanSettler.Settled, PullStep.Purpose)
    case extentsRead([RemoteKey: SubtreeExtent], PullStep.Grouping)
    /// The versions that are wanted under the keys that were asked for.
    case wanted([RemoteKey: FileVersion], among: Set<RemoteKey>)
    /// The operation as it is planned now; `nil` if it has to be planned from the start.
    case planConfirmed(PreparedOperation?, Placement)
    /// Deleted entries were removed, unless more changes are to be recorded before.
    case deletedRemoved(isComplete: Bool)
    /// Retries that have become due, and until when that was looked up.
    case retriesRead([RemoteKey], upTo: Timestamp)
    case roomMade(Bool)
    case roomForOthers(Bool)
}

/// What `PullLoop` is to do.
enum PullAction: Sendable {
    /// Begins something that runs concurrently and ends with an event.
    case start(PullTask)
    /// Does something that nothing else may run beside; always the last action of a list.
    case step(PullStep)
    /// Cancels the fetch of a key.
    case cancel(RemoteKey)
    /// Lets changes be logged at `info` again.
    case resetLineBudget
    /// Cancels all tasks and waits for their ends.
    case stopTasks
    case finish(PullLoop.Ending)
    case fail(any Error)
}

/// Something that runs concurrently with the loop.
enum PullTask: Sendable {
    /// Gets a file ready; what is known to need a download is not cancelled for the sake of another version.
    case fetch(Placement, isDownloadOnly: Bool)
    case fetchZip(ZipGroup, planGeneration: Int)
    /// Hashes files that may stand already.
    case adopt([Placement], planGeneration: Int)
    /// Reads and plans the window after a position.
    case readAhead(WindowReader.Scope, planGeneration: Int)
    case settleAhead(WindowReader.Plan, failedFolders: Set<RemoteKey>, planGeneration: Int)
    case publish([PreparedOperation])
    case tick
    case watchListing
    /// Waits for changes, and for retries that become due after a time; not at once if the pass may be
    /// over soon.
    case listen(retriesAfter: Timestamp, isFirst: Bool)
    case readChanges
}

/// Something that the loop waits for before it takes the next event.
enum PullStep: Sendable {
    /// Reads and plans the next window of pending items.
    case readWindow(WindowReader.Scope, mayGrow: Bool)
    /// Reads and plans changed keys.
    case planChanges([RemoteKey], WindowReader.Scope)
    /// Makes the folders of a plan.
    case settle(WindowReader.Plan, Purpose, failedFolders: Set<RemoteKey>)
    /// Executes what changes paths.
    case apply([PlannedOperation])
    /// Looks up what stands below folders that may come as zips.
    case readExtents([RemoteKey], Grouping)
    case readWanted(Set<RemoteKey>)
    /// Plans again what was got ready for an earlier plan.
    case confirmPlan(PreparedOperation, Placement)
    /// Removes the part file of a version that is no longer wanted.
    case discardPart(Placement)
    case commit([Outcome])
    /// Removes deleted entries at and below keys, unless more changes are to be recorded before.
    case removeDeleted([RemoteKey])
    /// Removes whatever is no longer wanted.
    case prune
    case readRetries(after: Timestamp)
    case makeRoom(Placement, bytes: Int64)
    case askForRoom
    case noteReadFailure(String)

    /// What a plan is for.
    enum Purpose: Sendable {
        case changes, window
    }

    /// Files that may come as zips, and those beside them that may not.
    struct Grouping: Sendable {
        var possible: [Placement]
        var others: [Placement]
        /// Whether they have changed; else they are what was queued.
        var isUrgent: Bool
    }
}
