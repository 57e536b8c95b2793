public import SyncModel

/// In tests a number will do for a moment: `now: 1_000`.
extension Timestamp: ExpressibleByIntegerLiteral {
    /// Takes seconds since the epoch.
    public init(integerLiteral seconds: Int64) { self.init(seconds: seconds) }
}
