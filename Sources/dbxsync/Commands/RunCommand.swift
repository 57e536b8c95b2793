import ArgumentParser
import Configuration
import Dropbox
import Engine
import FileSystem
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals
import Outbox

/// `dbxsync run`: the daemon, in the foreground.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the daemon, in the foreground, until SIGTERM or SIGINT.",
        discussion: "SIGHUP reads the configuration again.")

    @OptionGroup var common: CommonOptions

    func run() async throws { try await serving(common.config, serve) }

    private func serve(_ log: LogOutput, _ notifier: SystemdNotifier) async throws {
        let config = try common.loadAsOwner()
        log.control.change(to: config.log)
        let logger = log.logger()
        let place = StatusPlace.choose(stateDirectory: config.state.directory)
        let metrics = Metrics(began: .now)
        let composition: CompositionRoot
        do {
            composition = try await CompositionRoot.open(
                config, calls: .daemon, place: place, metrics: metrics, logger: logger)
        } catch {
            await tellEnd(error, config, logger)
            note(error, config)
            throw error
        }
        LastEnd.forget(config)
        // The disk of another mirror may not answer; what is left now is removed by the next daemon.
        try? startThread { DeadWords.remove(beside: place) }
        logger.notice(
            "dbxsync \(Dbxsync.version) has started; the mirror is \(config.mirror.directory)",
            metadata: ["event": "started"])
        for warning in ConfigFile.warnings(config, in: common.config) { logger.warning("\(warning)") }
        var isServing = false
        do {
            let outbox = try composition.outbox(config, logger: logger)
            isServing = true
            if let settings = config.outbox.settings {
                logger.notice(
                    "what is put into the outbox \(settings.directory) is uploaded to \(settings.remoteFolder.isEmpty ? "/" : settings.remoteFolder)"
                )
            }
            try await services(
                config, composition: composition, metrics: metrics, place: place, outbox: outbox, log: log,
                notifier: notifier
            ).run()
        } catch {
            if !isServing { await tellEnd(error, config, logger) }
            let end = await composition.close(after: error)
            note(end, config)
            throw end
        }
        await composition.close()
        logger.notice("stopped", metadata: ["event": "stopped"])
    }

    private func note(_ error: any Error, _ config: Config) {
        LastEnd.note(Failure.of(error).naming(common.config), config)
    }

    /// Tells that the daemon ends before any of its services has begun.
    private func tellEnd(_ error: any Error, _ config: Config, _ logger: Logger) async {
        await MetricsService.tellEnd(error, config, mirror: mirror, logger)
        await HeartbeatService.tellEnd(error, config, mirror: mirror, logger)
    }

    /// The name of the instance.
    private var mirror: String { MetricsFacts.instance(common.config) }

    /// What others are told of the mirror's state and of what is counted.
    private func monitoring(
        _ metrics: Metrics, _ composition: CompositionRoot, place: StatusPlace, _ config: CurrentConfig,
        _ logger: Logger
    ) -> [any Service] {
        let sampler = StatusSampler(
            store: composition.store, board: composition.board, metrics: metrics, config: config)
        let telling = MetricsService(
            metrics: metrics, sampler: sampler, board: composition.board, connection: composition.connection,
            freeSpace: FreeSpace(of: composition.mirror, on: composition.disk),
            pools: zip(["disk", "reading"], composition.engine.pools).map { (name: $0, pool: $1) },
            place: place, config: config, mirror: mirror, file: MetricsTextFile(logger: logger))
        let heartbeat = HeartbeatService(
            sampler: sampler, board: composition.board, metrics: metrics, config: config, mirror: mirror, logger: logger
        )
        return [telling, heartbeat]
    }

    /// If any service ends, the whole group shuts down.
    private func services(
        _ config: Config, composition: CompositionRoot, metrics: Metrics, place: StatusPlace, outbox: OutboxService?,
        log: LogOutput,
        notifier: SystemdNotifier
    ) -> ServiceGroup {
        let diskStall = DiskStallMonitor(
            stall: StallWatch(composition.engine.pools), board: composition.board, directory: config.mirror.directory,
            metrics: metrics, logger: log.logger())
        let current = CurrentConfig(config)
        let freshness = FreshnessWatch(Freshness(config.schedule), began: .now)
        var services: [any Service] = [
            StatusService(
                board: composition.board, notifier: notifier, progress: ProgressLine(terminal: log.terminal),
                place: place, stateDirectory: config.state.directory, diskStall: diskStall,
                limits: composition.connection.limits, freshness: freshness, metrics: metrics, logger: log.logger()),
            ReloadService(
                file: common.config, running: current, engine: composition.engine,
                connection: composition.connection, freshness: freshness, notifier: notifier, log: log),
        ]
        services += monitoring(metrics, composition, place: place, current, log.logger())
        if let interval = SystemdNotifier.watchdogInterval {
            services.append(WatchdogService(board: composition.board, notifier: notifier, interval: interval))
        }
        if let outbox { services.append(OutboxRunner(outbox: outbox)) }
        var logger = log.logger()
        let engine = EngineService(engine: composition.engine) { [mirror, logger] error in
            await HeartbeatService.tellEnd(error, current.value, mirror: mirror, logger)
        }
        services += [engine, StoppingService(notifier: notifier)]
        logger.logLevel = .critical  // what went wrong is told once, by us
        return ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    }
}
