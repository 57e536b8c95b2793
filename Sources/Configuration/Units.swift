import TextFormatting

/// Why a written value is refused: the end of a sentence that begins with the key's name.
package struct ConfigValueError: Error, Equatable, Sendable {
    package let message: String
    /// Which element of a list it is about, if one.
    let element: Int?

    init(_ message: String, element: Int? = nil) {
        self.message = message
        self.element = element
    }
}

/// Durations as they are written: numbers with units, the largest unit first, such as `1h30min`.
enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Reads a duration; `"0"` needs no unit.
    static func read(_ text: String) throws(ConfigValueError) -> Duration {
        if text == "0" { return .zero }
        var rest = text.utf8.filter { $0 != UInt8(ascii: " ") }[...]
        var total: Int64 = 0
        var smallest = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix(while: isDigit)
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { !isDigit($0) }
            rest = rest.dropFirst(name.count)
            let unit = String(decoding: name, as: UTF8.self)
            guard let number = Int64(String(decoding: digits, as: UTF8.self)), let size = factor(unit) else {
                throw ConfigValueError(complaint(text, unit: unit))
            }
            guard size < smallest else {
                throw ConfigValueError("\(quoted(text)): write the larger units first, each once")
            }
            smallest = size
            let (product, tooLarge) = number.multipliedReportingOverflow(by: size)
            let (sum, overflow) = total.addingReportingOverflow(product)
            guard !tooLarge, !overflow else { throw ConfigValueError("\(quoted(text)) is out of range") }
            total = sum
        }
        guard smallest != .max else { throw ConfigValueError(complaint(text, unit: "")) }
        return .milliseconds(total)
    }

    /// The shortest way to write a duration, down to milliseconds.
    static func show(_ duration: Duration) -> String {
        var rest = milliseconds(duration)
        var text = ""
        for unit in units where unit.name != "w" && rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text.isEmpty ? "0" : text
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    private static func factor(_ unit: String) -> Int64? {
        units.first { $0.name == (unit == "sec" ? "s" : unit) }?.milliseconds
    }

    private static func complaint(_ text: String, unit: String) -> String {
        switch unit {
        case "m": "\(quoted(text)): write minutes as \"min\""
        case "": "\(quoted(text)) is not a duration such as \"30s\", \"5min\" or \"1h30min\""
        default: "\(quoted(text)) is not a duration such as \"1h30min\"; units are ms, s, min, h, d and w"
        }
    }
}

/// Sizes and rates as they are written: `500MB` counts in thousands, `500MiB` in 1024s.
enum SizeText {
    private static let units: [(name: String, bytes: Int64)] = [
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000),
        ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1_000), ("B", 1),
    ]

    /// Reads a size, with a decimal fraction if wanted; `"0"` needs no unit.
    static func read(_ text: String) throws(ConfigValueError) -> Int64 {
        if text == "0" { return 0 }
        let bytes = text.utf8.filter { $0 != UInt8(ascii: " ") }
        let whole = bytes.prefix(while: isDigit)
        var rest = bytes.dropFirst(whole.count)
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
            guard (1...6).contains(fraction.count) else { throw complaint(text) }
        }
        let digits = String(decoding: whole + fraction, as: UTF8.self)
        guard !whole.isEmpty, let number = Int64(digits), let factor = factor(String(decoding: rest, as: UTF8.self))
        else { throw complaint(text) }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw ConfigValueError("\(quoted(text)) is out of range") }
        return (0..<fraction.count).reduce(product) { value, _ in value / 10 }
    }

    /// Reads a rate, which is a size with `/s`, or `"0"`.
    static func readRate(_ text: String) throws(ConfigValueError) -> Int64 {
        if text == "0" { return 0 }
        let trouble = ConfigValueError("\(quoted(text)) is not a rate such as \"20MB/s\" or \"512KiB/s\"")
        guard text.hasSuffix("/s") else { throw trouble }
        do { return try read(String(text.dropLast(2))) } catch { throw trouble }
    }

    /// A size in the largest unit that gives a whole number.
    static func show(_ size: Int64) -> String {
        guard size > 0, let unit = units.filter({ size % $0.bytes == 0 }).max(by: { $0.bytes < $1.bytes }) else {
            return "0"
        }
        return "\(size / unit.bytes)\(unit.name)"
    }

    /// A rate in the largest unit that gives a whole number.
    static func showRate(_ rate: Int64) -> String { rate > 0 ? show(rate) + "/s" : "0" }

    private static func factor(_ unit: String) -> Int64? {
        units.first { $0.name == (unit == "KB" ? "kB" : unit) }?.bytes
    }

    private static func complaint(_ text: String) -> ConfigValueError {
        ConfigValueError("\(quoted(text)) is not a size such as \"500MB\" or \"1GiB\"")
    }
}

/// Shares as they are written: `20%`.
enum PercentText {
    /// Reads a share in percent, with a decimal fraction if wanted.
    static func read(_ text: String) throws(ConfigValueError) -> Double {
        let parts = text.utf8.dropLast().split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isWhole = parts.count == 1 && (1...6).contains(parts[0].count)
        // Three places are enough, and never shown with an exponent.
        let isDecimal = parts.count == 2 && (1...6).contains(parts[0].count) && (1...3).contains(parts[1].count)
        guard text.hasSuffix("%"), isWhole || isDecimal, parts.allSatisfy({ $0.allSatisfy(isDigit) }),
            let percent = Double(text.dropLast())
        else { throw ConfigValueError("\(quoted(text)) is not a share such as \"20%\" or \"0.5%\"") }
        return percent
    }

    /// The shortest way to write a share.
    static func show(_ percent: Double) -> String {
        Int(exactly: percent).map { "\($0)%" } ?? "\(percent)%"
    }
}

/// File modes as they are written for chmod: `0640`.
enum ModeText {
    /// Reads three or four octal digits.
    static func read(_ text: String) throws(ConfigValueError) -> UInt32 {
        guard (3...4).contains(text.utf8.count), text.utf8.allSatisfy(isDigit), let mode = UInt32(text, radix: 8) else {
            throw ConfigValueError("\(quoted(text)) is not a mode of three or four octal digits such as \"0640\"")
        }
        return mode
    }

    /// Four octal digits.
    static func show(_ mode: UInt32) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
