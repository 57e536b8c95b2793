import TextFormatting

/// Changes values in the text of a configuration file and leaves everything else as it stands; pure.
///
/// Each change is proposed as text in several ways, the one that people would choose first: in the line where the key
/// stands, in the line where it is commented out, below the head of its table, in a new table. The first one counts that
/// changes exactly that value when it is read again. So whatever the file looks like, nothing else can change with it.
package enum ConfigEdit {
    /// Sets a key that holds a text.
    ///
    /// - Parameters:
    ///   - key: its full name, such as `mirror.directory`.
    ///   - value: the text; nil for a key that is not to be set.
    ///   - text: the file.
    /// - Returns: the new text; the same if the key holds that already.
    /// - Throws: `ConfigValueError` if the text is no TOML, or written in a way in which the key cannot be changed.
    package static func set(_ key: String, to value: String?, in text: String) throws(ConfigValueError) -> String {
        let old: [TomlPath: TomlDocument.Content]
        let document: TomlDocument
        do throws(TomlDocument.SyntaxError) {
            document = try TomlDocument(Array(text.utf8))
            old = document.values
        } catch {
            throw ConfigValueError("the file is not valid TOML: " + escapingControls(error.message))
        }
        let path = TomlPath(names: key.split(separator: ".").map(String.init))
        var wanted = old.filter { !$0.key.starts(with: path) }
        if let value { wanted[path] = .string(value) }
        if old == wanted { return text }
        let lines = Lines(text)
        let literal = value.map(quoted)
        let proposals =
            if let node = document.node(at: path) {
                lines.changing(node, name: path.name, to: literal)
            } else {
                literal.map { lines.adding(path, $0, rootKeys: document.rootNames) } ?? []
            }
        for proposal in proposals {
            guard let read = try? TomlDocument(Array(proposal.utf8)), read.values == wanted else { continue }
            return proposal
        }
        throw ConfigValueError("\(key) cannot be changed there as the file is written; set it by hand")
    }
}

extension ConfigEdit {
    /// What a key that holds a text is set to.
    ///
    /// - Returns: nil if it is not set, or holds something else, or the text is no TOML.
    package static func value(of key: String, in text: String) -> String? {
        let path = TomlPath(names: key.split(separator: ".").map(String.init))
        guard let document = try? TomlDocument(Array(text.utf8)), case .string(let text) = document.values[path] else {
            return nil
        }
        return text
    }
}

/// Where a value stands: the names of tables and the places in lists that lead to it.
private struct TomlPath: Hashable {
    var names: [String]

    var name: String { names.last ?? "" }
    var table: [String] { names.dropLast() }

    func starts(with other: TomlPath) -> Bool { names.starts(with: other.names) }
}

extension TomlDocument {
    /// All values that are no tables.
    fileprivate var values: [TomlPath: Content] {
        var paths: [TomlPath] = []
        var values: [TomlPath: Content] = [:]
        var places: [Int: Int] = [:]
        for (index, node) in nodes.enumerated() {
            guard index > 0 else {
                paths.append(TomlPath(names: []))
                continue
            }
            let place = places[node.parent, default: 0]
            places[node.parent] = place + 1
            let name = node.key.isEmpty && nodes[node.parent].content == .array ? "\(place)" : node.key
            let path = TomlPath(names: paths[node.parent].names + [name])
            paths.append(path)
            if node.content != .table { values[path] = node.content }
        }
        return values
    }

    /// The value at a path of names.
    fileprivate func node(at path: TomlPath) -> Node? {
        var index = 0
        for name in path.names {
            guard let next = children(of: index).first(where: { nodes[$0].key == name }) else { return nil }
            index = next
        }
        return nodes[index]
    }

    fileprivate var rootNames: Set<String> { Set(children(of: 0).map { nodes[$0].key }) }
}

/// The lines of a text, with what ends them.
private struct Lines {
    private let lines: [String]
    private let ending: String

    /// A value that is longer than this is not looked for.
    private static let longestValue = 1_000

    init(_ text: String) {
        lines = text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" }).map(
            String.init)
        ending = text.contains("\r\n") ? "\r\n" : "\n"
    }

    private func text(_ lines: some Sequence<String>) -> String { lines.joined(separator: ending) }

    // MARK: A key that is there

    /// Ways to give another value to the key of a node, or to comment it out.
    func changing(_ node: TomlDocument.Node, name: String, to literal: String?) -> [String] {
        guard let key = node.keyPlace, let value = node.place, lines.indices.contains(value.line - 1) else { return [] }
        let (first, start) = (min(key.line, value.line) - 1, value.line - 1)
        let line = lines[start]
        let head = String(String.UnicodeScalarView(line.unicodeScalars.prefix(value.column - 1)))
        let rest = String(line.unicodeScalars.dropFirst(value.column - 1).map(Character.init))
        var proposals: [String] = []
        if let literal { proposals.append(replacing(start...start, with: [head + literal + Self.behindValue(rest)])) }
        // Where the value ends is found by trying: it may be several lines long.
        for end in start..<min(lines.count, start + Self.longestValue) {
            if let literal {
                proposals.append(replacing(start...end, with: [head + literal]))
                proposals.append(replacing(first...end, with: ["\(name) = \(literal)"]))
            } else {
                proposals.append(replacing(first...end, with: lines[first...end].map { "#" + $0 }))
            }
        }
        return proposals
    }

    private func replacing(_ range: ClosedRange<Int>, with new: [String]) -> String {
        text(lines[..<range.lowerBound] + new + lines[(range.upperBound + 1)...])
    }

    /// What stands in a line behind the value that begins it: a comment, or the rest of an inline table.
    private static func behindValue(_ text: String) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            return String(text.drop { !" \t,#}]".contains($0) })
        }
        var isEscaped = false
        for index in text.indices.dropFirst() {
            let character = text[index]
            if isEscaped {
                isEscaped = false
            } else if character == "\\" && quote == "\"" {
                isEscaped = true
            } else if character == quote {
                return String(text[text.index(after: index)...])
            }
        }
        return ""
    }

    // MARK: A key that is not there

    /// Ways to add a key.
    func adding(_ path: TomlPath, _ literal: String, rootKeys: Set<String>) -> [String] {
        let table = path.table.joined(separator: ".")
        let new = "\(path.name) = \(literal)"
        var proposals: [String] = []
        if let head = lines.firstIndex(where: { Self.head(of: $0) == table }) {
            let end = lines[(head + 1)...].firstIndex { Self.head(of: $0) != nil } ?? lines.count
            if let sample = ((head + 1)..<end).first(where: { isSample(lines[$0], of: path.name) }) {
                proposals.append(replacing(sample...sample, with: [new]))
            }
            proposals.append(text(lines[...head] + [new] + lines[(head + 1)...]))
        } else if let first = path.names.first, rootKeys.contains(first) {
            // Written as "mirror.directory = …", before any table.
            let place = lines.firstIndex { Self.head(of: $0) != nil } ?? lines.count
            proposals.append(text(lines[..<place] + ["\(table).\(new)"] + lines[place...]))
        }
        var before = lines
        while before.last?.isEmpty ?? false { before.removeLast() }
        proposals.append(text(before + (before.isEmpty ? [] : [""]) + ["[\(table)]", new, ""]))
        return proposals
    }

    /// The table that a line begins; nil for any other line.
    private static func head(of line: String) -> String? {
        let bare = line.filter { !$0.isWhitespace }
        guard bare.hasPrefix("["), let end = bare.firstIndex(of: "]") else { return nil }
        return String(bare[bare.index(after: bare.startIndex)..<end])
    }

    /// Whether a line holds the key, commented out: `#directory = "/srv/dropbox"`.
    private func isSample(_ line: String, of name: String) -> Bool {
        let bare = line.drop { $0 == " " || $0 == "\t" }
        guard bare.first == "#" else { return false }
        let words = bare.dropFirst().split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return words.count == 2 && words[0].filter { $0 != " " && $0 != "\t" } == name
    }
}
