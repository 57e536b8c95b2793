/// A clock as calls use it: the time since some start, and sleep.
struct TimeSource: Sendable {
    /// The time since some start.
    let now: @Sendable () -> Duration
    /// Waits; throws `CancellationError` when the task is cancelled.
    let sleep: @Sendable (Duration) async throws -> Void

    init(_ clock: any Clock<Duration>) {
        self = TimeSource.make(clock)
    }

    private init(now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    private static func make<C: Clock<Duration>>(_ clock: C) -> TimeSource {
        let start = clock.now
        return TimeSource(now: { start.duration(to: clock.now) }, sleep: { try await clock.sleep(for: $0) })
    }
}
