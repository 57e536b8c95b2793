/// Which failures of what is tried again and again deserve a line of the log: the first of each kind, and then one an
/// hour; pure.
struct FailureReminder: Sendable {
    /// When which kind was told last.
    private var told: [String: ContinuousClock.Instant] = [:]
    private static let pause = Duration.seconds(3_600)

    /// Whether a failure is to be told.
    mutating func isDue(_ kind: String, now: ContinuousClock.Instant = .now) -> Bool {
        if let last = told[kind], now - last < Self.pause { return false }
        told[kind] = now
        return true
    }

    /// Notes that it has succeeded.
    ///
    /// - Returns: whether failures were told before.
    mutating func succeeded() -> Bool {
        defer { told = [:] }
        return !told.isEmpty
    }
}
