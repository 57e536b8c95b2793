/// What may be missing from the mirror if it cannot be mirrored as it is: patterns as those of a selection.
public struct Acceptance: Hashable, Sendable {
    private var judge: Selection.Judge

    /// Whether nothing may be missing.
    public var isEmpty: Bool { judge.selection.isEverything }

    /// Accepts what one of `patterns` matches.
    public init(_ patterns: [SelectionPattern] = []) {
        judge = Selection.Judge(Selection(include: [], exclude: patterns))
    }

    /// Whether `key` may be missing; fastest if keys in the same folder follow each other.
    ///
    /// - Parameter other: of an online document or its file the other one, whose name counts, too.
    public mutating func accepts(_ key: RemoteKey, isFolder: Bool, alsoNamed other: RemoteKey? = nil) -> Bool {
        if isEmpty { return false }
        if judge.match(of: key, isFolder: isFolder) == .outside { return true }
        return other.map { judge.match(of: $0, isFolder: false) == .outside } ?? false
    }

    /// Two are the same if their patterns are.
    public static func == (a: Acceptance, b: Acceptance) -> Bool { a.judge.selection == b.judge.selection }

    /// Hashes the patterns.
    public func hash(into hasher: inout Hasher) { hasher.combine(judge.selection) }
}
