internal import Glibc

/// Times as the API writes them: whole seconds, UTC, `2024-03-01T09:30:00Z`.
enum Timestamp {
    /// Seconds since 1970, now.
    static var now: Int64 { Int64(time(nil)) }

    /// The text of `seconds` since 1970.
    static func text(_ seconds: Int64) -> String {
        var value = time_t(seconds)
        var parts = tm()
        gmtime_r(&value, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let year = String(Int(parts.tm_year) + 1900)
        let padded = String(repeating: "0", count: max(0, 4 - year.utf8.count)) + year
        return "\(padded)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    /// Date and time as zip archives have them: two seconds fine, from 1980 on, without a zone.
    static func dosTime(_ seconds: Int64) -> (date: UInt16, time: UInt16) {
        var value = time_t(min(max(seconds, 315_532_800), 4_354_819_198))
        var parts = tm()
        gmtime_r(&value, &parts)
        return (
            UInt16((parts.tm_year - 80) << 9 | (parts.tm_mon + 1) << 5 | parts.tm_mday),
            UInt16(parts.tm_hour << 11 | parts.tm_min << 5 | min(parts.tm_sec, 59) / 2)
        )
    }

    /// Seconds since 1970, when `text` has exactly the form of the API.
    static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 20 else { return nil }
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        for (byte, expected) in zip(bytes, pattern) {
            let isDigit = (0x30...0x39).contains(byte)
            guard expected == 0x30 ? isDigit : byte == expected else { return nil }
        }
        func number(_ range: Range<Int>) -> Int32 { bytes[range].reduce(0) { $0 * 10 + Int32($1 - 0x30) } }
        var parts = tm()
        parts.tm_year = number(0..<4) - 1900
        parts.tm_mon = number(5..<7) - 1
        parts.tm_mday = number(8..<10)
        parts.tm_hour = number(11..<13)
        parts.tm_min = number(14..<16)
        parts.tm_sec = number(17..<19)
        guard (0..<12).contains(parts.tm_mon), (1...31).contains(parts.tm_mday), parts.tm_hour < 24 else { return nil }
        return Int64(timegm(&parts))
    }
}
