/// Numbers as people read them, always in English: no locale, and so no ICU in the binary.
package enum HumanText {
    /// A count with commas: `88,310`.
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// A text with spaces behind it, or before it, up to a width; one that is longer stays as it is.
    package static func padded(_ text: String, to width: Int, atStart: Bool = false) -> String {
        let gap = String(repeating: " ", count: max(0, width - text.count))
        return atStart ? gap + text : text + gap
    }

    /// A count with its noun: `1 file`, `2 files`.
    package static func count(_ number: some BinaryInteger, _ noun: String) -> String {
        "\(count(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// Bytes in thousands, with one decimal below a hundred: `812 B`, `1.2 MB`, `350 GB`.
    package static func bytes(_ bytes: Int64) -> String {
        var value = Double(bytes.magnitude)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        // 999.5 would be written as 1000.
        while value >= 999.5 && unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        let sign = bytes < 0 ? "-" : ""
        // 99.95 rounds to 100, which has no decimal.
        guard unit > 0, value < 99.95 else { return "\(sign)\(Int64(value.rounded())) \(units[unit])" }
        let tenths = Int64((value * 10).rounded())
        return "\(sign)\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// Bytes per second.
    package static func rate(_ bytesPerSecond: Double) -> String {
        guard bytesPerSecond.isFinite, bytesPerSecond >= 0 else { return "0 B/s" }
        return bytes(Int64(min(bytesPerSecond, 9e18))) + "/s"
    }

    /// A duration in its two largest units, rounded down: `45 s`, `18 min`, `1 h 05 min`, `3 d 4 h`.
    package static func duration(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400)
        if minutes == 0 { return "\(seconds) s" }
        if hours == 0 { return minutes < 10 ? "\(minutes) min \(twoDigits(seconds % 60)) s" : "\(minutes) min" }
        if days == 0 { return "\(hours) h \(twoDigits(minutes % 60)) min" }
        return days < 100 ? "\(days) d \(hours % 24) h" : "\(days) d"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
