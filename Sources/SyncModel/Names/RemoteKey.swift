/// The identity of an entry: Dropbox's `path_lower` below the mirrored folder, beginning with a slash; "" is that folder.
///
/// Taken as the server gives it and never computed from a name: its lower-casing is the server's own (files.stone).
/// Compared byte by byte, as SQLite does; Swift's `String` would merge composed and decomposed forms.
public struct RemoteKey: Sendable {
    /// The path, for example `/projects/q3/plan.txt`.
    public let text: String

    /// Wraps a path that the server gave or the state file holds.
    public init(_ text: String) { self.text = text }

    /// The key by which a path that is shown, or that somebody wrote, is looked up; "/" is the mirrored folder.
    ///
    /// A guess at Dropbox's lower-casing: where that is another one, no entry is found by it.
    public init(written path: String) { text = path == "/" ? "" : path.lowercased() }

    /// The mirrored folder itself.
    public static let root = RemoteKey("")

    /// The folder that holds this entry; `nil` for the mirrored folder itself.
    public var parent: RemoteKey? {
        text.pathAboveLastSlash.map { RemoteKey($0) }
    }

    /// The last component; "" for the mirrored folder itself.
    public var name: String {
        text.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(text[text.utf8.index(after: $0)...]) } ?? text
    }

    /// The number of components: 0 for the mirrored folder, 1 for what stands directly in it.
    public var depth: Int { text.utf8.count { $0 == UInt8(ascii: "/") } }

    /// The bounds of every key below this one: `lower <= key < upper`, byte by byte.
    public var below: (lower: String, upper: String) { (text + "/", text + "0") }

    /// Whether this is `folder` or stands below it.
    public func lies(in folder: RemoteKey) -> Bool { self == folder || folder.contains(self) }

    /// Whether `other` stands anywhere below this key.
    public func contains(_ other: RemoteKey) -> Bool {
        other.text.utf8.count > text.utf8.count && other.text.utf8.starts(with: (text + "/").utf8)
    }

    /// The keys of all folders above this one, nearest first, without the mirrored folder itself.
    public var ancestors: [RemoteKey] {
        var found: [RemoteKey] = []
        var next = parent
        while let key = next, !key.text.isEmpty {
            found.append(key)
            next = key.parent
        }
        return found
    }
}

extension RemoteKey: Hashable, Comparable, CustomStringConvertible {
    /// Byte-wise equality.
    public static func == (a: RemoteKey, b: RemoteKey) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// Byte-wise order, the order of the state file's indexes.
    public static func < (a: RemoteKey, b: RemoteKey) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combineBytes(of: text) }

    /// The path.
    public var description: String { text }
}

extension Hasher {
    /// Feeds the UTF-8 bytes of `text`, so that equal bytes and nothing else hash alike.
    mutating func combineBytes(of text: String) {
        var text = text
        text.withUTF8 { combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
