import Concurrency
import FileEvents
public import Logging
public import MirrorFS
public import Store
public import SyncModel

/// The daemon's heart: wait, pass, report, wait.
///
/// One task runs it. It obeys cancellation: downloads stop at once, the batch being published is finished.
public actor SyncEngine {
    private let remote: any RemoteSource
    private let store: StateStore
    private let mirror: MirrorTree
    private let disk: DiskPool
    private let reading = DiskPool(threads: 2)
    private let environment: EngineEnvironment
    private let logger: Logger
    private var settings: EngineSettings
    private var passes = 0
    private var hasSettled = false
    /// Lines of the looks at single folders between two passes.
    private let looks = SharedLines()
    private var failuresInARow = 0
    private let gate = AsyncMutex()
    private let lastSweep: LastSweep
    private let watch: WatchedFolders
    /// Notified when files may have to be read again in another way.
    private let scrubSignal: AsyncSignal
    private var isRunning = false
    /// The threads that the mirror's disk may keep waiting.
    public nonisolated var pools: [DiskPool] { [disk, reading] }
    /// How it gets on.
    public nonisolated let board: StatusBoard
    private nonisolated let passRequests = AsyncSignal()
    /// Notified when the mirror's path may lead elsewhere.
    private let placeChanges = AsyncSignal()
    private var placeWatch: PlaceWatch?
    private let longpollBackoff = LongpollBackoff()

    /// Puts the engine together; nothing happens before `run` or `pass`.
    public init(
        remote: any RemoteSource, store: StateStore, mirror: MirrorTree, disk: DiskPool, settings: EngineSettings,
        environment: EngineEnvironment, board: StatusBoard, logger: Logger
    ) {
        self.remote = remote
        self.store = store
        self.mirror = mirror
        self.disk = disk
        self.settings = settings
        self.environment = environment
        self.board = board
        self.logger = logger
        watch = WatchedFolders(mirror.fileSystem, isWanted: settings.watch)
        let scrubSignal = AsyncSignal()
        self.scrubSignal = scrubSignal
        lastSweep = LastSweep(notifying: [watch.activity, scrubSignal])
    }

    /// Takes new settings; they count from the next pass on, which begins as soon as none is under way.
    public func reload(_ settings: EngineSettings) {
        // Both decide which entries are strangers and what becomes of them, which only a sweep finds out.
        if settings.strangers != self.settings.strangers || settings.selection != self.settings.selection {
            lastSweep.forget()
        }
        self.settings = settings
        scrubSignal.notify()
        request()
    }

    /// Asks for a pass now; one request is remembered while a pass runs.
    public nonisolated func request() { passRequests.notify() }

    /// Passes and waits until it is cancelled.
    ///
    /// - Throws: errors that time cannot cure (`signedOut`, `fatal`); `CancellationError` never comes out.
    public func run() async throws {
        isRunning = true
        defer { (isRunning, placeWatch) = (false, nil) }
        watch.begin()
        watchPlace()
        let looking = DiskWatch(folders: watch, engine: self, clock: environment.clock, logger: logger)
        let scrub = Scrub(
            engine: self, store: store, mirror: mirror, disk: disk, gate: gate, signal: scrubSignal,
            environment: environment, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await looking.run() }
            group.addTask { try await scrub.run() }
            group.addTask { [self] in
                try await DecisionWatch(engine: self, box: store.decisions).run()
            }
            group.addTask { try await self.passAndWait() }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch is CancellationError {
                return
            }
        }
    }

    private func passAndWait() async throws {
        while !Task.isCancelled {
            let used = settings
            do {
                _ = try await makePass()
                failuresInARow = 0
                requestIfReloaded(since: used)
                _ = try await wakeup.wait()
            } catch {
                if Task.isCancelled { return }
                if let cause = await absence.cause(of: error) {
                    do {
                        try await absence.wait(because: cause)
                    } catch {
                        if Task.isCancelled { return }
                        throw error
                    }
                    isBack()
                    continue
                }
                if endsAll(error) { throw error }
                requestIfReloaded(since: used)
                try? await wait(after: error)  // cancelled: the loop ends
            }
        }
    }

    private var absence: MirrorOutage {
        MirrorOutage(
            mirror: mirror, disk: disk, environment: environment, board: board, placeChanges: placeChanges,
            logger: logger)
    }

    /// What was known of the disk is not, after the mirror was away.
    private func isBack() {
        lastSweep.forget()
        failuresInARow = 0
        watch.beginAnew()
        watchPlace()
    }

    /// Without it the mirror's place is looked at now and then.
    private func watchPlace() {
        placeWatch = try? PlaceWatch(mirror.path) { [placeChanges, watch] event in
            switch event {
            case .mayLeadElsewhere: placeChanges.notify()
            case .mountedBelow: watch.requireSweep()
            }
        }
    }

    /// While a pass waits for changes during a slow download, it also consumes the wake-up of a reload.
    private func requestIfReloaded(since used: EngineSettings) {
        if settings != used { request() }
    }

    /// Runs one complete pass; not beside `run`, which makes its own.
    ///
    /// - Returns: what it has done.
    /// - Throws: `Classified` errors; everything that could be done in spite of them has been done.
    @discardableResult
    public func pass() async throws -> PassReport {
        precondition(!isRunning, "one pass at a time")
        return try await makePass()
    }

    private func makePass() async throws -> PassReport {
        let isFirst = passes == 0
        if isFirst { passes = try await store.lastPassInHistory() }
        passes += 1
        var logger = logger
        logger[metadataKey: "pass"] = "\(passes)"
        let events = EventLog(logger, environment.meter)
        if let text = PassReport.withheldText(looks.use { $0.renew() }) { logger.notice("found changed here: \(text)") }
        let began = environment.now()
        let context = PassContext(
            remote: MeasuredRemote(remote, events.times, environment.meter), store: store, mirror: mirror, disk: disk,
            reading: reading,
            settings: settings, environment: environment, board: board, events: events, pass: passes,
            isFirst: isFirst, isFirstFill: try await isFirstFill(),
            segments: SegmentBudget(settings.parallel), gate: gate, watch: watch, mustSweep: isDueForSweep,
            lastSweep: lastSweep, wakeup: wakeup)
        do {
            let report = try await SyncPass(context: context).run()
            events.tellFallbacks()
            try await Trash(context).purgeDisplaced()
            if !report.isEmpty { try await Trash(context).tidy() }
            board.update { $0.phase = .idle }
            if !report.isEmpty || isFirst { try await store.settleHistory(pass: passes, now: environment.now()) }
            if !report.isEmpty { try await store.tidyHistory(settings.history, now: environment.now()) }
            try await keep(report, began: began, outcome: PassRecord.done, logger)
            environment.meter?.passed(report.isEmpty ? .nothing : .done, in: events.current.times.total)
            return report
        } catch {
            events.tellFallbacks()
            // What was displaced takes space, which may be what the next pass lacks; after an error of the network it
            // can be reused.
            if disposition(of: error) == .abortPass {
                try? await Trash(context).purgeDisplaced()  // the first error counts
            }
            if events.current.removed > 0 { failuresInARow = 0 }  // that may be what was lacking
            if !Task.isCancelled {
                let isSignedOut = disposition(of: error) == .signedOut
                environment.meter?.passed(isSignedOut ? .signedOut : .failed, in: events.current.times.total)
                try? await keep(events.current, began: began, outcome: "\(error)", logger, endsAll: endsAll(error))
            }
            throw error
        }
    }

    /// Whether nothing was ever in place.
    private func isFirstFill() async throws -> Bool {
        if !hasSettled { hasSettled = try await store.hasSettledOnce() }
        return !hasSettled
    }

    /// Whether a pass begins with a comparison of the disk: the first one does; later ones need not while somebody else
    /// looks at the disk.
    private var isDueForSweep: Bool { lastSweep.time == nil || !isRunning && untilSweep == .zero }

    /// Whether time does not cure it, so that the daemon ends.
    private func endsAll(_ error: any Error) -> Bool { [.signedOut, .fatal].contains(disposition(of: error)) }

    /// Writes down what a pass has done, why it was the last one, or that all is well again.
    private func keep(
        _ report: PassReport, began: Timestamp, outcome: String, _ logger: Logger, endsAll: Bool = false
    ) async throws {
        if report.isEmpty && !endsAll {
            let last = try await store.lastPass()
            guard outcome == PassRecord.done, last?.isFailure == true else { return }
        }
        store.releaseMemory()
        try await store.log(
            PassRecord(
                began: began, ended: environment.now(), outcome: outcome, placed: report.placed,
                removed: report.removed, bytes: report.bytes, failed: report.failed))
        if report.isEmpty { return }
        logger.info("\(report.summary)", metadata: report.metadata)
    }

    // MARK: The disk

    /// How long until the whole mirror is to be compared with have again; `nil` if it is not, or not by the clock.
    var untilSweep: Duration? {
        guard let sweptAt = lastSweep.time, let interval = settings.sweep else { return nil }
        let passed = environment.now().seconds(since: sweptAt)
        // A clock that was set back tells nothing.
        return passed < 0 ? .zero : max(.zero, interval - .seconds(passed))
    }

    /// Compares the whole mirror with have if that is due, or has to be.
    ///
    /// - Returns: whether it did; not before the first pass has.
    func sweepIfDue(_ isNeeded: Bool) async throws -> Bool {
        guard let before = lastSweep.time, isNeeded || untilSweep == .zero else { return false }
        try await disk.run { [mirror] in try mirror.check() }
        try await store.verifyChecksums()
        let began = environment.now()
        lastSweep.set(began)
        do {
            let events = EventLog(logger, environment.meter)
            let found = try await sweeper(events).sweep(now: began)
            board.update { $0.diskAsOf = began }
            act(on: found, events)
            return true
        } catch {
            lastSweep.set(before)
            throw error
        }
    }

    /// Compares one folder of the mirror with have.
    ///
    /// - Returns: folders in it that were never looked into.
    func look(at folder: RemoteKey) async throws -> [RemoteKey] {
        let events = EventLog(logger, environment.meter, lines: looks)
        let found = try await sweeper(events).look(at: folder)
        act(on: found, events)
        let summary = watch.summary
        if board.now.watch != summary { board.update { $0.watch = summary } }
        return found.unknown
    }

    /// How the mirror's files are read again; `nil` if they are not, or not before all of it was looked at.
    var scrubOrder: Scrub.Order? {
        guard lastSweep.time != nil, let round = settings.scrub else { return nil }
        return Scrub.Order(round: max(1, round.components.seconds), settings: settings)
    }

    private func act(on found: Sweeper.Found, _ events: EventLog) {
        guard found.drifted > 0 else { return }
        events.logDrift(found.drifted)
        request()
    }

    private func sweeper(_ events: EventLog) async throws -> Sweeper {
        let progress = try await store.progress()
        return Sweeper(
            store: store, mirror: mirror, disk: disk, settings: settings,
            seeksStrangers: progress.everListed && !progress.isListing, gate: gate, watch: watch, board: board,
            events: events, now: environment.now)
    }

    // MARK: Waiting

    private func wait(after error: any Error) async throws {
        failuresInARow += 1
        let after: Duration? = if case .retry(let after) = disposition(of: error) { after } else { nil }
        let delay = max(after ?? .zero, Backoff.everything.limit(failures: failuresInARow))
        board.update { $0.phase = .waiting(why: "\(error)") }
        if let after { _ = board.pause(until: environment.now() + after.components.seconds) }
        logger.log(
            level: failuresInARow == 1 ? .warning : .debug,
            "the pass could not be finished, next try in \(delay.components.seconds) s: \(error)",
            metadata: ["event": "pass_failed"])
        _ = try await wakeup.wait(for: delay * (1 - environment.jitter() / 2))
    }

    private var wakeup: Wakeup {
        Wakeup(
            remote: remote, store: store, mirror: mirror, disk: disk, environment: environment, board: board,
            logger: logger, settings: settings, requests: passRequests, placeChanges: placeChanges,
            longpollBackoff: longpollBackoff)
    }
}
