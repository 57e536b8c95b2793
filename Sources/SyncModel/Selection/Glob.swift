/// What is wrong with a pattern: the end of a sentence that begins with the pattern.
public struct PatternProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, and what would be right.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// One name of a pattern, with `*`, `?` and `[...]`, compared with lower-cased names in UTF-8.
struct Glob: Hashable, Sendable {
    private enum Part: Hashable, Sendable {
        case byte(UInt8)
        case anyCharacter
        case anyText
        case oneOf(CharacterSet)
    }

    private var parts: [Part] = []

    /// Reads the text between two slashes of a pattern.
    init(_ text: Substring.UnicodeScalarView) throws(PatternProblem) {
        var rest = text
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": if parts.last != .anyText { parts.append(.anyText) }
            case "?": parts.append(.anyCharacter)
            case "[": parts.append(.oneOf(try CharacterSet(afterBracket: &rest)))
            case "\\":
                guard let escaped = rest.popFirst() else {
                    throw PatternProblem("has a \\ with nothing behind it; write \\\\ for the character itself")
                }
                append(escaped)
            default: append(scalar)
            }
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        parts += scalar.properties.lowercaseMapping.utf8.map { .byte($0) }
    }

    /// Whether the whole of `name` matches.
    ///
    /// After a mismatch only the last `*` takes one character more, so that the cost is bounded by the product of the
    /// lengths.
    func matches(_ name: ArraySlice<UInt8>) -> Bool {
        var (part, position) = (0, name.startIndex)
        var retry: (part: Int, position: Int)?
        while true {
            if part < parts.count, parts[part] == .anyText {
                part += 1
                retry = (part, position)
            } else if part < parts.count, let next = Self.end(of: parts[part], in: name, at: position) {
                part += 1
                position = next
            } else if part == parts.count, position == name.endIndex {
                return true
            } else if let last = retry, last.position < name.endIndex {
                position = last.position + Self.length(of: name, at: last.position)
                part = last.part
                retry = (part, position)
            } else {
                return false
            }
        }
    }

    /// Where the name goes on behind `part`; `nil` if that does not match.
    private static func end(of part: Part, in name: ArraySlice<UInt8>, at position: Int) -> Int? {
        guard position < name.endIndex else { return nil }
        let next = position + length(of: name, at: position)
        switch part {
        case .byte(let byte): return name[position] == byte ? position + 1 : nil
        case .anyCharacter: return next
        case .oneOf(let set):
            let character = String(decoding: name[position..<next], as: UTF8.self).unicodeScalars.first
            return character.map(set.contains) == true ? next : nil
        case .anyText: return nil
        }
    }

    /// The bytes of the character that begins at `position`.
    private static func length(of name: ArraySlice<UInt8>, at position: Int) -> Int {
        let announced =
            switch name[position] {
            case 0..<0xC0: 1
            case 0xC0..<0xE0: 2
            case 0xE0..<0xF0: 3
            default: 4
            }
        return min(announced, name.endIndex - position)
    }
}

/// The characters that a `[...]` stands for.
private struct CharacterSet: Hashable, Sendable {
    private var isNegated = false
    private var ranges: [ClosedRange<Unicode.Scalar>] = []

    /// Reads up to and with the closing bracket.
    init(afterBracket rest: inout Substring.UnicodeScalarView) throws(PatternProblem) {
        if let first = rest.first, first == "!" || first == "^" {
            isNegated = true
            rest.removeFirst()
        }
        var isFirst = true
        while let scalar = rest.popFirst() {
            if scalar == "]" && !isFirst { return }
            isFirst = false
            if scalar == "[" && rest.first == ":" {
                ranges += try Self.characterClass(&rest)
            } else {
                try readRange(from: Self.unescaped(scalar, &rest), &rest)
            }
        }
        throw PatternProblem("has a [ without its ]; write \\[ for the character itself")
    }

    private mutating func readRange(
        from lower: Unicode.Scalar, _ rest: inout Substring.UnicodeScalarView
    ) throws(PatternProblem) {
        let next = rest.dropFirst()
        guard rest.first == "-", let end = next.first, end != "]" else { return ranges.append(lower...lower) }
        rest = next.dropFirst()
        let upper = try Self.unescaped(end, &rest)
        guard lower <= upper else { throw PatternProblem("has the range \(lower)-\(upper), which holds nothing") }
        ranges.append(lower...upper)
    }

    private static func unescaped(
        _ scalar: Unicode.Scalar, _ rest: inout Substring.UnicodeScalarView
    ) throws(PatternProblem) -> Unicode.Scalar {
        guard scalar == "\\" else { return scalar }
        guard let escaped = rest.popFirst() else { throw PatternProblem("has a [ without its ]") }
        return escaped
    }

    /// `[:digit:]` and its like, as fnmatch(3) has them in the C locale.
    private static func characterClass(
        _ rest: inout Substring.UnicodeScalarView
    ) throws(PatternProblem) -> [ClosedRange<Unicode.Scalar>] {
        let name = String(rest.dropFirst().prefix { $0 != ":" && $0 != "]" })
        guard let found = classes[name], rest.dropFirst(name.unicodeScalars.count + 1).starts(with: ":]".unicodeScalars)
        else { throw PatternProblem("has an unknown class of characters [:\(name):]") }
        rest = rest.dropFirst(name.unicodeScalars.count + 3)
        return found
    }

    private static let classes: [String: [ClosedRange<Unicode.Scalar>]] = [
        "alnum": ["0"..."9", "A"..."Z", "a"..."z"], "alpha": ["A"..."Z", "a"..."z"], "blank": [" "..." ", "\t"..."\t"],
        "cntrl": ["\u{1}"..."\u{1F}", "\u{7F}"..."\u{7F}"], "digit": ["0"..."9"], "graph": ["!"..."~"],
        "lower": ["a"..."z"], "print": [" "..."~"], "punct": ["!"..."/", ":"..."@", "["..."`", "{"..."~"],
        "space": [" "..." ", "\t"..."\r"], "upper": ["A"..."Z"], "xdigit": ["0"..."9", "A"..."F", "a"..."f"],
    ]

    /// Whether a lower-cased character, or the capital it may have been, is meant.
    func contains(_ character: Unicode.Scalar) -> Bool {
        let capital = character.properties.uppercaseMapping.unicodeScalars
        let both = capital.count == 1 ? [character] + capital : [character]
        return both.contains { one in ranges.contains { $0.contains(one) } } != isNegated
    }
}
