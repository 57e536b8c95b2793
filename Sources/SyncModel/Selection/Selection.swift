/// Which entries of the account are mirrored, and in which form: `mirror.include`, `mirror.exclude`, `mirror.max_size`,
/// and `[export]` for online documents.
///
/// What is outside is left alone: neither fetched nor changed nor removed. An entry is judged by its key and by whether
/// it is a folder; `selected` below `outside` does not occur.
public struct Selection: Hashable, Sendable {
    /// What is said of an entry.
    public enum Match: Int, Hashable, Sendable {
        /// It is left alone, and with it everything below it.
        case outside = 0
        /// It is mirrored.
        case selected = 1
        /// A folder that is not asked for, but below which something may be: it is made where that is so.
        case onTheWay = 2
    }

    /// Patterns of what is taken; all if there are none.
    public let include: [SelectionPattern]
    /// Patterns of what is left out, even if it is included.
    public let exclude: [SelectionPattern]
    /// Larger files are left out, bytes; `nil` for no limit.
    public let maxSize: Int64?
    /// In which form online documents come.
    public var exports: ExportSettings
    /// Whether symbolic links are made that lead to a place in the mirror.
    public var symlinks: Bool

    /// Creates a selection.
    public init(
        include: [SelectionPattern] = [], exclude: [SelectionPattern] = [], maxSize: Int64? = nil,
        exports: ExportSettings = ExportSettings(), symlinks: Bool = false
    ) {
        self.include = include
        self.exclude = exclude
        self.maxSize = maxSize
        self.exports = exports
        self.symlinks = symlinks
    }

    /// The whole account.
    public static let everything = Selection()

    /// Whether nothing of the account is left out.
    public var isEverything: Bool { include.isEmpty && exclude.isEmpty && maxSize == nil }

    /// What is said of `key`.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - isFolder: whether a folder stands there.
    ///   - size: the bytes of a file, as far as they are known.
    public func match(of key: RemoteKey, isFolder: Bool, size: Int64? = nil) -> Match {
        var judge = Judge(self)
        return judge.match(of: key, isFolder: isFolder, size: size)
    }
}

extension Selection {
    /// What is said of a file that is made of an online document, and of the document for its sake: to be left out one
    /// name is enough, and so it is to be taken.
    ///
    /// - Parameters:
    ///   - key: the file's key.
    ///   - source: the document's.
    ///   - size: the bytes of the file, as far as they are known.
    public func match(of key: RemoteKey, madeOf source: RemoteKey, size: Int64?) -> Match {
        if let size, let maxSize, size > maxSize { return .outside }
        let names = [key, source]
        let exclusions = Selection(exclude: exclude)
        if names.contains(where: { exclusions.match(of: $0, isFolder: false) == .outside }) { return .outside }
        return names.contains { match(of: $0, isFolder: false) != .outside } ? .selected : .outside
    }

    /// Judges one key after the other; fastest if those in the same folder follow each other.
    public struct Judge: Sendable {
        /// What is judged by.
        public let selection: Selection
        private let isEverything: Bool
        private var folder = ""
        private var stateOfFolder: State

        /// Creates a judge.
        public init(_ selection: Selection) {
            self.selection = selection
            isEverything = selection.isEverything
            stateOfFolder = selection.root
        }

        /// What is said of `key`; `size` are the bytes of a file, as far as they are known.
        public mutating func match(of key: RemoteKey, isFolder: Bool, size: Int64? = nil) -> Match {
            if isEverything || key.text.isEmpty { return .selected }
            if !isFolder, let size, let most = selection.maxSize, size > most { return .outside }
            let names = key.lowerCasedNames[...]
            let parent = key.text.pathAboveLastSlash ?? ""
            if !parent.hasSameBytes(as: folder) {
                stateOfFolder = selection.state(ofFolder: names.dropLast())
                folder = parent
            }
            let state = selection.state(of: names, isFolder: isFolder, in: stateOfFolder)
            if state.isExcluded { return .outside }
            if state.isIncluded { return .selected }
            return isFolder && selection.includesBelow(names) ? .onTheWay : .outside
        }
    }

    /// What the patterns say of a folder, for what is in it.
    fileprivate struct State: Sendable {
        /// Nothing below can be brought back.
        var isExcluded: Bool
        /// What is below is included unless a pattern says otherwise.
        var isIncluded: Bool
    }

    fileprivate var root: State { State(isExcluded: false, isIncluded: include.isEmpty) }

    fileprivate func state(ofFolder names: ArraySlice<ArraySlice<UInt8>>) -> State {
        names.indices.reduce(root) { state(of: names[...$1], isFolder: true, in: $0) }
    }

    fileprivate func state(of names: ArraySlice<ArraySlice<UInt8>>, isFolder: Bool, in folder: State) -> State {
        if folder.isExcluded { return folder }
        return State(
            isExcluded: exclude.last { $0.matches(names, isFolder: isFolder) }?.isNegated == false,
            isIncluded: include.last { $0.matches(names, isFolder: isFolder) }.map { !$0.isNegated }
                ?? folder.isIncluded)
    }

    fileprivate func includesBelow(_ names: ArraySlice<ArraySlice<UInt8>>) -> Bool {
        include.contains { !$0.isNegated && $0.reachesBelow(names) }
    }
}

extension RemoteKey {
    /// The names from the top down, lower-cased once more: patterns are lower-cased here, keys by the server.
    fileprivate var lowerCasedNames: [ArraySlice<UInt8>] {
        let isLower = text.utf8.allSatisfy { $0 < 0x80 && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        return Array((isLower ? text : text.lowercased()).utf8).split(separator: UInt8(ascii: "/"))
    }
}

/// Why something is mirrored, or is not.
public struct SelectionReason: Hashable, Sendable {
    /// Which list decides.
    public enum List: String, Hashable, Sendable {
        /// Patterns of what is left out.
        case exclude
        /// Patterns of what is taken.
        case include
    }

    /// What is said of it.
    public var match: Selection.Match
    /// The list of the pattern that decides; `nil` where none does: all is taken, or what no pattern asks for is not.
    public var list: List?
    /// The place of that pattern in its list.
    public var index: Int?
    /// The folder above, or the entry itself, that the pattern is about.
    public var about: RemoteKey
    /// Whether it is left out because of its size.
    public var isTooLarge = false

    /// The key of the configuration that decides; `nil` where none does.
    public var key: String? { isTooLarge ? Self.sizeKey : list.map { "mirror.\($0.rawValue)" } }

    /// The key for the largest size.
    public static let sizeKey = "mirror.max_size"
}

extension Selection {
    /// What is said of `key`, and what says so.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - isFolder: whether a folder stands there.
    ///   - size: the bytes of a file, as far as they are known.
    ///   - other: of an online document or its file the other one, whose name counts, too.
    public func reason(for key: RemoteKey, isFolder: Bool, size: Int64? = nil, alsoNamed other: RemoteKey? = nil)
        -> SelectionReason
    {
        var own = reason(for: key, isFolder: isFolder)
        if let other {
            let its = reason(for: other, isFolder: false)
            let isTaken = match(of: key, madeOf: other, size: nil) == .selected
            if isTaken ? own.match == .outside : its.list == .exclude && own.list != .exclude { own = its }
        }
        guard own.match != .outside, !isFolder, let size, let maxSize, size > maxSize else { return own }
        var reason = SelectionReason(match: .outside, list: nil, index: nil, about: key)
        reason.isTooLarge = true
        return reason
    }

    private func reason(for key: RemoteKey, isFolder: Bool) -> SelectionReason {
        let names = key.lowerCasedNames[...]
        let match = match(of: key, isFolder: isFolder)
        var reason = SelectionReason(match: match, list: nil, index: nil, about: key)
        var parts = key.text.isEmpty ? [] : [key] + key.ancestors
        parts.reverse()
        for (depth, part) in parts.enumerated() {
            let isLast = depth == parts.count - 1
            let some = names.prefix(depth + 1)
            func last(_ patterns: [SelectionPattern]) -> Int? {
                patterns.lastIndex { $0.matches(some, isFolder: !isLast || isFolder) }
            }
            if let index = last(exclude), !exclude[index].isNegated {
                return SelectionReason(match: match, list: .exclude, index: index, about: part)
            }
            if let index = last(include) {
                reason.list = .include
                reason.index = index
                reason.about = part
            }
        }
        return reason
    }
}
