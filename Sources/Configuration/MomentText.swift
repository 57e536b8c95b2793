import Glibc
package import SyncModel
import TextFormatting

/// Moments as they are written on a command line.
package enum MomentText {
    /// Reads `2026-11-30T05:00:00Z` (RFC 3339; a fraction of a second is cut off), `2026-11-30` and
    /// `2026-11-30 05:00` in local time (a date alone is its midnight), or a duration such as `2h`: that long ago.
    package static func read(_ text: String, now: Timestamp) throws(ConfigValueError) -> Timestamp {
        let bytes = Array(text.utf8)
        guard bytes.count > 4, bytes[4] == UInt8(ascii: "-") else { return now - (try duration(text)) }
        var reader = MomentReader(bytes)
        guard let moment = reader.read() else { throw complaint(text) }
        return moment
    }

    private static func duration(_ text: String) throws(ConfigValueError) -> Int64 {
        let isDuration = text.utf8.first.map((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) ?? false
        guard isDuration, text.utf8.last.map({ $0 > UInt8(ascii: "9") }) ?? false || text == "0" else {
            throw complaint(text)
        }
        return try DurationText.read(text).components.seconds
    }

    private static func complaint(_ text: String) -> ConfigValueError {
        ConfigValueError(
            "\(quoted(text)) is not a time such as \"2026-11-30\", \"2026-11-30 05:00\", \"2026-11-30T05:00:00Z\" or, "
                + "for that long ago, \"2h\"")
    }
}

/// Reads a date with what follows it.
private struct MomentReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// `nil` if it is no moment.
    mutating func read() -> Timestamp? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2) else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        guard (1...12).contains(month), isDate(parts) else { return nil }
        if rest.isEmpty { return local(parts) }
        guard take("T") || take("t") || take(" "), let hour = number(2), take(":"), let minute = number(2), hour < 24,
            minute < 60
        else { return nil }
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        if take(":") {
            guard let second = number(2), second <= 60, skipFraction() else { return nil }
            parts.tm_sec = Int32(second)
        }
        if rest.isEmpty { return local(parts) }
        guard let offset = offset(), rest.isEmpty else { return nil }
        return Timestamp(seconds: Int64(timegm(&parts))) - Int64(offset)
    }

    /// Whether the month has that day.
    private func isDate(_ parts: tm) -> Bool {
        var normal = parts
        _ = timegm(&normal)
        return normal.tm_mday == parts.tm_mday && normal.tm_mon == parts.tm_mon
    }

    private func local(_ parts: tm) -> Timestamp {
        var parts = parts
        parts.tm_isdst = -1
        return Timestamp(seconds: Int64(mktime(&parts)))
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func number(_ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else {
            return nil
        }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// `false` for a point that no digit follows.
    private mutating func skipFraction() -> Bool {
        guard take(".") else { return true }
        guard number(1) != nil else { return false }
        while number(1) != nil {}
        return true
    }

    /// Seconds that the written zone is ahead of UTC.
    private mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        return sign * (hours * 3600 + minutes * 60)
    }
}
