import Engine
import ServiceLifecycle
import Outbox

/// Runs the outbox until the group shuts down: uploads stop at once, sessions go on after the next start.
///
/// It tells the watchdog nothing: that is about the mirror.
struct OutboxRunner: Service {
    let outbox: OutboxService
    /// Its own, more than can ever wait for its disk: the mirror goes on when that one hangs.
    private let threads = DiskPool(threads: 12)

    init(outbox: OutboxService) { self.outbox = outbox }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withTaskExecutorPreference(threads) { try await outbox.run() }
        }
    }
}
