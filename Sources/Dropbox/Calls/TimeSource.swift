import Glibc
public import SyncModel

/// Performs a wait of known length and announces it to the watchdog.
public typealias Waiting = @Sendable (Duration, () async throws -> Void) async throws -> Void

/// A clock as calls use it: the time since some start, and sleep.
struct TimeSource: Sendable {
    /// The time since some start.
    let now: @Sendable () -> Duration
    /// Waits; throws `CancellationError` when the task is cancelled.
    let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - clock: measures and sleeps.
    ///   - waiting: is told of each wait, and does it.
    init(_ clock: any Clock<Duration>, waiting: @escaping Waiting = { _, sleep in try await sleep() }) {
        self = TimeSource.make(clock, waiting)
    }

    private init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    private static func make<C: Clock<Duration>>(_ clock: C, _ waiting: @escaping Waiting) -> TimeSource {
        let start = clock.now
        return TimeSource(
            now: { start.duration(to: clock.now) },
            sleep: { duration in try await waiting(duration) { try await clock.sleep(for: duration) } })
    }
}

extension Timestamp {
    /// The time of day.
    public static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }
}
