import SyncModel

/// When which heartbeat is sent; pure.
///
/// Times are those of a clock that no one sets.
struct HeartbeatPlan: Equatable, Sendable {
    /// Whether it is well or not.
    private enum Kind: Equatable, Sendable { case well, failing }

    /// How long a change has to last before it is told: what fails once is often well a moment later.
    static let settle = Duration.seconds(30)
    private static let backoff = Backoff(first: .seconds(5), longest: .seconds(60))

    /// Between two looks: the mirror may become stale by time alone.
    private static let longestPause = Duration.seconds(30)
    /// Between two looks for the sake of what has changed, or could not be looked at.
    static let shortestPause = Duration.seconds(5)

    private var told: Kind?
    /// When the one that was told last was due: the next is due an interval later, however late that one was.
    private var toldFor = Duration.zero
    private var seen: Kind?
    private var seenSince = Duration.zero
    private var failures = 0
    private var notBefore = Duration.zero

    /// Looks at how it stands.
    ///
    /// - Returns: whether that is to be told now.
    mutating func isDue(_ health: Health, at now: Duration, every interval: Duration) -> Bool {
        let kind = Self.kind(health)
        if kind != seen { (seen, seenSince) = (kind, now) }
        return due(every: interval).map { now >= $0 } ?? false
    }

    /// When to look again if nothing changes before.
    func nextLook(after now: Duration, every interval: Duration) -> Duration {
        guard let due = due(every: interval), due > now else {
            return now + (seen == nil ? Self.longestPause : Self.shortestPause)
        }
        return min(due, now + Self.longestPause)
    }

    /// When what was seen last is to be told; nil if it is unknown.
    private func due(every interval: Duration) -> Duration? {
        guard let seen else { return nil }
        if seen != told {
            let isFirst = told == nil && seen == .well
            return max(notBefore, isFirst ? seenSince : seenSince + Self.settle)
        }
        return max(notBefore, failures > 0 ? .zero : toldFor + interval)
    }

    /// Notes that it was told.
    ///
    /// - Parameter now: when that was begun.
    mutating func sent(_ health: Health, at now: Duration, every interval: Duration) {
        let kind = Self.kind(health)
        let planned = toldFor + interval
        // One that is later than the next is due begins a new schedule.
        let isOnSchedule = kind == told && planned <= now && now < planned + interval
        (told, toldFor, failures) = (kind, isOnSchedule ? planned : now, 0)
    }

    /// Notes that it could not be told, and is tried again, after an interval at the latest.
    mutating func failed(at now: Duration, every interval: Duration) {
        failures += 1
        notBefore = now + min(Self.backoff.limit(failures: failures), interval)
    }

    private static func kind(_ health: Health) -> Kind? {
        switch health {
        case .well: .well
        case .failing: .failing
        case .unknown: nil
        }
    }
}
