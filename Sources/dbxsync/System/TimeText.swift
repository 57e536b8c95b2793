import Glibc
import SyncModel
import TextFormatting

/// Moments as people and programs read them.
enum TimeText {
    /// The local time of day: `14:03:11`.
    static func clock(_ moment: Timestamp) -> String { text(moment, format: "%H:%M:%S", convert: localtime_r) }

    /// The local time of day, with its date unless that is today's: `14:03:11`, `2026-11-29 14:03:11 CET`.
    static func soon(_ moment: Timestamp, now: Timestamp) -> String {
        let day = "%Y-%m-%d"
        let isToday = text(moment, format: day, convert: localtime_r) == text(now, format: day, convert: localtime_r)
        return isToday ? clock(moment) : local(moment)
    }

    /// The local date and time with its zone: `2026-11-24 14:03:11 CET`.
    static func local(_ moment: Timestamp) -> String {
        text(moment, format: "%Y-%m-%d %H:%M:%S %Z", convert: localtime_r)
    }

    /// The local date and time to the minute: `2026-11-24 14:03`.
    static func minute(_ moment: Timestamp) -> String { text(moment, format: "%Y-%m-%d %H:%M", convert: localtime_r) }

    /// The time in UTC, RFC 3339: `2026-11-24T13:03:11Z`.
    static func rfc3339(_ moment: Timestamp) -> String { text(moment, format: "%Y-%m-%dT%H:%M:%SZ", convert: gmtime_r) }

    /// The time in UTC as HTTP has it (RFC 9110, section 5.6.7): `Tue, 24 Nov 2026 13:03:11 GMT`.
    static func http(_ moment: Timestamp) -> String {
        text(moment, format: "%a, %d %b %Y %H:%M:%S GMT", convert: gmtime_r)
    }

    /// The local hour and minute: `14:03`.
    static func hour(_ moment: Timestamp) -> String { text(moment, format: "%H:%M", convert: localtime_r) }

    /// The local date: `2026-11-24`.
    static func day(_ moment: Timestamp) -> String { text(moment, format: "%Y-%m-%d", convert: localtime_r) }

    /// The local time, and how long ago it was.
    static func localAndDistance(_ moment: Timestamp, from now: Timestamp) -> String {
        "\(local(moment)) (\(distance(moment, from: now)))"
    }

    /// How long ago a moment was, or how far ahead it is: `18 s ago`, `in 5 min 00 s`, `now`.
    static func distance(_ moment: Timestamp, from now: Timestamp) -> String {
        let span = HumanText.duration(.seconds(Int64(clamping: now.seconds(since: moment).magnitude)))
        return moment == now ? "now" : moment < now ? "\(span) ago" : "in \(span)"
    }

    private static func text(
        _ moment: Timestamp, format: String,
        convert: (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?
    ) -> String {
        var (time, parts) = (time_t(moment.seconds), tm())
        guard convert(&time, &parts) != nil else { return "-" }
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
    }
}
