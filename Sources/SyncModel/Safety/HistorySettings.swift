/// How long and how much of the history is kept.
public struct HistorySettings: Hashable, Sendable {
    /// How long a row is kept.
    public var keep: Duration
    /// How many rows are kept; the oldest go first.
    public var rows: Int

    /// Makes settings.
    public init(keep: Duration = .seconds(90 * 86_400), rows: Int = 1_000_000) {
        self.keep = keep
        self.rows = rows
    }
}
