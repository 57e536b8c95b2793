/// The path of a file below the watched folder, without a slash at its beginning; "" is the folder itself.
///
/// Compared byte by byte, as the disk does.
public struct OutboxPath: Sendable {
    /// The path, for example `reports/2024.csv`.
    public let text: String

    /// Wraps a path that was read from the disk or from the state file.
    public init(_ text: String) { self.text = text }

    /// The watched folder itself.
    public static let root = OutboxPath("")

    /// What stands in this folder under a name.
    public func appending(_ name: String) -> OutboxPath { OutboxPath(text.isEmpty ? name : "\(text)/\(name)") }

    /// The folder that holds it.
    public var parent: OutboxPath { OutboxPath(text.pathAboveLastSlash ?? "") }

    /// The last component.
    public var name: String { text.pathComponents.last ?? "" }

    /// The names from the top down.
    public var components: [String] { text.pathComponents }

    /// Whether `other` is this folder or stands anywhere below it.
    public func contains(_ other: OutboxPath) -> Bool {
        text.isEmpty || self == other || other.text.utf8.starts(with: (text + "/").utf8)
    }
}

extension OutboxPath: Hashable, Comparable, CustomStringConvertible {
    /// Byte-wise equality.
    public static func == (a: OutboxPath, b: OutboxPath) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// Byte-wise order.
    public static func < (a: OutboxPath, b: OutboxPath) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combineBytes(of: text) }

    /// The path.
    public var description: String { text }
}
