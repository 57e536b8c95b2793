/// Turns progress into watchdog pings: a beat that has not moved since the last ping gives none.
///
/// The beat is a counter that only goes up when work was finished. A ping from a timer alone would prove the timer. What
/// is known to take longer is told to the service manager beforehand, and it waits that long.
struct Watchdog: Sendable {
    /// What the service manager is to be told.
    enum Message: Equatable, Sendable {
        /// Something was finished.
        case ping
        /// Something was finished, and the next sign of life may take this long; also ends an earlier extension.
        case pingAndExpect(within: Duration)
    }

    private let interval: Duration
    private var lastHeartbeat: UInt64
    private var isExtended = false

    /// Starts from a beat that has been seen.
    init(interval: Duration, heartbeat: UInt64) {
        self.interval = interval
        lastHeartbeat = heartbeat
    }

    /// What is due: nothing if the beat has not moved.
    ///
    /// - Parameters:
    ///   - heartbeat: the number of things finished so far.
    ///   - allowedQuietTime: how long from now on none may come.
    mutating func message(heartbeat: UInt64, allowedQuietTime: Duration) -> Message? {
        guard heartbeat > lastHeartbeat else { return nil }
        lastHeartbeat = heartbeat
        // A beat is seen a quarter of the interval late at most: what fits into the rest needs no word.
        let isLong = allowedQuietTime >= interval * 3 / 4
        defer { isExtended = isLong }
        return isExtended || isLong ? .pingAndExpect(within: isLong ? allowedQuietTime + interval : interval) : .ping
    }

    /// Looks at the beat four times in each interval, until the task is cancelled.
    static func run(
        interval: Duration, clock: some Clock<Duration>, heartbeat: @Sendable () -> UInt64,
        allowedQuietTime: @Sendable () -> Duration, send: @Sendable (Message) -> Void
    ) async throws {
        var watchdog = Watchdog(interval: interval, heartbeat: heartbeat())
        while true {
            try await clock.sleep(for: interval / 4)
            if let message = watchdog.message(heartbeat: heartbeat(), allowedQuietTime: allowedQuietTime()) {
                send(message)
            }
        }
    }
}
