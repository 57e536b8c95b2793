import Concurrency
import Configuration
import Dropbox
import Engine
import Logging
import ServiceLifecycle
import SyncModel

/// Tells a service elsewhere that the mirror is in step, or why it is not; nothing waits for it.
struct HeartbeatService: Service {
    let sampler: StatusSampler
    let board: StatusBoard
    let metrics: Metrics
    let config: CurrentConfig
    /// The name of the instance.
    let mirror: String
    let logger: Logger
    private let began = ContinuousClock.now
    /// Notified when the status or the configuration has changed.
    private let changed = AsyncSignal()

    init(
        sampler: StatusSampler, board: StatusBoard, metrics: Metrics, config: CurrentConfig, mirror: String,
        logger: Logger
    ) {
        self.sampler = sampler
        self.board = board
        self.metrics = metrics
        self.config = config
        self.mirror = mirror
        self.logger = logger
        board.notifyOfChanges(changed)
        config.notifyOfChanges(changed)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await beat() }
    }

    private func beat() async {
        var sender: HeartbeatSender?
        var (plan, url): (HeartbeatPlan, String?) = (HeartbeatPlan(), nil)
        var reminder = FailureReminder()
        while !Task.isCancelled {
            let heartbeat = config.value.heartbeat
            if heartbeat.url != url {
                (url, plan, reminder) = (heartbeat.url, HeartbeatPlan(), FailureReminder())
                metrics.forgetHeartbeatProblem()
            }
            if let url {
                let to = sender ?? HeartbeatSender(config.value)
                sender = to
                await look(&plan, url, every: heartbeat.interval, to, &reminder)
            }
            await pause(until: url == nil ? nil : began + plan.nextLook(after: age, every: heartbeat.interval))
        }
        await sender?.stop()
    }

    /// How long the daemon has run.
    private var age: Duration { ContinuousClock.now - began }

    /// Waits until something has changed, which may be often, and until `end` at the latest.
    private func pause(until end: ContinuousClock.Instant?) async {
        let rest = ContinuousClock.now + HeartbeatPlan.shortestPause
        try? await Task.sleep(until: end.map { min($0, rest) } ?? rest, clock: .continuous)  // cancelled: it is over
        guard let end else {
            try? await changed.wait()  // likewise
            return
        }
        if end > .now { await changed.wait(until: end) }
    }

    /// Looks how the mirror stands, and tells it if it is time for that.
    private func look(
        _ plan: inout HeartbeatPlan, _ url: String, every interval: Duration, _ sender: HeartbeatSender,
        _ reminder: inout FailureReminder
    ) async {
        guard let sample = try? await sampler.sample() else { return }  // nothing is known: then nothing is told
        let now = age
        let isYoung = config.value.schedule.maxStaleness.map { now < $0 } ?? true
        let health = Health.of(sample.report, isYoung: isYoung)
        guard plan.isDue(health, at: now, every: interval) else { return }
        do {
            try await sender.send(health.told(by: mirror), to: url)
            plan.sent(health, at: now, every: interval)
            metrics.sentHeartbeat()
            if reminder.succeeded() { logger.notice("heartbeats are sent again") }
        } catch {
            if Task.isCancelled { return }
            plan.failed(at: age, every: interval)
            metrics.failedHeartbeat("\(error)")
            let kind = (error as? HeartbeatSender.Failure)?.kind ?? "\(error)"
            logger.log(
                level: reminder.isDue(kind) ? .warning : .debug,
                "the heartbeat could not be sent, it is tried again: \(error)",
                metadata: ["event": "heartbeat_failed"])
        }
    }
}

extension HeartbeatService {
    /// Tells that the daemon ends, and why; not longer than a few seconds.
    ///
    /// One that has found another at work, which goes on, tells nothing.
    static func tellEnd(_ error: any Error, _ config: Config, mirror: String, _ logger: Logger) async {
        let failure = Failure.of(error)
        guard let url = config.heartbeat.url, failure.exitCode != .held else { return }
        let sender = HeartbeatSender(config, limit: .seconds(5))
        let health = Health.failing("the daemon ends: \(failure.message)").told(by: mirror)
        do {
            try await sender.send(health, to: url)
        } catch {
            logger.debug("the last heartbeat could not be sent: \(error)")
        }
        await sender.stop()
    }
}

extension Health {
    /// The same with the name of the instance in front of the reason.
    fileprivate func told(by mirror: String) -> Health {
        guard case .failing(let reason) = self else { return self }
        return .failing("dbxsync (\(mirror)): \(reason)\n")
    }
}
