import Concurrency
import Logging
import MirrorFS
import Store
import SyncModel

// Changes are read while files arrive.
extension PullLoop {
    /// Waits for changes concurrently with fetches, or records those that were reported.
    mutating func listen(_ group: inout EventTasks) {
        guard !feed.isListening, !feed.isReading, !isListing else { return }
        if feed.mustRead {
            let reader = ChangeFeedReader(context, mayReset: false)
            feed.beginReading(reader.changedKeys)
            group.addTask {
                do {
                    return .changesRead(.success(try await reader.run()))
                } catch {
                    return .changesRead(.failure(error))
                }
            }
        } else {
            let patience = feed.isFirstTime ? context.settings.listensAfter : .zero
            feed.beginListening()
            group.addTask { [context, known = feed.retriesKnown] in
                if patience > .zero { try await context.environment.clock.sleep(for: patience) }
                return .wokenUp(try await context.awaitChange(known))
            }
        }
    }

    /// Stops waiting for changes; what was reported in the last moment is for the next pass.
    func stopListening(_ group: inout EventTasks) async {
        group.cancelAll()  // only a tick or a listener can be left
        while let result = await group.nextResult() {
            if case .success(.wokenUp) = result { context.askAgain() }
        }
    }

    mutating func handle(_ reason: WakeReason) async throws {
        feed.wokenUp(by: reason)
        let now = context.now()
        let due = try await context.store.retries(after: feed.retriesKnown, upTo: now, limit: ChangedKeys.most)
        feed.retriesKnown = now
        if due.isEmpty { return }
        feed.update { $0.add(due) }
        failedFolders = []
        mayRemove = true
        scan.resume()
    }

    /// Plans the changes that were recorded.
    mutating func handle(_ changesRead: Result<Int64, any Error>) async throws {
        let (changed, wasRequested) = feed.endReading()
        switch changesRead {
        case .success(let asked):
            feed.completeAsOf = asked
            mayRemove = true
            if changed.isEmpty && !wasRequested { return }
        case .failure(let error):
            try Task.checkCancellation()
            if mayListAnew, disposition(of: error) == .cursorReset {
                feed.mustListAnew = true
                return
            }
            let passing: [Disposition] = [
                .abortPass, .skipItem, .parked, .unreachable, .retry(after: nil), .cursorReset,
            ]
            guard passing.contains(disposition(of: error)) else { throw error }
            // Fetches in flight continue; the next read of changes, here or in the next pass, cancels what is unwanted.
            context.longpollBackoff.failed()
            context.events.note(.debug, "changes could not be read during a download: \(error)")
        }
        try await cancelUnwanted()
        feed.update { $0.add(changed) }
        context.events.resetLineBudget()
        mayRemove = true
        scan.restart()
    }

    /// Cancels fetches in flight that are no longer wanted and drops queued ones.
    mutating func cancelUnwanted() async throws {
        planGeneration += 1
        let zipped = zips.placements
        let wanted = try await context.store.wantedVersions(of: Array(inFlight.keys) + queue.keys + zipped.map(\.key))
        func isWanted(_ placement: Placement) -> Bool { wanted[placement.key] == placement.version }
        for fetch in inFlight.values where !isWanted(fetch.placement) { fetch.cancellation.notify() }
        var dropped = Set(queue.keep(where: isWanted))
        if !zipped.allSatisfy(isWanted) { dropped.formUnion(zips.cancelQueued().map(\.key)) }
        downloadOnly.subtract(dropped)
        release(dropped)
    }

    // MARK: Changed keys

    /// Plans changed keys before everything else.
    mutating func planChanges(_ group: inout EventTasks) async throws {
        while !feed.changedKeys.additions.isEmpty, !isPlanning {
            let most = mayGroup ? ZipGrouping.entryLimit : context.settings.window
            let keys = feed.takeAdditions(most, except: busy)
            var items = try await context.store.additions(among: keys, now: context.now())
            // At once: what is put back for these would be planned again before them, and put back again, without end.
            while try await executeBlockingChanges(items, &group) {
                items = try await context.store.additions(among: keys, now: context.now())
            }
            guard let last = items.last else { continue }
            let plan = try await planner.plan(items, upTo: last.key, moving: moving, failedFolders: failedFolders)
            failedFolders.formUnion(plan.failedFolders)
            let placements = begin(plan)
            queue.appendUrgent(mayGroup ? try await withoutZipped(placements, isUrgent: true) : placements)
        }
    }

    /// Removes deleted entries as soon as everything that may be moved from there is in place.
    ///
    /// - Returns: whether events were handled or entries removed, so that the loop has to look again.
    mutating func removeDeleted(_ group: inout EventTasks) async throws -> Bool {
        guard mayRemoveDeleted else { return false }
        try await publishAll(&group)
        guard mayRemoveDeleted else { return true }
        guard try await context.store.progress().isComplete else { return false }
        let deletions = feed.takeDeletions()
        if !deletions.isEmpty { try await Prune(context: context).run(at: deletions) }
        return true
    }

    private var mayRemoveDeleted: Bool {
        feed.mayRemove && !isListing && !feed.isReading && !isPlanning
            && feed.changedKeys.additions.isEmpty && !queue.isLocalWorkUrgent
            && !inFlight.values.contains { $0.isUrgent && $0.placement.isLocal }
    }

    /// Prunes when only downloads are left.
    mutating func pruneWhileDownloading() async throws {
        guard mayRemove, !isListing, !feed.isReading,
            inFlight.values.allSatisfy({ $0.placement.sources == [.download] })
        else { return }
        mayRemove = false
        try await Prune(context: context).run()
        try await context.disk.run { [mirror = context.mirror] in try mirror.purgeDisplaced() }
    }
}
