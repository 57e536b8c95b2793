import SyncModel
import TextFormatting

/// The word for what is not limited.
private let off = "off"

extension ConfigForm where Value == Int? {
    /// A whole number from 0, or `"off"`.
    static let countOrOff = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            switch literal {
            case .text(off): return nil
            case .integer(let number):
                guard let count = Int(exactly: number), count >= 0 else {
                    throw ConfigValueError("\(number) is out of range: at least 0")
                }
                return count
            default: throw ConfigValueError("must be a number or \"off\", found \(found)")
            }
        },
        show: { $0.map { .integer(Int64($0)) } ?? .text(off) })
}

extension ConfigForm where Value == Int64? {
    /// A size that a file may have, for a key that may be left out.
    static let sizeOrNone = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            let size = try ConfigForm<Int64>.size.read(literal, found)
            guard size > 0 else { throw ConfigValueError("would leave out every file; leave the key out for no limit") }
            return size
        },
        show: { $0.map { .text(SizeText.show($0)) } })
}

extension ConfigForm where Value == ExportSettings.Choice {
    /// A format of online documents, `"default"`, `"link"` or `"off"`.
    static let export = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .text(let text) = literal else {
                throw ConfigValueError(
                    "must be a format such as \"docx\", or \"default\", \"link\" or \"off\", found \(found)")
            }
            if ["none", "no", "false", "never"].contains(text.lowercased()) {
                throw ConfigValueError(
                    "\(quoted(text)) is not a format; write \"off\" if such documents are to be left out")
            }
            if ["url", "true", "yes"].contains(text.lowercased()) {
                throw ConfigValueError(
                    "\(quoted(text)) is not a format; write \"link\" for a file with the web address, or \"default\"")
            }
            guard ExportFormats.isName(text) else {
                throw ConfigValueError("\(quoted(text)) is not a format; write \(advice(text))")
            }
            return ExportSettings.Choice(text)
        },
        show: { .text($0.text) })

    private static func advice(_ text: String) -> String {
        let name = text.drop { $0 == "." || $0 == "*" }.lowercased()
        return ExportFormats.isName(name)
            ? quoted(name) : "one such as \"docx\", or \"default\", \"link\" or \"off\""
    }
}

extension ConfigForm where Value == Double? {
    /// Percent below 100, or `"off"`.
    static let shareOrOff = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .text(let text) = literal else {
                throw ConfigValueError("must be a share such as \"20%\", or \"off\", found \(found)")
            }
            if text == off { return nil }
            let percent = try PercentText.read(text)
            guard percent < 100 else {
                throw ConfigValueError("\(quoted(text)) would never hold anything; write \"off\" if that is meant")
            }
            return percent
        },
        show: { .text($0.map(PercentText.show) ?? off) })
}

extension ConfigForm where Value == TrashLimit {
    /// A share of the file system, or a size.
    static let trashLimit = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .text(let text) = literal else {
                throw ConfigValueError("must be a share such as \"10%\" or a size such as \"5GiB\", found \(found)")
            }
            let limit = try amount(text)
            guard limit != .share(percent: 0), limit != .bytes(0) else {
                throw ConfigValueError("\(quoted(text)) would keep nothing; to have no trash write trash.keep = \"0\"")
            }
            return limit
        },
        show: { limit in
            switch limit {
            case .share(let percent): .text(PercentText.show(percent))
            case .bytes(let bytes): .text(SizeText.show(bytes))
            }
        })

    private static func amount(_ text: String) throws(ConfigValueError) -> TrashLimit {
        guard text.hasSuffix("%") else { return .bytes(try SizeText.read(text)) }
        let percent = try PercentText.read(text)
        guard percent <= 100 else {
            throw ConfigValueError("\(quoted(text)) is more than the whole file system; at most \"100%\"")
        }
        return .share(percent: percent)
    }
}

extension ConfigForm where Value == Duration {
    /// How long history is kept, which is never nothing.
    static func historyAge(_ range: ClosedRange<Duration>) -> ConfigForm {
        let duration = ConfigForm<Duration>.duration(range)
        return ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard literal != .text("0") else {
                    throw ConfigValueError(
                        "\"0\" is not possible: \"dbxsync run-on-change\" needs the history; for little of it write "
                            + "\"\(DurationText.show(range.lowerBound))\", and fewer rows in history.rows")
                }
                return try duration.read(literal, found)
            },
            show: duration.show)
    }
}

extension ConfigForm where Value == [String] {
    /// A program by its absolute path, and its arguments.
    static let command = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .list(let words) = literal else {
                throw ConfigValueError(
                    "must be a list of strings such as [\"/usr/local/bin/index\", \"--quick\"], found \(found)")
            }
            guard let program = words.first else {
                throw ConfigValueError("is empty; its first element must be the absolute path of a program")
            }
            if let element = words.firstIndex(where: { $0.utf8.contains(0) }) {
                throw ConfigValueError("\(quoted(words[element])) holds a NUL byte", element: element)
            }
            return [try absolute(program)] + words.dropFirst()
        },
        show: { .list($0) })

    private static func absolute(_ program: String) throws(ConfigValueError) -> String {
        do {
            return try PathText.absolute(program)
        } catch {
            throw ConfigValueError(error.message + "; no shell and no PATH look for the program", element: 0)
        }
    }
}

extension ConfigForm where Value == Set<ChangeKind> {
    /// Names of events.
    static let events = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .list(let names) = literal else {
                throw ConfigValueError("must be a list of strings such as [\"file_placed\"], found \(found)")
            }
            guard !names.isEmpty else {
                throw ConfigValueError("is empty: the command would never run; leave it out for all events")
            }
            if let element = names.firstIndex(where: { ChangeKind(rawValue: $0) == nil }) {
                throw ConfigValueError(unknown(names[element]), element: element)
            }
            return Set(names.compactMap(ChangeKind.init))
        },
        show: { events in .list(ChangeKind.allCases.filter(events.contains).map(\.rawValue)) })

    private static func unknown(_ name: String) -> String {
        let all = ChangeKind.allCases.map(\.rawValue)
        let hint =
            Suggestions.nearest(name, among: all).map { ", did you mean \(quoted($0))?" }
            ?? "; there are " + all.joined(separator: ", ")
        return "\(quoted(name)) is no event" + hint
    }
}
