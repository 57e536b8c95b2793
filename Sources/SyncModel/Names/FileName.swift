/// The name of one entry in its folder, as the remote gives it, with its case; not yet checked for use on a disk.
///
/// Compared byte by byte: two names that differ in case or in Unicode normalisation are two names.
public struct FileName: Sendable {
    /// The name.
    public let text: String

    /// Wraps a name.
    public init(_ text: String) { self.text = text }
}

extension FileName: Hashable, CustomStringConvertible {
    /// Byte-wise equality.
    public static func == (a: FileName, b: FileName) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combineBytes(of: text) }

    /// The name.
    public var description: String { text }
}
