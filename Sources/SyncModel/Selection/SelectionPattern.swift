/// One gitignore-style pattern of `mirror.exclude` or `mirror.include`.
///
/// Compared without regard to case. `*` and `?` do not match a slash, `**` between slashes matches any number of
/// folders; a slash at the end means folders only, any other slash that the pattern is about the path from the mirrored
/// folder and not about a name anywhere below it.
public struct SelectionPattern: Sendable {
    private enum Segment: Hashable, Sendable {
        case name(Glob)
        /// `**`
        case anyDepth
    }

    /// The pattern as it was written.
    public let text: String
    /// Whether it begins with `!`: what matches is not meant after all.
    let isNegated: Bool
    private let isFolderOnly: Bool
    /// Whether it is about the whole path; otherwise it is one segment, about the last name of a path.
    private let isAnchored: Bool
    private let segments: [Segment]

    /// Reads a pattern.
    ///
    /// - Throws: `PatternProblem` with what is wrong in the text.
    public init(_ text: String) throws(PatternProblem) {
        self.text = text
        var rest = Substring(text).unicodeScalars
        guard !rest.isEmpty else { throw PatternProblem("is empty") }
        guard !rest.contains("\0") else { throw PatternProblem("holds a NUL byte") }
        isNegated = rest.first == "!"
        if isNegated { rest.removeFirst() }
        isFolderOnly = rest.last == "/"
        if isFolderOnly { rest.removeLast() }
        isAnchored = rest.contains("/")
        if rest.first == "/" { rest.removeFirst() }
        guard !rest.isEmpty else { throw PatternProblem("names nothing") }
        var segments: [Segment] = []
        for part in rest.split(separator: "/", omittingEmptySubsequences: false) {
            segments.append(try Self.segment(part))
        }
        self.segments = segments
    }

    private static func segment(_ part: Substring.UnicodeScalarView) throws(PatternProblem) -> Segment {
        switch String(part) {
        case "": throw PatternProblem("has nothing between two slashes")
        case ".", "..": throw PatternProblem("holds \".\" or \"..\"; write the path from the mirrored folder on")
        case "**": return .anyDepth
        default: return .name(try Glob(part))
        }
    }

    /// Whether the entry with these lower-cased names, from the top down, matches.
    func matches(_ names: ArraySlice<ArraySlice<UInt8>>, isFolder: Bool) -> Bool {
        if isFolderOnly && !isFolder { return false }
        return matchesAll(isAnchored ? names : names.suffix(1))
    }

    /// After a mismatch only the last `**` takes one name more, as in `Glob.matches`.
    private func matchesAll(_ names: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        var (segment, position) = (0, names.startIndex)
        var retry: (segment: Int, position: Int)?
        while true {
            if segment < segments.count, segments[segment] == .anyDepth {
                segment += 1
                // At its end it means what is inside: at least one name.
                if segment == segments.count { return position < names.endIndex }
                retry = (segment, position)
            } else if segment < segments.count, position < names.endIndex, holds(segment, names[position]) {
                segment += 1
                position += 1
            } else if segment == segments.count, position == names.endIndex {
                return true
            } else if let last = retry, last.position < names.endIndex {
                (segment, position) = (last.segment, last.position + 1)
                retry = (segment, position)
            } else {
                return false
            }
        }
    }

    private func holds(_ segment: Int, _ name: ArraySlice<UInt8>) -> Bool {
        if case .name(let glob) = segments[segment] { glob.matches(name) } else { false }
    }

    /// Whether something below the folder with these lower-cased names can match.
    func reachesBelow(_ names: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        guard isAnchored else { return true }
        for (index, name) in names.enumerated() {
            guard index < segments.count else { return false }
            if segments[index] == .anyDepth { return true }
            if !holds(index, name) { return false }
        }
        return names.count < segments.count
    }
}

extension SelectionPattern: Hashable {
    /// Patterns are equal if they are written alike, byte for byte.
    public static func == (a: SelectionPattern, b: SelectionPattern) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) { hasher.combineBytes(of: text) }
}
