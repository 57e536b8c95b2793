/// When the next request of an account may go out.
///
/// Pure: the time is an argument.
///
/// Without a 429 nothing is held back. A 429 holds everybody for the time the server names; afterwards half as many
/// requests run at a time as before, one more for every round of answers, and they start with a gap between them, which
/// shrinks with every answer that is no 429 and is gone soon. Requests that were under way when the pause began can
/// prolong it, but count as one 429.
///
/// No pause is believed for longer than a quarter of an hour. After one that was cut to that a single request asks how
/// things stand, and the others follow when it was answered.
struct Pace: Hashable, Sendable {
    private static let firstGap: Duration = .milliseconds(20)
    private static let widestGap: Duration = .seconds(1)
    private static let negligibleGap: Duration = .milliseconds(1)
    /// The longest pause that is believed.
    static let longestPause: Duration = .seconds(900)
    /// How long others wait for the answer to the request that asks after a long pause.
    private static let probePatience: Duration = .seconds(10)
    /// How often somebody looks whether a place is free.
    private static let placeWait: Duration = .milliseconds(20)
    /// So many requests at a time need no bound any more.
    private static let unlimited = 256

    private var heldUntil: Duration = .zero
    private var nextStart: Duration = .zero
    private var gap: Duration = .zero
    private var pauses = 0
    private var running = 0
    /// Requests at a time; `nil` for no bound.
    private(set) var concurrency: Int?
    private var successes = 0
    private var probe = Probe.none

    /// The request that asks how things stand after a long pause.
    private enum Probe: Hashable {
        case none
        case due
        case out(until: Duration)
    }

    /// Leave to send a request; tells which pause it came after.
    struct Ticket: Hashable, Sendable { fileprivate let pauses: Int }

    /// What a caller is told.
    enum Answer: Hashable, Sendable {
        case go(Ticket)
        /// Everybody pauses.
        case wait(Duration)
        /// Others have to finish first.
        case queue(Duration)
    }

    /// Asks to send a request now.
    mutating func admit(at now: Duration) -> Answer {
        let start = max(heldUntil, nextStart)
        if now < start { return .wait(start - now) }
        switch probe {
        case .due: probe = .out(until: now + Pace.probePatience)
        case .out(let end) where now < end: return .queue(Pace.placeWait)
        default:
            probe = .none
            if let concurrency, running >= concurrency { return .queue(Pace.placeWait) }
        }
        if gap > .zero { nextStart = now + gap }
        running += 1
        return .go(Ticket(pauses: pauses))
    }

    /// A request that was admitted has ended, whatever way.
    mutating func finished() { running -= 1 }

    /// A request was answered with 429: nobody sends for `pause`.
    mutating func rateLimited(_ ticket: Ticket, at now: Duration, for pause: Duration) {
        heldUntil = max(heldUntil, now + min(pause, Pace.longestPause))
        if pause >= Pace.longestPause { probe = .due }
        guard ticket.pauses == pauses else { return }
        pauses += 1
        gap = gap == .zero ? Pace.firstGap : min(gap * 2, Pace.widestGap)
        // The one that was refused has ended already.
        concurrency = max(1, min(concurrency ?? .max, running + 1) / 2)
        successes = 0
    }

    /// Somebody else's request was answered with 429: nobody sends for `pause`.
    mutating func hold(at now: Duration, for pause: Duration) {
        heldUntil = max(heldUntil, now + min(pause, Pace.longestPause))
    }

    /// A request was answered, and not with 429.
    ///
    /// - Parameter isFailure: whether the server failed, which gives nobody more places.
    mutating func answered(_ ticket: Ticket, isFailure: Bool = false) {
        guard ticket.pauses == pauses else { return }
        probe = .none
        if gap > .zero {
            gap = gap * 0.9
            if gap < Pace.negligibleGap { gap = .zero }
        }
        guard let concurrency, !isFailure else { return }
        successes += 1
        if successes >= concurrency {
            successes = 0
            self.concurrency = concurrency < Pace.unlimited ? concurrency + 1 : nil
        }
    }
}
