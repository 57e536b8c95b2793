import SyncModel

/// Dates as HTTP writes them (RFC 9110, section 5.6.7).
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` and the two older forms; `nil` for anything else.
    static func parse(_ text: String) -> Timestamp? {
        let words = text.utf8.split { " ,-:".utf8.contains($0) }.map { String(Substring($0)) }
        switch (words.count, words.last) {
        case (8, "GMT"): return timestamp(year: words[3], month: words[2], day: words[1], time: words[4..<7])
        case (7, let year?): return timestamp(year: year, month: words[1], day: words[2], time: words[3..<6])
        default: return nil
        }
    }

    private static func timestamp(year: String, month: String, day: String, time: ArraySlice<String>) -> Timestamp? {
        guard let number = months.firstIndex(of: month) else { return nil }
        let century = year.utf8.count == 2 ? (year < "70" ? "20" : "19") : ""
        let parts = ([String(number + 1), day] + time).map { $0.utf8.count == 1 ? "0" + $0 : $0 }
        return TimestampText.parse("\(century)\(year)-\(parts[0])-\(parts[1])T\(parts[2]):\(parts[3]):\(parts[4])Z")
    }
}

/// The header `Retry-After`: seconds, or a date, which is taken relative to the answer's own `Date`.
enum RetryAfter {
    /// Longer pauses are cut to this: then it is asked again whether the server means it.
    static let longest = Pace.longestPause.components.seconds

    /// Reads the header's value; `nil` if it is neither.
    static func parse(_ text: String, date: String?) -> Duration? {
        if let seconds = Double(text), seconds >= 0 { return pause(seconds.rounded(.up)) }
        guard let then = HTTPDate.parse(text) else { return nil }
        let now = date.flatMap(HTTPDate.parse) ?? .now
        return pause(Double(max(then.seconds(since: now), 0)))
    }

    /// So many seconds, within bounds.
    static func pause(_ seconds: Double) -> Duration { .seconds(Int64(min(max(seconds, 0), Double(longest)))) }
}
