import MirrorFS
import SyncModel

// The stages. Each one adds a step, or goes on to the next stage.
extension PullState {
    // MARK: Changes

    /// Plans changed keys before everything else.
    mutating func planChanges() {
        let keys: [RemoteKey]
        if let blocked = blockedChanges {
            keys = blocked
            blockedChanges = nil
        } else {
            guard !feed.changedKeys.additions.isEmpty, !isPlanning else {
                stage = .refill
                return
            }
            keys = feed.takeAdditions(mayGroup ? ZipGrouping.entryLimit : limits.window, except: busy)
        }
        if !keys.isEmpty { steps.append(.planChanges(keys, scope)) }
    }

    // MARK: Windows

    private var needsMoreWork: Bool {
        let isShort = queue.ordinary.count < limits.parallel || (mayGroup && !hasGrouped)
        return isShort && mayQueueAdoptions && zips.isEmpty && !scan.isExhausted && !isPlanning
    }

    /// What may stand already is bounded, too.
    private var mayQueueAdoptions: Bool { adoptions.waiting.count < limits.window }

    /// Reads windows until there is something to fetch or nothing left, and decides what of them comes as zips; that
    /// takes a look at more of them than a download each.
    mutating func refillQueue() {
        if refill == nil, needsMoreWork {
            let goal = mayGroup ? max(ZipGrouping.entryLimit, limits.parallel) : limits.parallel
            refill = Refill(isGrouping: mayGroup, before: queue.ordinary.count, goal: goal)
        }
        guard let refill, queue.ordinary.count < refill.goal, mayQueueAdoptions else { return endRefill() }
        notes += startAdoptions()  // they need not wait for the windows
        // Asked now: what is recorded after this look is found by the next one.
        steps.append(.readWindow(scope, mayGrow: isListing))
    }

    mutating func endRefill() {
        stage = .start
        guard let ended = refill else { return }
        refill = nil
        guard ended.isGrouping else { return }
        if queue.ordinary.count > ended.before || !hasGrouped { group(Array(queue.ordinary), isUrgent: false) }
        hasGrouped = true
    }

    var scope: WindowReader.Scope { .init(position: scan.position, busy: busy, moving: moving) }

    /// Executes what changes paths; the items have to be read again afterwards.
    ///
    /// What is queued has to be put back, and what is published may add to what stands in the way, so both come first.
    mutating func unblock(_ clearing: [PlannedOperation]) {
        if isToPublish || isQueueing {
            putBackQueue()
            isDraining = true
        } else {
            steps.append(.apply(clearing))
            planGeneration += 1  // what is under way was planned with the paths of before
        }
    }

    /// What is only queued stays pending for the next scan.
    private mutating func putBackQueue() {
        let (urgent, ordinary) = queue.removeAll()
        feed.update { $0.add(additions: urgent) }
        release(Set(urgent + ordinary + zips.cancelQueued().map(\.key) + adoptions.removeAll()))
        downloadOnly = []
    }

    // MARK: Zips

    /// Has files that can come as zips handed to `zips`, and the others queued.
    mutating func group(_ placements: [Placement], isUrgent: Bool) {
        // An empty file needs no request.
        let (possible, others) = placements.partitioned { downloadOnly.contains($0.key) && $0.version.size > 0 }
        let grouping = PullStep.Grouping(possible: possible, others: others, isUrgent: isUrgent)
        let folders = zips.rules?.candidates(in: possible) ?? []
        if folders.isEmpty {
            take(grouping, extents: [:])
        } else {
            steps.append(.readExtents(folders, grouping))
        }
    }

    mutating func take(_ grouping: PullStep.Grouping, extents: [RemoteKey: SubtreeExtent]) {
        let possible = grouping.possible
        let (groups, rest) =
            extents.isEmpty ? ([], possible) : zips.rules?.divide(possible, extents: extents) ?? ([], possible)
        zips.add(groups, isUrgent: grouping.isUrgent)
        if !groups.isEmpty { downloadOnly.subtract(Set(possible.map(\.key)).subtracting(rest.map(\.key))) }
        if grouping.isUrgent {
            queue.appendUrgent(grouping.others + rest)
        } else if !groups.isEmpty {
            queue.replaceOrdinary(by: grouping.others + rest)
        }
    }

    // MARK: Removals

    private var mayRemoveDeleted: Bool {
        feed.mayRemove && !isListing && !feed.isReading && !isPlanning
            && feed.changedKeys.additions.isEmpty && !queue.isLocalWorkUrgent
            && !inFlight.values.contains { $0.isUrgent && $0.placement.isLocal }
    }

    /// Removes deleted entries as soon as everything that may be moved from there is in place.
    mutating func removeDeleted() {
        if !mayRemoveDeleted {
            leaveRemovals()
        } else if isToPublish {
            isDraining = true
        } else {
            steps.append(.removeDeleted(feed.changedKeys.topmostDeletions))
        }
    }

    mutating func deletedRemoved(isComplete: Bool) {
        if !isComplete { return leaveRemovals() }
        feed.clearDeletions()
        stage = .changes
    }

    private mutating func leaveRemovals() {
        stage = hasDrained ? .changes : .pruning
        hasDrained = false
    }

    /// Prunes when only downloads are left.
    mutating func pruneWhileDownloading() {
        stage = .ending
        guard scan.isExhausted, isOnlyFetching, adoptions.inFlight == 0, mayRemove, !isListing, !feed.isReading,
            inFlight.values.allSatisfy({ $0.placement.isDownload })
        else { return }
        mayRemove = false
        steps.append(.prune)
    }

    // MARK: The end

    mutating func endOrMakeRoom() {
        if feed.mustListAnew {
            if isToPublish { isDraining = true } else { stop() }
        } else if !isDone {
            stage = .waiting
        } else if starved.isEmpty {
            stop()
        } else {
            makeRoom()
        }
    }

    private mutating func stop() {
        notes.append(.stopTasks)
        stage = .stopped
        abortIfUnreachable()
    }
}
