/// How many log lines of a kind are written at their own level, so that many changes do not flood a journal; the others
/// are counted, to be summed up.
public struct LineBudget: Hashable, Sendable {
    /// Lines of a kind until the next `renew`.
    public static let linesOfAKind = 100

    private var spent: [String: Int] = [:]
    /// The number of lines that were not admitted since the last `renew`.
    public private(set) var withheld = 0

    /// Creates a budget of which nothing is spent.
    public init() {}

    /// Whether another line of a kind is written; counts it.
    public mutating func admits(_ kind: String) -> Bool {
        let count = spent[kind, default: 0]
        guard count < Self.linesOfAKind else {
            withheld += 1
            return false
        }
        spent[kind] = count + 1
        return true
    }

    /// Begins anew with one kind; what was withheld stays counted.
    public mutating func renew(_ kind: String) { spent[kind] = nil }

    /// Begins anew.
    ///
    /// - Returns: the number of lines that were not admitted.
    public mutating func renew() -> Int {
        defer { self = LineBudget() }
        return withheld
    }
}
