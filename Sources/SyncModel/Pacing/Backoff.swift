/// How long a failed item waits before it is tried again.
public enum Backoff {
    /// The longest wait, in seconds.
    public static let longest: Double = 3600

    /// Seconds until the next try of an item that has failed `attempts` times: 15 s doubling up to an hour,
    /// of which `jitter` (0 to 1) takes away at most half, so that many items do not come back at once.
    ///
    /// - Parameters:
    ///   - attempts: failures so far, at least 1.
    ///   - jitter: a random number from 0 to 1.
    /// - Returns: seconds.
    public static func delay(attempts: Int, jitter: Double) -> Double {
        let full = min(longest, 15 * Double(1 << min(max(attempts - 1, 0), 20)))
        return full * (1 - jitter / 2)
    }
}
