import CLinux
import Configuration
import Engine
import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the configuration again at SIGHUP; tells the service manager when that, and everything else, is ready.
struct ReloadService: Service {
    let file: String
    let running: CurrentConfig
    let engine: SyncEngine
    let connection: Connection
    let freshness: FreshnessWatch
    let notifier: SystemdNotifier
    let log: LogOutput

    func run() async throws {
        let logger = log.logger()
        // The group traps the other signals before it starts its services: from here on every signal is understood.
        let signals = await UnixSignalsSequence(trapping: .sighup)
        notifier.ready(status: "starting")
        // One that came before this may have come after the configuration was read.
        if dbx_had_early_hangup() != 0 { await reload(logger) }
        for await _ in signals.cancelOnGracefulShutdown() {
            notifier.reloading()
            await reload(logger)
            notifier.ready()
        }
    }

    /// A configuration that is wrong changes nothing: what runs goes on.
    private func reload(_ logger: Logger) async {
        switch ConfigFile.load(file) {
        case .failure(let problems):
            for problem in problems.problems { logger.error("\(problem)") }
            logger.error("the configuration was not reloaded; what was in effect still is")
        case .success(let new):
            let change = running.value.change(to: new)
            running.set(change.config)
            log.control.change(to: change.config.log)
            connection.limit(by: change.config.transfer.limits)
            freshness.change(to: Freshness(change.config.schedule))
            await engine.reload(change.config.engineSettings)
            log(change, logger)
            for warning in ConfigFile.warnings(new, in: file) { logger.warning("\(warning)") }
        }
    }

    private func log(_ change: Config.Change, _ logger: Logger) {
        let parts = [("in effect now", change.live), ("from the next pass on", change.nextPass)]
            .filter { !$0.1.isEmpty }.map { "\($0): \($1.joined(separator: ", "))" }
        let text =
            change.isEmpty ? "reloaded: nothing has changed" : (["reloaded"] + parts).joined(separator: "; ")
        logger.notice("\(text)", metadata: ["event": "reloaded"])
        if !change.afterRestart.isEmpty {
            logger.warning("in effect after a restart only: \(change.afterRestart.joined(separator: ", "))")
        }
    }
}
