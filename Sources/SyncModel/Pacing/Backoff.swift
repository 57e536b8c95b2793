/// How long to wait after failures in a row: twice as long after each, up to a limit.
public struct Backoff: Hashable, Sendable {
    /// The wait after the first failure.
    public let first: Duration
    /// The longest wait.
    public let longest: Duration

    /// Takes both ends.
    public init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    /// For one item, of the mirror or of the outbox.
    public static let item = Backoff(first: .seconds(15), longest: .seconds(3600))
    /// For what concerns everything: a pass, a longpoll, the outbox as a whole.
    public static let everything = Backoff(first: .seconds(5), longest: .seconds(300))

    /// The full wait after so many failures, of which there is at least one.
    public func limit(failures: Int) -> Duration { min(first * (1 << min(max(failures - 1, 0), 30)), longest) }

    /// The wait after so many failures, of which `jitter` takes away at most half, so that what has failed together does not
    /// come back together.
    ///
    /// - Parameters:
    ///   - failures: failures in a row, at least 1.
    ///   - jitter: a random number from 0 to 1.
    public func delay(failures: Int, jitter: Double) -> Duration { limit(failures: failures) * (1 - jitter / 2) }
}

extension Duration {
    /// The duration in seconds, with their fraction.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
