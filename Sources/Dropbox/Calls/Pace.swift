/// When the next request of an account may go out.
///
/// Pure: the time is an argument.
///
/// Without a 429 nothing is held back. A 429 holds everybody for the time the server names; afterwards requests start
/// with a gap between them, which shrinks with every success and is gone soon. Requests that were under way when the
/// pause began can prolong it, but widen the gap only once.
struct Pace: Hashable, Sendable {
    private static let firstGap: Duration = .milliseconds(20)
    private static let widestGap: Duration = .seconds(1)
    private static let negligibleGap: Duration = .milliseconds(1)

    private var heldUntil: Duration = .zero
    private var nextStart: Duration = .zero
    private var gap: Duration = .zero
    private var pauses = 0

    /// Leave to send a request; tells which pause it came after.
    struct Ticket: Hashable, Sendable { fileprivate let pauses: Int }

    /// What a caller is told.
    enum Answer: Hashable, Sendable {
        case go(Ticket)
        case wait(Duration)
    }

    /// Asks to send a request now.
    mutating func admit(at now: Duration) -> Answer {
        let start = max(heldUntil, nextStart)
        if now < start { return .wait(start - now) }
        if gap > .zero { nextStart = now + gap }
        return .go(Ticket(pauses: pauses))
    }

    /// A request was answered with 429: nobody sends for `pause`.
    mutating func rateLimited(_ ticket: Ticket, at now: Duration, for pause: Duration) {
        heldUntil = max(heldUntil, now + pause)
        guard ticket.pauses == pauses else { return }
        pauses += 1
        gap = gap == .zero ? Pace.firstGap : min(gap * 2, Pace.widestGap)
    }

    /// A request was answered without complaint.
    mutating func succeeded(_ ticket: Ticket) {
        guard gap > .zero, ticket.pauses == pauses else { return }
        gap = gap * 0.9
        if gap < Pace.negligibleGap { gap = .zero }
    }
}
