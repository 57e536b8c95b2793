import Store
import SyncModel

/// Rows of the history, read a page at a time, so that memory does not grow with them and no look takes long.
struct HistoryPages {
    /// Rows in a page.
    private static let size = 10_000

    private let path: String
    private var query: HistoryQuery
    private var left: Int?

    /// Asks for the rows of the state file at `path` that match `query`, which says after which number.
    ///
    /// - Parameter limit: how many at most.
    init(_ path: String, _ query: HistoryQuery, limit: Int? = nil) {
        self.path = path
        self.query = query
        left = limit
    }

    /// The number of the last row that was read.
    var after: Int64 { query.after ?? 0 }

    /// The next rows in the order of their numbers; empty at the end, after which later ones may come.
    ///
    /// - Returns: nil if there is no history.
    /// - Throws: `StoreError` if the state file cannot be read.
    mutating func next() async throws -> [HistoryRow]? {
        let size = min(Self.size, left ?? Self.size)
        if size == 0 { return [] }
        query.limit = size
        query.after = after
        let rows = try await StateStore.look(at: path) { [query] in try await $0.history(query) }
        if let last = rows?.last { query.after = last.number }
        left = left.map { $0 - (rows?.count ?? 0) }
        return rows
    }
}
