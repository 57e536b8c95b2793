/// A place in the account's history of changes, as the server hands it out: opaque, kept, sent back, never built here.
public struct Cursor: Hashable, Sendable {
    /// The server's text.
    public let text: String

    /// Wraps a cursor that the server gave or the state file holds.
    public init(_ text: String) { self.text = text }
}

/// One revision of one file's content: `rev` of FileMetadata, lower-case hex.
public struct Rev: Hashable, Sendable {
    /// The server's text.
    public let text: String

    /// Wraps a revision that the server gave or the state file holds.
    public init(_ text: String) { self.text = text }

    /// The revision of a file that somebody else has touched: no account has it, so that it differs from whatever is
    /// wanted until its bytes are looked at again.
    public static let unproven = Rev("")
}

/// A point in time in whole seconds since 1970-01-01 UTC; Dropbox's timestamps have no fractions.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Seconds since the epoch; may be negative (uploaders may claim any time).
    public let seconds: Int64

    /// Creates a timestamp from seconds since the epoch.
    public init(seconds: Int64) { self.seconds = seconds }

    /// Nanoseconds since the epoch; `nil` before 1677 and after 2262, which 64 bits do not reach.
    public var nanoseconds: Int64? {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : product
    }

    /// Orders by time.
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.seconds < b.seconds }
}
