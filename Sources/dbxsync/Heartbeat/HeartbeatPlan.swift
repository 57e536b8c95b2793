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

    private var told: Kind?
    private var toldAt = Duration.zero
    private var seen: Kind?
    private var seenSince = Duration.zero
    private var failures = 0
    private var notBefore = Duration.zero

    /// Whether something is to be looked at soon: a change has not lasted long enough, or could not be told.
    var isRestless: Bool { seen != told || failures > 0 }

    /// Looks at how it stands.
    ///
    /// - Returns: whether that is to be told now.
    mutating func isDue(_ health: Health, at now: Duration, every interval: Duration) -> Bool {
        guard let kind = Self.kind(health) else {
            seen = nil
            return false
        }
        if kind != seen { (seen, seenSince) = (kind, now) }
        if now < notBefore { return false }
        if kind == told { return failures > 0 || now - toldAt >= interval }
        return (told == nil && kind == .well) || now - seenSince >= Self.settle
    }

    /// Notes that it was told.
    mutating func sent(_ health: Health, at now: Duration) {
        (told, toldAt, failures) = (Self.kind(health), now, 0)
    }

    /// Notes that it could not be told, and is tried again.
    mutating func failed(at now: Duration) {
        failures += 1
        notBefore = now + Self.backoff.limit(failures: failures)
    }

    private static func kind(_ health: Health) -> Kind? {
        switch health {
        case .well: .well
        case .failing: .failing
        case .unknown: nil
        }
    }
}
