import Logging
import MirrorFS
import Store
import SyncModel

/// One pass: settle, read, pull, prune.
///
/// Changes first become state (read), then the mirror is made from the state (pull, prune). Removals come last, because
/// what leaves is where moved content comes from, and only with a complete listing behind them. What is deleted while
/// files arrive goes at once unless its content is wanted (`Planner.dispensable`).
struct SyncPass: Sendable {
    let context: PassContext

    /// Runs the pass.
    ///
    /// - Returns: what it has done.
    /// - Throws: `Classified` errors; everything that could be done in spite of them has been done.
    func run() async throws -> PassReport {
        context.board.beginPass()
        try context.store.checkPlace()
        try await context.disk.run { [mirror = context.mirror] in try mirror.check() }
        let interrupted = try await settleIntents()
        if context.isFirst || !interrupted.isEmpty { try await Trash(context).adoptUnknown(after: interrupted) }
        try await Trash(context).tidy(mayHaveGrown: context.isFirst)
        try await StagingSpace(context: context).tidy()
        let isNewSelection = try await select()
        try await LossBrake(context).begin()
        try await context.store.retryWhatWaitsTooLong(now: context.now())
        var progress = try await context.store.progress()
        progress.forgetFuture(now: context.now())
        let hasListed = progress.everListed && !progress.isListing
        if context.mustSweep || context.lastSweep.time == nil { try await sweep(seekingStrangers: hasListed) }
        let isDue = try await isDueForRelist(progress)
        if isDue, !progress.isListing { try await context.store.beginRelist() }
        let pending = try await context.store.backlog()
        let known = progress.inStepAsOf
        context.board.update { status in
            status.inStepAsOf = status.inStepAsOf ?? known
            status.filesTotal += pending.pendingFiles
            status.bytesTotal = status.bytesTotal.saturatingSum(pending.pendingBytes)
        }
        let asOf = try await readAndPull(isFirst: !progress.everListed)
        try await Prune(context: context).run()
        progress = try await context.store.progress()
        try await finish(asOf: asOf, isNewSelection: isNewSelection)
        // Before the account was listed nobody could tell whose the files in the mirror are.
        if !hasListed && !progress.isListing { try await sweep(seekingStrangers: true) }
        return context.events.current
    }

    /// Whatever a crash has left is looked up before anything is planned: schemes that only plan again
    /// break when changes arrive between crash and restart.
    ///
    /// - Returns: what was begun.
    @discardableResult
    private func settleIntents() async throws -> [Intent] {
        let intents = try await context.store.intents()
        if intents.isEmpty { return [] }
        let before = try await context.store.entries(of: intents.map(\.key))
        let outcomes = try await context.disk.run { [mirror = context.mirror] in
            try intents.map { intent in
                do {
                    return Recovery.settle(intent, try mirror.observe(intent.path, exactly: true))
                } catch  where disposition(of: error) == .skipItem {
                    return .recheck(intent.key)  // one path that cannot be looked at holds up nothing else
                }
            }
        }
        let changes = settledChanges(intents, outcomes, before: before)
        let kept = try await context.disk.run { [mirror = context.mirror] in
            try intents.compactMap { try mirror.settleKept($0, before: before[$0.key]) }
        }
        let effects = EffectRecord(pass: context.pass, changes: changes, kept: kept)
        _ = try await shielded { [context] in
            try await context.store.commit(
                outcomes, recording: effects, now: context.now(), jitter: context.environment.jitter)
        }
        context.events.note(
            .notice,
            "what the last stop has interrupted is settled: \(intents.count) operation\(intents.count == 1 ? "" : "s")")
        return intents
    }

    /// What is pending keeps to the selection that was configured for this pass.
    private func select() async throws -> Bool {
        let isNew = try await context.store.select(context.settings.selection) { context.board.recordProgress() }
        if isNew, try await hasBegunListing() {
            context.events.note(
                .notice,
                "another selection is in effect: what it leaves out, lets in or wants in another form is compared",
                event: "selection")
        }
        return isNew
    }

    /// Whether there is anything that a selection can be compared with.
    private func hasBegunListing() async throws -> Bool {
        let progress = try await context.store.progress()
        return progress.everListed || progress.cursor != nil
    }

    /// What others did to the mirror is found before anything is planned.
    private func sweep(seekingStrangers: Bool) async throws {
        context.board.update { status in
            status.phase = .sweeping
            status.swept = 0
        }
        let began = context.now()
        let found = try await context.times.measure(.sweeping) {
            try await context.sweeper(seekingStrangers: seekingStrangers).sweep(now: began)
        }
        context.board.update { $0.diskAsOf = began }
        if found.drifted > 0 { context.events.logDrift(found.drifted) }
        context.lastSweep.completed(at: began)
        context.board.update { $0.phase = .listing }
    }

    /// What could not be read is looked at again after a day, as what is parked is.
    private func isDueForRelist(_ progress: Progress) async throws -> Bool {
        guard let every = context.settings.relist, progress.everListed else { return false }
        guard let last = progress.listedAt else { return true }
        let age = context.now().seconds(since: last)
        if age >= every.components.seconds { return true }
        if age < StateStore.parkedFor { return false }
        return try await context.store.hasUnreadable()
    }

    /// Listings anew that one pass makes because the cursor expires while files arrive.
    private static let listingsAllowed = 3

    /// Changes become state, then the mirror is made from that; all over again if the cursor expires meanwhile.
    private func readAndPull(isFirst: Bool) async throws -> Timestamp {
        var (asOf, ending) = isFirst ? try await readWhilePulling() : try await readThenPull(mayListAnew: true)
        var left = Self.listingsAllowed
        while ending.mustListAnew {
            left -= 1
            context.board.update { $0.phase = .listing }
            (asOf, ending) = try await readThenPull(mayListAnew: left > 0)
        }
        return ending.asOf ?? asOf
    }

    private func readThenPull(mayListAnew: Bool) async throws -> (asOf: Timestamp, ending: PullLoop.Ending) {
        let reader = ChangeFeedReader(context)
        let asOf = try await reader.run()
        return (asOf, try await pull(beside: nil, changedKeys: reader.changedKeys.take(), mayListAnew: mayListAnew))
    }

    /// The first listing: files begin to arrive while it still runs.
    private func readWhilePulling() async throws -> (asOf: Timestamp, ending: PullLoop.Ending) {
        let listing = InitialListing()
        async let completeAsOf: Timestamp = {
            defer { listing.finish() }
            return try await ChangeFeedReader(context, pageRecorded: listing.pageRecorded).run()
        }()
        do {
            let ending = try await pull(beside: listing)
            return (try await completeAsOf, ending)
        } catch  where disposition(of: error) == .abortPass {
            _ = try await completeAsOf  // the listing need not begin again because the disk is full
            throw error
        }
    }

    /// Whatever stops downloads does not stop removals: on a full disk those may be what makes room.
    private func pull(
        beside listing: InitialListing?, changedKeys: ChangedKeys = ChangedKeys(), mayListAnew: Bool = true
    ) async throws -> PullLoop.Ending {
        var pull = PullLoop(context, beside: listing, changedKeys: changedKeys, mayListAnew: mayListAnew)
        do {
            return try await pull.run()
        } catch  where ![.fatal, .signedOut, .sourceGone].contains(disposition(of: error)) {
            try Task.checkCancellation()
            // What broke off may have renamed folders and not recorded it.
            try await settleIntents()
            try await Prune(context: context).run()
            throw error
        }
    }

    private func finish(asOf: Timestamp, isNewSelection: Bool) async throws {
        try context.store.checkPlace()
        let report = context.events.current
        // A page that asked for nothing was marked when it was recorded: an unchanged account costs no other write.
        let hasChanges = !report.isEmpty || report.listed > 0 || isNewSelection
        if hasChanges { try await LossBrake(context).begin() }
        if hasChanges { try await context.store.markInStep(asOf: asOf) }
        var progress = try await context.store.progress()
        progress.forgetFuture(now: context.now())
        let counts = hasChanges ? try await context.store.backlog(accepting: context.settings.acceptance) : nil
        context.board.update { status in
            status.inStepAsOf = progress.inStepAsOf
            if let counts {
                status.failing = counts.failing
                status.parked = counts.parked
                status.unread = counts.unread
                status.held = counts.held
            }
        }
    }
}
