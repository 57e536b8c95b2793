import AccountChecks
import Configuration
import Dropbox
import Engine
import Logging
import MirrorFS
import Store
import SyncModel
import Transport

/// Everything that mirrors, put together from a configuration; the one place where concrete types meet.
struct CompositionRoot: Sendable {
    /// The way to Dropbox.
    let connection: Connection
    /// The state file.
    let store: StateStore
    /// The mirror.
    let mirror: MirrorTree
    /// Where its disk is worked on.
    let disk: DiskPool
    /// The account as the engine sees it.
    let source: AccountGuard
    /// The engine.
    let engine: SyncEngine
    /// Where the engine tells how it gets on.
    let board: StatusBoard
    private let lock: InstanceLock

    /// Takes the lock, opens state file, mirror and sign-in, in this order; nothing goes over the network.
    ///
    /// - Parameters:
    ///   - config: what is configured.
    ///   - calls: how Dropbox is called.
    ///   - place: where this process says how it gets on, if it is a daemon.
    ///   - metrics: where what happens is counted.
    ///   - rebuilding: whether a damaged state is set aside and made anew.
    ///   - logger: is told what happens.
    /// - Throws: whatever `Failure.of` turns into 73, 75 or 77.
    static func open(
        _ config: Config, calls: CallSettings, place: StatusPlace? = nil, metrics: Metrics? = nil,
        rebuilding: Bool = true,
        logger: Logger
    ) async throws -> CompositionRoot {
        let lock = try InstanceLock.acquire(stateDirectory: config.state.directory, word: place?.path)
        let store = try await openState(config, rebuilding: rebuilding, logger)
        let mirror = try await openMirror(config, store: store, logger: logger)
        let (board, disk) = (StatusBoard(), DiskPool())
        let pauses = place.flatMap { SharedPauses($0) }
        if let account = try await store.progress().origin?.account { pauses?.identify(account) }
        let connection = Connection(
            config, calls: calls,
            waiting: { duration, sleep in try await board.withQuietPeriod(upTo: duration, sleep) },
            onPause: { pause, origin in
                metrics?.paused(for: pause)
                let seconds = pause.components.seconds
                guard board.pause(until: .now + seconds, ofOthers: origin == .others), seconds >= 5 else { return }
                let whose = origin == .others ? StatusLine.toldToOthers : ""
                logger.notice("\(whose)Dropbox asks for a pause of \(seconds) s")
            }, pauses: pauses, meter: metrics, logger: logger)
        let source = AccountGuard(
            clients: connection.accountClients(try connection.tokens()), remoteRoot: config.mirror.remoteRoot,
            space: config.account.space, store: store,
            claim: { origin in
                try await disk.run { try mirror.bind(to: MirrorOwner(origin)) }
                try await store.bind(mirrorID: mirror.id)
            },
            onAccount: { account in
                pauses?.identify(account.accountID)
                logger.info("mirroring \(account.displayName) <\(account.email)>")
            })
        let engine = SyncEngine(
            remote: source, store: store, mirror: mirror, disk: disk, settings: config.engineSettings,
            environment: EngineEnvironment(now: { .now }, meter: metrics), board: board, logger: logger)
        return CompositionRoot(
            connection: connection, store: store, mirror: mirror, disk: disk, source: source, engine: engine,
            board: board, lock: lock)
    }

    private static func openState(_ config: Config, rebuilding: Bool, _ logger: Logger) async throws -> StateStore {
        let lock = InstanceLock.path(in: config.state.directory)
        guard rebuilding else { return try await StateStore.openWhole(at: config.stateFile, beside: [lock]) }
        let (store, rebuild) = try await StateStore.openOrRebuild(
            at: config.stateFile, beside: [lock], now: .now)
        if let rebuild {
            logger.warning(
                """
                \(rebuild.cause.message): it is kept as \(rebuild.kept.path); the account is listed anew, and the files that \
                are in the mirror are taken over
                """, metadata: ["event": "state_damaged"])
        }
        return store
    }

    /// Opens the mirror and takes its lock; a mirror of which state and marker say different things is refused.
    private static func openMirror(
        _ config: Config, store: StateStore, logger: Logger
    ) async throws -> MirrorTree {
        let progress = try await store.progress()
        let group = try Groups.configured(config)
        // A state that has replaced a damaged one must not begin a mirror where only a disk is not mounted.
        let damaged = progress.mirrorID == nil ? DamagedState.kept(beside: config.stateFile).last : nil
        let mirror: MirrorTree
        do {
            mirror = try MirrorTree.open(
                at: config.mirror.directory, expecting: progress.mirrorID,
                newID: damaged == nil ? newMirrorID() : nil,
                settings: MirrorSettings(
                    fileMode: config.mirror.fileMode, directoryMode: config.mirror.directoryMode, group: group,
                    localChanges: config.mirror.localChanges),
                holder: .current(state: config.state.directory))
        } catch let error as MirrorError {
            guard let damaged, error.code == .notOurMirror else { throw error }
            throw Failure(
                .unusableDirectory, "\(error); if it is to be a new mirror, remove the damaged state \(damaged.path)")
        }
        if !mirror.isExclusive {
            logger.warning(
                "the file system of \(config.mirror.directory) knows no locks: nothing keeps a second dbxsync from working there"
            )
        }
        if let outer = Neighbours.mirror(around: config.mirror.directory) {
            logger.warning(
                "the mirror \(config.mirror.directory) lies in another mirror, \(outer): each takes the files of the other for a stranger's; move one of them"
            )
        }
        if let origin = progress.origin { try mirror.bind(to: MirrorOwner(origin)) }
        // A state that does not know its account yet must not be tied to a mirror that may turn out to be another's.
        if try progress.origin != nil || mirror.owner() == nil { try await store.bind(mirrorID: mirror.id) }
        return mirror
    }

    /// Ends the transport and closes the state file.
    func close() async {
        await connection.stop()
        try? store.close()  // nothing is under way any more: there is nothing to lose
    }

    /// Ends the transport and closes the state file, which is set aside if that was damaged.
    ///
    /// - Returns: the error that tells all of it.
    func close(after error: any Error) async -> any Error {
        await connection.stop()
        mirror.releaseDescriptors()
        return store.close(after: error, now: .now)
    }

    private static func newMirrorID() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: 0...(.max)), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

extension Config {
    /// Where the state file is.
    var stateFile: String { state.directory + "/state.db" }

    /// Where the outbox lies in the mirror; nil unless it does.
    private var outboxInMirror: MirrorPath? {
        guard outbox.insideMirror, let directory = outbox.directory else { return nil }
        return MirrorPath(text: PathText.relative(directory, to: mirror.directory))
    }

    /// What the engine is told.
    var engineSettings: EngineSettings {
        EngineSettings(
            interval: schedule.interval, longpoll: schedule.longpoll, relist: schedule.relist,
            parallel: transfer.parallel, minFreeSpace: mirror.minFreeSpace,
            bulk: transfer.bulk ? ZipGrouping() : nil, selection: selection,
            acceptance: Acceptance(mirror.accept), sweep: schedule.sweep, scrub: schedule.scrub,
            watch: mirror.watch,
            strangers: mirror.strangers, outbox: outboxInMirror, brake: brake, trash: trash, history: history)
    }
}

extension MirrorOwner {
    /// The same in the mirror's words.
    fileprivate init(_ origin: Origin) {
        self.init(
            account: origin.account, accountName: origin.accountName, folderID: origin.folderID, folder: origin.folder)
    }
}
