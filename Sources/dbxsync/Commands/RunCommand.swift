import ArgumentParser
import Configuration
import Dropbox
import Engine
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

    func run() async throws { try await serving(serve) }

    private func serve(_ log: LogOutput, _ notifier: SystemdNotifier) async throws {
        let config = try common.loadAsOwner()
        log.control.change(to: config.log)
        let logger = log.logger()
        let place = StatusPlace.choose(stateDirectory: config.state.directory)
        let composition = try await CompositionRoot.open(config, calls: .daemon, word: place.path, logger: logger)
        logger.notice(
            "dbxsync \(Dbxsync.version) has started; the mirror is \(config.mirror.directory)",
            metadata: ["event": "started"])
        do {
            let outbox = try composition.outbox(config, logger: logger)
            if let settings = config.outbox.settings {
                logger.notice(
                    "what is put into the outbox \(settings.directory) is uploaded to \(settings.remoteFolder.isEmpty ? "/" : settings.remoteFolder)"
                )
            }
            try await services(
                config, composition: composition, place: place, outbox: outbox, log: log, notifier: notifier
            ).run()
        } catch {
            throw await composition.close(after: error)
        }
        await composition.close()
        logger.notice("stopped", metadata: ["event": "stopped"])
    }

    /// If any service ends, the whole group shuts down.
    private func services(
        _ config: Config, composition: CompositionRoot, place: StatusPlace, outbox: OutboxService?,
        log: LogOutput,
        notifier: SystemdNotifier
    ) -> ServiceGroup {
        let diskStall = DiskStallMonitor(
            stall: StallWatch(composition.engine.pools), board: composition.board, directory: config.mirror.directory,
            logger: log.logger())
        let freshness = FreshnessWatch(Freshness(config.schedule), began: .now)
        var services: [any Service] = [
            StatusService(
                board: composition.board, notifier: notifier, progress: ProgressLine(terminal: log.terminal),
                place: place, diskStall: diskStall, limits: composition.connection.limits, freshness: freshness,
                logger: log.logger()),
            ReloadService(
                file: common.config, running: config, engine: composition.engine,
                connection: composition.connection, freshness: freshness, notifier: notifier, log: log),
        ]
        if let interval = SystemdNotifier.watchdogInterval {
            services.append(WatchdogService(board: composition.board, notifier: notifier, interval: interval))
        }
        if let outbox { services.append(OutboxRunner(outbox: outbox)) }
        services += [EngineService(engine: composition.engine), StoppingService(notifier: notifier)]
        var logger = log.logger()
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
