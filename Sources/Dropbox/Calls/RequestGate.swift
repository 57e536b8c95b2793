import Synchronization

/// The one gate of an account that every request with its token passes; all clients for it share one.
public final class RequestGate: Sendable {
    private let pace = Mutex(Pace())
    private let now: @Sendable () -> Duration
    private let onPause: @Sendable (Duration, PauseOrigin) -> Void
    private let news: (any PauseNews)?

    /// Creates an open gate.
    ///
    /// - Parameters:
    ///   - clock: measures pauses.
    ///   - onPause: is told for how long the server wants no requests, and who was told so.
    ///   - news: what others with the same account were told, and are told; `nil` if there are none.
    public init(
        clock: any Clock<Duration> = ContinuousClock(),
        onPause: @escaping @Sendable (Duration, PauseOrigin) -> Void = { _, _ in },
        news: (any PauseNews)? = nil
    ) {
        now = TimeSource(clock).now
        self.onPause = onPause
        self.news = news
    }

    /// Returns when a request may go out; the time it had to wait, in `time`, is added to `waited`.
    ///
    /// - Returns: `nil` if that would take longer than `limit` in all.
    func pass(in time: TimeSource, waited: inout Duration, limit: Duration?) async throws -> Pace.Ticket? {
        while true {
            if let pause = news?.heard() {
                pace.withLock { $0.hold(at: now(), for: pause) }
                onPause(pause, .others)
            }
            switch pace.withLock({ $0.admit(at: now()) }) {
            case .go(let ticket): return ticket
            case .wait(let duration):
                waited += duration
                if let limit, waited > limit { return nil }
                try await time.sleep(duration)
            case .queue(let duration): try await time.sleep(duration)
            }
        }
    }

    /// Holds everybody for `pause`.
    func hold(_ ticket: Pace.Ticket, for pause: Duration) {
        pace.withLock { $0.rateLimited(ticket, at: now(), for: pause) }
        news?.tell(pause)
        onPause(pause, .answer)
    }

    /// Notes that a request has ended, whatever way.
    func finished() { pace.withLock { $0.finished() } }

    /// Notes that a request was answered, and not with 429.
    func answered(_ ticket: Pace.Ticket, isFailure: Bool) {
        pace.withLock { $0.answered(ticket, isFailure: isFailure) }
    }
}
