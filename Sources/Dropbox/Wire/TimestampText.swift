import SyncModel

/// Timestamps as text: RFC 3339, of which Dropbox uses `YYYY-MM-DDTHH:MM:SSZ`.
enum TimestampText {
    /// Reads a timestamp of the years 1 to 9999; a fraction is cut off, an offset is counted in.
    static func parse(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, punctuation.allSatisfy({ $0.characters.contains(bytes[$0.at]) }) else { return nil }
        let fields = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19].compactMap { number(bytes[$0]) }
        guard fields.count == 6, let offset = offset(afterFraction: bytes[19...]) else { return nil }
        let (year, month, day) = (fields[0], fields[1], fields[2])
        guard year >= 1, (1...12).contains(month), (1...lastDay(year, month)).contains(day) else { return nil }
        guard fields[3] < 24, fields[4] < 60, fields[5] <= 60 else { return nil }
        let time = fields[3] * 3600 + fields[4] * 60 + fields[5]
        return Timestamp(seconds: Int64(days(year, month, day) * 86400 + time - offset))
    }

    /// Writes `YYYY-MM-DDTHH:MM:SSZ`.
    static func text(_ timestamp: Timestamp) -> String {
        let seconds = Int(timestamp.seconds)
        let second = ((seconds % 86400) + 86400) % 86400
        let day = (seconds - second) / 86400
        let (y, m, d) = date(day)
        let time = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
        return "\(pad(y, 4))-\(pad(m, 2))-\(pad(d, 2))T\(time)Z"
    }

    private static let punctuation: [(at: Int, characters: [UInt8])] = [
        (4, Array("-".utf8)), (7, Array("-".utf8)), (10, Array("Tt ".utf8)), (13, Array(":".utf8)),
        (16, Array(":".utf8)),
    ]

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
            ? digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } : nil
    }

    private static func offset(afterFraction rest: ArraySlice<UInt8>) -> Int? {
        var rest = rest
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst().drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        if rest.elementsEqual("Z".utf8) || rest.elementsEqual("z".utf8) { return 0 }
        guard rest.count == 6, rest[rest.startIndex + 3] == UInt8(ascii: ":") else { return nil }
        guard let hours = number(rest.dropFirst().prefix(2)), let minutes = number(rest.suffix(2)) else { return nil }
        guard hours < 24, minutes < 60 else { return nil }
        switch rest.first {
        case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
        case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
        default: return nil
        }
    }

    private static func lastDay(_ year: Int, _ month: Int) -> Int {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar; the year is counted from March.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719_468
    }

    /// The inverse of `days`, for dates from year 0 on.
    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        let month = m < 10 ? m + 3 : m - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
