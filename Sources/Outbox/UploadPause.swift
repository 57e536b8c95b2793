import SyncModel

/// The time in which no upload is tried, because nobody can be reached; pure.
struct UploadPause: Sendable {
    /// Failures in a row.
    private(set) var failures = 0
    private var end: ContinuousClock.Instant?

    /// When it ends; `nil` if it is over or there is none.
    func end(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? { end.flatMap { $0 > now ? $0 : nil } }

    /// Pauses after a failure, unless one of the same time has done so already.
    ///
    /// - Returns: whether it has.
    mutating func begin(at now: ContinuousClock.Instant, jitter: Double) -> Bool {
        if end(after: now) != nil { return false }
        failures += 1
        end = now + Backoff.everything.delay(failures: failures, jitter: jitter)
        return true
    }
}
