import Concurrency
import Logging
import MirrorFS
import Store
public import SyncModel

/// Reads every file of the mirror again, oldest proof first and evenly spread, so that no proof grows older than a round.
///
/// The proofs in the state are its place: a stop costs the file that is being read. A file that is by stat what was put
/// there and holds other bytes is damaged: it is kept aside and fetched again.
struct Scrub: Sendable {
    /// How files are read again.
    struct Order: Hashable, Sendable {
        /// How old a proof may become, in seconds.
        var round: Int64
        /// What the engine is told.
        var settings: EngineSettings
    }

    let engine: SyncEngine
    let store: StateStore
    let mirror: MirrorTree
    /// Where files are moved aside.
    let disk: DiskPool
    let gate: AsyncMutex
    /// Made when there may be another order.
    let signal: AsyncSignal
    let environment: EngineEnvironment
    let logger: Logger
    private let lines = ScrubLines()
    /// A thread that waits for everybody else.
    ///
    /// It may wait long, and is no sign of a disk that does not answer.
    private let reading = DiskPool(threads: 1, prepare: readOnlyWhenIdle)

    init(
        engine: SyncEngine, store: StateStore, mirror: MirrorTree, disk: DiskPool, gate: AsyncMutex,
        signal: AsyncSignal,
        environment: EngineEnvironment, logger: Logger
    ) {
        (self.engine, self.store, self.mirror, self.disk, self.gate) = (engine, store, mirror, disk, gate)
        (self.signal, self.environment, self.logger) = (signal, environment, logger)
    }

    /// Bytes read in one go: a block of the hash.
    private static let piece = ContentHasher.blockSize
    /// After such a time at the latest what is to be read is looked up anew.
    private static let longestPause = Duration.seconds(3600)
    /// Time before the next try after the mirror or the state could not be used.
    private static let pauseAfterFailure = Duration.seconds(60)
    /// Before a pause of such a length proofs are written down.
    private static let longPause = Duration.seconds(5)

    /// Reads until it is cancelled.
    func run() async throws {
        var agenda: ScrubAgenda?
        while true {
            var rest: Duration
            do {
                rest = try await proceed(&agenda)
                if rest >= Self.longPause, let proven = agenda?.takeProven() { try await store.prove(proven) }
            } catch {
                try Task.checkCancellation()
                if isLossOfState(error) { throw error }
                logger.debug("the mirror's files cannot be read again now: \(error)")
                agenda = nil
                rest = Self.pauseAfterFailure
            }
            if rest > .zero { try await nap(rest) }
        }
    }

    /// Does what is due.
    ///
    /// - Returns: how long there is nothing to do.
    private func proceed(_ agenda: inout ScrubAgenda?) async throws -> Duration {
        let order = await engine.scrubOrder
        if agenda?.order != order, let proven = agenda?.takeProven() { try await store.prove(proven) }
        guard let order else {
            agenda = nil
            return Self.longestPause
        }
        var current = agenda?.order == order ? agenda ?? ScrubAgenda(order) : ScrubAgenda(order)
        defer { agenda = current }
        if current.isWornOut { try await renew(&current) }
        let pause = min(current.untilNextRead, current.longestPause)
        if pause > .zero { return min(pause, Self.longestPause) }
        guard let candidate = current.next(now: environment.now()) else {
            return min(current.longestPause, Self.longestPause)
        }
        try await read(candidate, &current)
        if let proven = current.takeProvenIfMany() { try await store.prove(proven) }
        return .zero
    }

    private func renew(_ agenda: inout ScrubAgenda) async throws {
        if let proven = agenda.takeProven() { try await store.prove(proven) }
        let now = environment.now()
        let outlook = try await store.scrubOutlook(
            after: agenda.beginRenewal(), limit: ScrubAgenda.page, grain: max(1, agenda.order.round / 100),
            sparing: agenda.order.settings.outboxKey, now: now)
        agenda.renew(outlook, now: now)
    }

    /// Reads a file, piece by piece with pauses.
    private func read(_ candidate: ScrubCandidate, _ agenda: inout ScrubAgenda) async throws {
        guard let entry = try await store.entry(of: candidate, now: environment.now()),
            case .file(_, let version, _) = entry.node, !agenda.order.settings.isInOutbox(entry.path)
        else { return }
        let whole = ScrubPace.cost(bytes: version.size)
        let proofreading = Proofreading(entry, in: mirror)
        while true {
            let began = ContinuousClock.now
            let piece: (finding: Proofreading.Finding, bytes: Int)
            do {
                piece = try await reading.run { try proofreading.readOn(Self.piece) }
            } catch let error as MirrorError {
                agenda.didRead(ScrubPace.cost(bytes: 0), of: whole, began)
                return try await logUnreadable(entry, error)
            }
            let isDone = piece.finding != .unfinished
            agenda.didRead(ScrubPace.cost(files: isDone ? 1 : 0, bytes: Int64(piece.bytes)), of: whole, began)
            switch piece.finding {
            case .unfinished:
                if let proven = agenda.takeProvenIfMany() { try await store.prove(proven) }
                while agenda.untilNextRead > .zero {
                    try await nap(agenda.untilNextRead)
                    guard await engine.scrubOrder == agenda.order else { return }
                }
            case .right: return agenda.add(entry, at: environment.now())
            case .damaged: return try await keepAside(entry)
            case .drifted:
                _ = try await engine.look(at: entry.key.parent ?? .root)
                return
            case .disturbed: return
            }
        }
    }

    /// Waits, or until there may be another order.
    private func nap(_ duration: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { race in
            race.addTask { [signal] in try await signal.wait() }
            race.addTask { [environment] in try await environment.clock.sleep(for: duration) }
            defer { race.cancelAll() }
            try await race.next()
        }
    }

    // MARK: What is wrong

    /// Moves a damaged file out of the way, whatever is done with what others have changed: it may be the better one.
    private func keepAside(_ entry: LocalEntry) async throws {
        let place: String?
        do {
            place = try await shielded { [self] in try await gate.withLock { try await keepAsideNow(entry) } }
        } catch let error as MirrorError where error.isAboutOnePath {
            let reason = "its bytes are damaged, and it cannot be set aside: \(error)"
            return try await log(entry, reason)
        }
        guard let place else { return }
        environment.meter?.happened("damaged")
        logger.log(
            level: level("damaged"),
            "\(entry.path.remoteText): its bytes are damaged although the file was not modified; it is kept as \(place) and downloaded again",
            metadata: ["event": "damaged", "path": "\(entry.path.remoteText)"])
        engine.request()
    }

    /// - Returns: where it is now; `nil` if it has become another file meanwhile.
    private func keepAsideNow(_ entry: LocalEntry) async throws -> String? {
        guard try await store.entry(of: entry.key) == entry else { return nil }
        let place: String? = try await disk.run { [mirror] in
            guard try mirror.drift(of: entry) == nil else { return nil }
            return try mirror.setAside(entry.path)
        }
        if let place {
            try await store.forget([entry.key])
            try await store.recordSetAside(entry.path, at: place, in: mirror, disk, now: environment.now())
        }
        return place
    }

    /// Tells of a file that cannot be read; of others the next look at their folder tells.
    private func logUnreadable(_ entry: LocalEntry, _ error: MirrorError) async throws {
        if error.code == .otherFileSystem { return }
        guard error.isAboutOnePath || error.mayMeanAway else { throw error }
        try await reading.run { [mirror] in try mirror.check() }
        try await log(entry, error.description)
    }

    /// The level of a line about one file.
    private func level(_ kind: String) -> Logger.Level {
        let answer = lines.ask(kind, now: environment.now())
        if answer.withheld > 0 {
            logger.warning(
                "\(answer.withheld) more files were damaged or could not be read again within an hour; `dbxsync history` and `dbxsync status` list them",
                metadata: ["event": "\(kind)", "withheld": "\(answer.withheld)"])
        }
        return answer.level
    }

    private func log(_ entry: LocalEntry, _ reason: String) async throws {
        guard try await store.noteUnreadable(entry, reason: reason) else { return }
        environment.meter?.happened("failed")
        logger.log(
            level: level("failed"),
            "\(entry.path.remoteText): could not be read again, so that nothing is known of its bytes: \(reason)",
            metadata: ["event": "failed", "path": "\(entry.path.remoteText)"])
    }
}

extension StateStore {
    fileprivate func prove(_ proven: ScrubAgenda.Proven) async throws { try await prove(proven.files, at: proven.at) }
}

extension EngineSettings {
    /// The key of an outbox in the mirror, as far as it can be told from its path.
    public var outboxKey: RemoteKey? { outbox.map { RemoteKey($0.remoteText.lowercased()) } }
}
