/// Turns progress into watchdog pings: a beat that has not moved since the last ping gives none.
///
/// The beat is a counter that only goes up when work was finished. A ping from a timer alone would prove the timer.
struct Watchdog: Sendable {
    private var lastBeat: UInt64

    /// Starts from a beat that has been seen.
    init(beat: UInt64) { lastBeat = beat }

    /// True when the beat has moved, and so a ping is due.
    mutating func isAlive(beat: UInt64) -> Bool {
        guard beat > lastBeat else { return false }
        lastBeat = beat
        return true
    }

    /// Looks at the beat four times in each interval and pings when it has moved, until the task is cancelled.
    static func run(
        interval: Duration, clock: some Clock<Duration>, beat: @Sendable () -> UInt64, ping: @Sendable () -> Void
    ) async throws {
        var watchdog = Watchdog(beat: beat())
        while true {
            try await clock.sleep(for: interval / 4)
            if watchdog.isAlive(beat: beat()) { ping() }
        }
    }
}
