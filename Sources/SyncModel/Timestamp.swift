/// A moment of the wall clock in whole seconds since 1970-01-01 UTC; Dropbox's timestamps have no fractions.
///
/// The one type for such a moment, wherever it comes from: a server, a disk, a state file or a clock. Any of them may be
/// absurd, so that sums and differences stop at the numbers that 64 bits hold.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Seconds since the epoch; may be negative (uploaders may claim any time).
    public let seconds: Int64

    /// Creates a timestamp from seconds since the epoch.
    public init(seconds: Int64) { self.seconds = seconds }

    /// The beginning of 1970 in UTC.
    public static let epoch = Timestamp(seconds: 0)
    /// No moment is before this one.
    public static let distantPast = Timestamp(seconds: .min)

    /// Nanoseconds since the epoch; `nil` before 1677 and after 2262, which 64 bits do not reach.
    public var nanoseconds: Int64? {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : product
    }

    /// The seconds that have passed since `other`; negative if it is yet to come.
    public func seconds(since other: Timestamp) -> Int64 {
        let (difference, overflow) = seconds.subtractingReportingOverflow(other.seconds)
        return overflow ? (seconds < other.seconds ? .min : .max) : difference
    }

    /// Orders by time.
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.seconds < b.seconds }

    /// So many seconds later.
    public static func + (moment: Timestamp, seconds: Int64) -> Timestamp {
        Timestamp(seconds: moment.seconds.saturatingSum(seconds))
    }

    /// So many seconds earlier.
    public static func - (moment: Timestamp, seconds: Int64) -> Timestamp {
        let (difference, overflow) = moment.seconds.subtractingReportingOverflow(seconds)
        return Timestamp(seconds: overflow ? (seconds < 0 ? .max : .min) : difference)
    }
}
