/// Names of one folder, of which only 64 bits each are kept: a million of them take 16 MB.
///
/// Among a million names a strange one passes for a known one in one of ten million million cases.
public struct NameSet: Hashable, Sendable {
    private var hashes: Set<Int> = []

    /// Creates a set of `names`.
    public init(_ names: some Sequence<FileName> = []) {
        for name in names { insert(name) }
    }

    /// The number of names.
    public var count: Int { hashes.count }

    /// Adds a name.
    public mutating func insert(_ name: FileName) { hashes.insert(name.hashValue) }

    /// Whether `name` is one of them.
    public func contains(_ name: FileName) -> Bool { hashes.contains(name.hashValue) }
}
