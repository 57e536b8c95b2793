import Engine
import ServiceLifecycle

/// Pings the service manager's watchdog as long as the engine finishes something.
struct WatchdogService: Service {
    let board: StatusBoard
    let notifier: SystemdNotifier
    let interval: Duration

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await Watchdog.run(
                    interval: interval, clock: ContinuousClock(), heartbeat: { board.heartbeat },
                    allowedQuietTime: { board.allowedQuietTime },
                    send: notifier.watchdog)
            } catch is CancellationError {
                return
            }
        }
    }
}
