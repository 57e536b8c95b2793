public import SyncModel

/// A tree as a text, for tables: `a/ a/X=one b!` is a folder, a file with a content and something unavailable.
///
/// Names keep their case; keys are the same in lower case. `=one@r2` sets the revision, `=one%5` the time. What is not
/// said follows from the content.
public struct TreeText {
    /// One word.
    public struct Entry {
        /// The path in lower case.
        public var key: RemoteKey
        /// The last component as written.
        public var name: FileName
        /// What it is.
        public var node: RemoteNode

        /// The entry as a listing has it, its folders spelled as in its own path.
        public var change: RemoteChange {
            .put(key, node, parents: key.ancestors.reversed().map { FileName($0.name) })
        }
    }

    /// A text that is no tree.
    public struct Malformed: Error {
        /// The word that is neither a folder nor a file.
        public var word: String
    }

    /// The entries in the order of the text.
    public let entries: [Entry]

    /// Reads a text.
    public init(_ text: String) throws {
        entries = try text.split(separator: " ").map { try TreeText.entry(String($0)) }
    }

    /// The entries as a page of a listing.
    public var changes: [RemoteChange] { entries.map(\.change) }

    /// The version that `=text` means.
    public static func version(_ text: String) -> FileVersion {
        let timed = text.split(separator: "%")
        let parts = (timed.first ?? "").split(separator: "@").map(String.init)
        let content = parts.first ?? ""
        let hasher = ContentHasher()
        Array(content.utf8).withUnsafeBytes { hasher.update($0) }
        return FileVersion(
            rev: Rev(parts.count > 1 ? parts[1] : "r" + content), size: Int64(content.utf8.count),
            hash: hasher.finish(), modified: Timestamp(seconds: timed.count > 1 ? Int64(timed[1]) ?? 0 : 0))
    }

    private static func entry(_ word: String) throws -> Entry {
        if word.hasSuffix("/") {
            let (key, name) = named(String(word.dropLast()))
            return Entry(key: key, name: name, node: .folder(name: name))
        }
        if word.hasSuffix("!") {
            let (key, name) = named(String(word.dropLast()))
            return Entry(key: key, name: name, node: .unavailable(name: name, .notDownloadable, rev: nil))
        }
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw Malformed(word: word) }
        let (key, name) = named(parts[0])
        return Entry(key: key, name: name, node: .file(name: name, version(parts[1])))
    }

    private static func named(_ path: String) -> (RemoteKey, FileName) {
        (RemoteKey("/" + path.lowercased()), FileName(path.split(separator: "/").last.map(String.init) ?? ""))
    }
}

extension Selection {
    /// Patterns that are known to be right.
    public init(including include: [String] = [], excluding exclude: [String] = []) throws {
        self.init(
            include: try include.map { try SelectionPattern($0) }, exclude: try exclude.map { try SelectionPattern($0) }
        )
    }
}
