import Foundation

/// One Swift file of `Sources/` or `Tests/`, without comments and string literals.
struct SourceFile: Sendable, CustomStringConvertible {
    /// The target it belongs to.
    let target: String
    /// Its path below that folder.
    let path: String
    /// Its lines, with comments and the text of literals taken out.
    let lines: [String]
    /// All of them.
    private let code: String

    init(target: String, path: String, lines: [String]) {
        (self.target, self.path, self.lines) = (target, path, lines)
        code = lines.joined(separator: "\n")
    }

    /// The modules that it imports, with the lines.
    var imports: [(module: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
            var words = line.split(separator: " ")
            guard let start = words.firstIndex(of: "import"), words[..<start].allSatisfy(Self.isModifier) else {
                return nil
            }
            words.removeFirst(start + 1)
            if let kind = words.first, kinds.contains(String(kind)) { words.removeFirst() }
            return words.first.map { (String($0.prefix { $0 != "." }), index + 1) }
        }
    }

    /// The lines that hold a name as a whole word; a name may end in `(`, `{` or `!`.
    func lines(naming name: String) -> [Int] {
        guard code.contains(name) else { return [] }
        return lines.indices.filter { Self.names(name, lines[$0]) }.map { $0 + 1 }
    }

    var description: String { path }

    private static func isModifier(_ word: Substring) -> Bool {
        word.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains(word)
    }

    private static func names(_ name: String, _ line: String) -> Bool {
        var rest = line[...]
        while let range = rest.range(of: name) {
            let before = range.lowerBound == line.startIndex ? nil : line[line.index(before: range.lowerBound)]
            let after = range.upperBound == line.endIndex ? nil : line[range.upperBound]
            let closed = name.last.map { !isWord($0) } ?? true
            if !(before.map(isWord) ?? false), closed || !(after.map(isWord) ?? false) { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}

/// All Swift files of `Sources/` or `Tests/`.
enum SourceTree {
    /// The files, sorted by path.
    static func files(below folder: String = "Sources") throws -> [SourceFile] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: folder)
        guard let walk = FileManager.default.enumerator(atPath: root.path) else { return [] }
        let paths = walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
        return try paths.map { path in
            let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
            return SourceFile(target: String(path.prefix { $0 != "/" }), path: path, lines: code(of: text))
        }
    }

    /// The code of a text, line by line.
    ///
    /// Block comments and multi-line literals are recognised by their marks.
    static func code(of text: String) -> [String] {
        var inLiteral = false
        var inComment = false
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            if inComment {
                inComment = !line.contains("*/")
                return ""
            }
            if line.contains("\"\"\"") {
                inLiteral.toggle()
                return ""
            }
            if inLiteral { return "" }
            let code = withoutLiterals(line)
            if let start = code.range(of: "/*") {
                inComment = !code[start.upperBound...].contains("*/")
                return String(code[..<start.lowerBound])
            }
            return code
        }
    }

    /// Cuts `// …` and empties `"…"`.
    private static func withoutLiterals(_ line: Substring) -> String {
        guard line.utf8.contains(UInt8(ascii: "\"")) || line.utf8.contains(UInt8(ascii: "/")) else {
            return String(line)
        }
        var code = ""
        var inString = false
        var escaped = false
        for character in line {
            if inString {
                inString = escaped || character != "\""
                escaped = !escaped && character == "\\"
            } else if character == "/" && code.last == "/" {
                code.removeLast()
                break
            } else {
                inString = character == "\""
            }
            if !inString { code.append(character) }
        }
        return code
    }
}
