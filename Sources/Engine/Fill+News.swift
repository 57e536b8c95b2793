import Logging
import MirrorFS
import Store
import SyncModel

// The account is listened to while files arrive.
extension Fill {
    /// Listens for news beside what is going on, or has those recorded that were heard of.
    mutating func listen(_ group: inout Steps) {
        guard !ears.isListening, !ears.isDraining, !isListing else { return }
        if ears.mustDrain {
            let drain = Drain(context, mayReset: false)
            ears.beginDrain(drain.told)
            group.addTask {
                do {
                    return .drained(.success(try await drain.run()))
                } catch {
                    return .drained(.failure(error))
                }
            }
        } else {
            let patience = ears.isFirstTime ? context.settings.listensAfter : .zero
            ears.beginListening()
            group.addTask { [context, known = ears.retriesKnown] in
                if patience > .zero { try await context.surroundings.clock.sleep(for: patience) }
                return .heard(try await context.awaitNews(known))
            }
        }
    }

    /// Ends listening; what was heard in the last moment is for the next pass.
    func stopListening(_ group: inout Steps) async {
        group.cancelAll()  // only a tick or a listener can be left
        while let result = await group.nextResult() {
            if case .success(.heard) = result { context.askAgain() }
        }
    }

    mutating func take(_ wake: Wake) async throws {
        ears.heard(wake)
        let now = context.now()
        let due = try await context.store.retries(after: ears.retriesKnown, upTo: now, limit: News.most)
        ears.retriesKnown = now
        if due.isEmpty { return }
        ears.tell { $0.add(due) }
        failedFolders = []
        mayRemove = true
        sweep.goOn()
    }

    /// Works off what was recorded.
    mutating func take(_ drained: Result<Int64, any Error>) async throws {
        let (told, wasRequested) = ears.endDrain()
        switch drained {
        case .success(let asked):
            ears.drainedAsOf = asked
            mayRemove = true
            if told.isEmpty && !wasRequested { return }
        case .failure(let error):
            try Task.checkCancellation()
            if mayListAnew, disposition(of: error) == .cursorReset {
                ears.mustListAnew = true
                return
            }
            let passing: [Disposition] = [.pass, .item, .parked, .unreachable, .retry(after: nil), .cursorReset]
            guard passing.contains(disposition(of: error)) else { throw error }
            // What is under way may go on; the next news, or the next pass, will tell.
            context.manners.failed()
            context.events.note(.debug, "news could not be read beside a download: \(error)")
        }
        try await forgetUnwanted()
        ears.tell { $0.add(told) }
        context.events.beginChapter()
        mayRemove = true
        sweep.beginAnew()
    }

    /// What is under way and no longer wanted is abandoned, what is queued and no longer wanted is not fetched.
    mutating func forgetUnwanted() async throws {
        epoch += 1
        let zipped = zips.placements
        let wanted = try await context.store.wantedVersions(of: Array(underWay.keys) + queue.keys + zipped.map(\.key))
        func isWanted(_ placement: Placement) -> Bool { wanted[placement.key] == placement.version }
        for errand in underWay.values where !isWanted(errand.placement) { errand.abandonment.make() }
        var dropped = Set(queue.keep(where: isWanted))
        if !zipped.allSatisfy(isWanted) { dropped.formUnion(zips.takeAll().map(\.key)) }
        untouched.subtract(dropped)
        release(dropped)
    }

    // MARK: What news ask for

    /// Plans what news have told of before everything else.
    mutating func planNews(_ group: inout Steps) async throws {
        while !ears.news.additions.isEmpty, !isPlanning {
            let most = mayGroup ? BulkGrouping.entryLimit : context.settings.window
            let keys = ears.takeAdditions(most, except: busy)
            var items = try await context.store.additions(among: keys, now: context.now())
            // These before others: what is put back for them would be planned again, and put back again.
            while try await clearTheWay(items, &group) {
                items = try await context.store.additions(among: keys, now: context.now())
            }
            guard let last = items.last else { continue }
            let plan = try await planner.plan(items, upTo: last.key, moving, failedFolders)
            failedFolders.formUnion(plan.failedFolders)
            try await enqueueUrgent(begin(plan))
        }
    }

    private mutating func enqueueUrgent(_ placements: [Placement]) async throws {
        guard mayGroup else { return queue.appendUrgent(placements) }
        let (possible, others) = placements.partitioned { untouched.contains($0.key) && $0.version.size > 0 }
        let rest = try await zips.add(possible, isUrgent: true)
        if rest.count < possible.count { untouched.subtract(Set(possible.map(\.key)).subtracting(rest.map(\.key))) }
        queue.appendUrgent(others + rest)
    }

    /// Removes what news have told of as soon as all that may come from there has found its place.
    ///
    /// - Returns: whether there may be other things to do by now.
    mutating func removeWhatIsGone(_ group: inout Steps) async throws -> Bool {
        guard mayRemoveWhatIsGone else { return false }
        try await publishAll(&group)
        guard mayRemoveWhatIsGone else { return true }
        let deletions = ears.takeDeletions()
        guard !deletions.isEmpty, try await !context.store.progress().isListing else { return true }
        try await Prune(context: context).run(at: deletions)
        return true
    }

    private var mayRemoveWhatIsGone: Bool {
        ears.mayRemove && !isListing && !ears.isDraining && !isPlanning && context.isWhole.value
            && ears.news.additions.isEmpty && !queue.isLocalWorkUrgent
            && !underWay.values.contains { $0.isUrgent && $0.placement.isLocal }
    }

    /// Removes what is to be removed when nothing is left but downloads.
    mutating func attendToOthers() async throws {
        guard mayRemove, !isListing, !ears.isDraining,
            underWay.values.allSatisfy({ $0.placement.sources == [.download] })
        else { return }
        mayRemove = false
        let progress = try await context.store.progress()
        if !progress.isListing { try await Prune(context: context).run() }
        try await context.disk.run { [mirror = context.mirror] in try mirror.sweepSpared() }
    }
}
