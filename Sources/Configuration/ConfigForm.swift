import Engine
import Logging
import MirrorFS
import SyncModel
import Outbox
import TextFormatting

/// A value as it is written in the file.
enum ConfigLiteral: Equatable, Sendable {
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case list([String])
    case tables([[ConfigMember]])

    /// As it is written in the file; but for tables the same as in JSON.
    var toml: String { text { "{ " + $0.map { "\($0.name) = \($0.value.toml)" }.joined(separator: ", ") + " }" } }

    /// As it is written in JSON.
    var json: String { text { "{" + $0.map { "\(quoted($0.name)): \($0.value.json)" }.joined(separator: ", ") + "}" } }

    private func text(_ table: ([ConfigMember]) -> String) -> String {
        switch self {
        case .text(let text): quoted(text)
        case .integer(let number): String(number)
        case .boolean(let flag): String(flag)
        case .list(let texts): Self.list(texts.map(quoted))
        case .tables(let tables): Self.list(tables.map(table))
        }
    }
}

/// A name with its value, in a table that is part of a list.
struct ConfigMember: Equatable, Sendable {
    let name: String
    let value: ConfigLiteral

    init(_ name: String, _ value: ConfigLiteral) {
        self.name = name
        self.value = value
    }
}

extension ConfigLiteral {
    /// A long list has one element on a line: lines of the file are limited.
    private static func list(_ elements: [String]) -> String {
        let line = "[" + elements.joined(separator: ", ") + "]"
        if line.utf8.count <= 100 { return line }
        return "[\n" + elements.map { "    " + $0 }.joined(separator: ",\n") + "\n]"
    }
}

/// How one kind of value is read from the file and written again.
struct ConfigForm<Value: Equatable & Sendable>: Sendable {
    /// Reads and checks; what it throws completes a sentence that begins with the key.
    let read: @Sendable (ConfigLiteral?, String) throws(ConfigValueError) -> Value
    /// Writes; nil for what is not set.
    let show: @Sendable (Value) -> ConfigLiteral?
}

extension ConfigForm where Value == String {
    /// Any text that `check` lets through; `check` may also put it in its normal form.
    static func text(
        _ expected: String, _ check: @escaping @Sendable (String) throws(ConfigValueError) -> String
    ) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be \(expected), found \(found)")
                }
                return try check(text)
            },
            show: { .text($0) })
    }

    /// An absolute path.
    static let path = text("an absolute path") { text throws(ConfigValueError) in try PathText.absolute(text) }
    /// A URL that is asked for as it is, perhaps with a query; no refusal repeats it.
    static let heartbeat = text("a URL such as \"https://hc-ping.com/…\"") { text throws(ConfigValueError) in
        _ = try URLText.read(
            String(text.prefix { $0 != "?" }), schemes: ["https", "http"], userAllowed: true, pathAllowed: true)
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw ConfigValueError("a URL has no spaces, no fragment and no letters beyond ASCII")
        }
        return text
    }
    /// A file that node_exporter reads: its name has to end in `.prom`.
    static let textfile = text("an absolute path that ends in \".prom\"") { text throws(ConfigValueError) in
        let path = try PathText.absolute(text)
        guard path.hasSuffix(".prom"), !path.hasSuffix("/.prom") else {
            throw ConfigValueError("\(quoted(text)) does not end in \".prom\", and node_exporter reads nothing else")
        }
        return path
    }
    /// A group of this system, by name or number.
    static let group = text("the name or number of a group") { text throws(ConfigValueError) in
        guard Groups.number(of: text) != nil else {
            throw ConfigValueError("\(quoted(text)) is no group of this system")
        }
        return text
    }
    /// A folder of the account.
    static let remoteFolder = text("a Dropbox folder such as \"/Team/Reports\"") { text throws(ConfigValueError) in
        try PathText.remote(text)
    }
    /// The id of a namespace of the account.
    static let namespace = text("the id of a shared folder, such as \"84528192421\"") { text throws(ConfigValueError) in
        guard !text.isEmpty, text.utf8.count <= 20, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw ConfigValueError(
                "must be the id of a shared folder or another namespace: digits, such as \"84528192421\"")
        }
        return text
    }
    /// A base URL.
    static let endpoint = text("a URL such as \"https://gateway.example\"") { text throws(ConfigValueError) in
        let url = try URLText.read(text, schemes: ["https", "http"], userAllowed: false, pathAllowed: true)
        guard url.hasPrefix("https://") || URLText.isLoopback(url) else {
            throw ConfigValueError("with http:// the sign-in would go over the network for all to read; use https://")
        }
        return url
    }
    /// A proxy's URL.
    static let proxy = text("a URL such as \"http://proxy.example:3128\"") { text throws(ConfigValueError) in
        try URLText.read(
            text, schemes: ["http", "https", "socks4", "socks4a", "socks5", "socks5h"], userAllowed: true,
            pathAllowed: false)
    }
    /// A key or secret of an app: printable ASCII without spaces.
    static let token = text("a string") { text throws(ConfigValueError) in
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConfigValueError("must consist of the characters that the Dropbox App Console shows, without spaces")
        }
        return text
    }
}

extension ConfigForm where Value == String? {
    /// The same form for a key that may be left out.
    static func optional(_ form: ConfigForm<String>) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in try form.read(literal, found) },
            show: { $0.flatMap(form.show) })
    }
}

extension ConfigForm where Value == Duration {
    /// A duration in a range.
    static func duration(_ range: ClosedRange<Duration>) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be a duration such as \"5min\", found \(found)")
                }
                let value = try DurationText.read(text)
                guard range.contains(value) else {
                    let (least, most) = (DurationText.show(range.lowerBound), DurationText.show(range.upperBound))
                    throw ConfigValueError("\(quoted(text)) is out of range: \"\(least)\" to \"\(most)\"")
                }
                return value
            },
            show: { .text(DurationText.show($0)) })
    }
}

extension ConfigForm where Value == Duration? {
    /// A duration in a range, or `"0"` for never.
    static func durationOrNever(_ range: ClosedRange<Duration>) -> ConfigForm {
        let duration = ConfigForm<Duration>.duration(range)
        return ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                literal == .text("0") ? nil : try duration.read(literal, found)
            },
            show: { $0.map { .text(DurationText.show($0)) } ?? .text("0") })
    }
}

extension ConfigForm where Value == Int64 {
    /// A number of bytes.
    static let size = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .text(let text) = literal else {
                throw ConfigValueError("must be a size such as \"1GiB\", found \(found)")
            }
            return try SizeText.read(text)
        },
        show: { .text(SizeText.show($0)) })
}

extension ConfigForm where Value == Int64? {
    /// Bytes per second from `least`; `"0"` and `"unlimited"` are the same, of which one is `shown`.
    static func rateOrUnlimited(least: Int64, shown unlimited: String = "0") -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be a rate such as \"20MB/s\", found \(found)")
                }
                if text == "unlimited" { return nil }
                let rate = try SizeText.readRate(text)
                guard rate == 0 || rate >= least else {
                    throw ConfigValueError("\(quoted(text)) is out of range: at least \"\(SizeText.showRate(least))\"")
                }
                return rate == 0 ? nil : rate
            },
            show: { .text($0.map(SizeText.showRate) ?? unlimited) })
    }
}

extension ConfigForm where Value == UInt32 {
    /// A file mode that has all the bits of `needed` and none outside `allowed`.
    static func mode(needed: UInt32, allowed: UInt32, why: String) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be a mode in quotes such as \"0640\", found \(found)")
                }
                let mode = try ModeText.read(text)
                guard mode & needed == needed, mode & ~allowed == 0 else {
                    throw ConfigValueError("\(quoted(text)) is not possible: \(why)")
                }
                return mode
            },
            show: { .text(ModeText.show($0)) })
    }
}

extension ConfigForm where Value == Int {
    /// A whole number in a range.
    static func count(_ range: ClosedRange<Int>) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .integer(let number) = literal else {
                    throw ConfigValueError("must be a number, found \(found)")
                }
                guard let value = Int(exactly: number), range.contains(value) else {
                    throw ConfigValueError("\(number) is out of range: \(range.lowerBound) to \(range.upperBound)")
                }
                return value
            },
            show: { .integer(Int64($0)) })
    }
}

extension ConfigForm where Value == Bool {
    /// `true` or `false`.
    static let flag = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .boolean(let flag) = literal else {
                throw ConfigValueError("must be true or false, found \(found)")
            }
            return flag
        },
        show: { .boolean($0) })
}

extension ConfigForm where Value == [SelectionPattern] {
    /// A list of patterns.
    static let patterns = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .list(let texts) = literal else {
                throw ConfigValueError("must be a list of strings such as [\"*.tmp\"], found \(found)")
            }
            var patterns: [SelectionPattern] = []
            var problems: [(element: Int, message: String)] = []
            for (index, text) in texts.enumerated() {
                do throws(PatternProblem) {
                    patterns.append(try SelectionPattern(text))
                } catch {
                    problems.append((index, "the pattern \(quoted(text)) \(error)"))
                }
            }
            guard let first = problems.first else { return patterns }
            throw ConfigValueError(problems.map(\.message).joined(separator: "; "), element: first.element)
        },
        show: { .list($0.map(\.text)) })
}

extension ConfigForm {
    /// One of a few words.
    static func choice(_ values: [(word: String, value: Value)]) -> ConfigForm {
        let words = values.map { quoted($0.word) }.joined(separator: ", ")
        return ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be one of \(words), found \(found)")
                }
                guard let match = values.first(where: { $0.word == text }) else {
                    throw ConfigValueError("\(quoted(text)) is none of \(words)")
                }
                return match.value
            },
            show: { value in values.first { $0.value == value }.map { .text($0.word) } })
    }
}

extension ConfigForm where Value == AfterUpload {
    /// What becomes of a file that was uploaded.
    static let afterUpload = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            let expected = "must be \"keep\", \"delete\" or \"move:DIR\""
            guard case .text(let text) = literal else { throw ConfigValueError("\(expected), found \(found)") }
            switch text {
            case "keep": return .keep
            case "delete": return .delete
            default: break
            }
            guard text.hasPrefix("move:") else { throw ConfigValueError("\(expected), not \(quoted(text))") }
            return .move(try folder(String(text.dropFirst("move:".count))))
        },
        show: { value in
            switch value {
            case .keep: .text("keep")
            case .delete: .text("delete")
            case .move(let folder): .text("move:\(folder)")
            }
        })

    /// An absolute path, or one below the outbox.
    private static func folder(_ text: String) throws(ConfigValueError) -> String {
        let path = try PathText.absolute(text.hasPrefix("/") ? text : "/" + text)
        guard path != "/" else { throw ConfigValueError("\(quoted("move:" + text)) names no folder") }
        return text.hasPrefix("/") ? path : String(path.dropFirst())
    }
}

extension ConfigForm where Value == LocalChanges {
    /// What to do with files that are not ours.
    static let localChanges = choice(LocalChanges.allCases.map { ($0.rawValue, $0) })
}

extension ConfigForm where Value == Strangers {
    /// What to do with files of others that are in nobody's way.
    static let strangers = choice(Strangers.allCases.map { ($0.rawValue, $0) })
}

extension ConfigForm where Value == Bool {
    /// Whether symbolic links are made.
    static let symlinks = choice([("report", false), ("create", true)])
}

extension ConfigForm where Value == Logger.Level {
    /// The log level.
    static let level = choice([Logger.Level.debug, .info, .notice, .warning, .error].map { ($0.rawValue, $0) })
}
