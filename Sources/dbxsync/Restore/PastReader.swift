import Store
import SyncModel

/// Reads from the state what stood in the mirror at some time.
struct PastReader: Sendable {
    let store: StateStore

    /// Rows of the history that are read at a time.
    private static let window = 2000
    /// Moves from one place to another that are followed.
    private static let mostMoves = 32

    /// The files at or below `top` at a time.
    ///
    /// What the history does not reach back to is a guess.
    func files(at top: String, time: Timestamp) async throws -> PastFiles {
        var query = HistoryQuery()
        query.until = time
        query.limit = 1
        if let last = try await store.history(query).last {
            return try await files(at: top, after: last.number, moves: 0)
        }
        var past = try await files(at: top, after: 0, moves: 0)
        past.guessAll()
        return past
    }

    /// The files at or below `top` when the change of that number had been made.
    func files(at top: String, after number: Int64, moves: Int = 0) async throws -> PastFiles {
        var past = PastFiles(at: top, try await standing(at: top))
        var bound: Int64?
        while true {
            let rows = try await changes(at: top, upTo: bound)
            for row in rows.reversed() where row.number > number {
                guard let departure = past.undo(row.change), moves < Self.mostMoves else { continue }
                past.add(
                    try await files(at: departure.to, after: row.number, moves: moves + 1), departure)
            }
            guard let first = rows.first, first.number > number, rows.count >= Self.window else { return past }
            bound = first.number - 1
        }
    }

    /// The last changes up to a number of what is at or below `top`, and of the folders above it.
    private func changes(at top: String, upTo bound: Int64?) async throws -> [HistoryRow] {
        var query = HistoryQuery()
        query.path = top
        query.upTo = bound
        query.limit = Self.window
        var rows = try await store.history(query)
        guard let highest = top.pathComponents.first, top.pathComponents.count > 1 else { return rows }
        query.path = "/" + highest
        query.kinds = [.moved]
        // Beyond the window's end they come with the next one.
        if rows.count >= Self.window, let first = rows.first { query.after = first.number }
        query.limit = nil
        let key = top.pathKey
        let above = try await store.history(query).filter { row in
            if let bound, row.number > bound { return false }
            return [row.change.path, row.change.oldPath].compactMap { $0?.pathKey }
                .contains { key != $0 && key.lies(in: $0) }
        }
        if above.isEmpty { return rows }
        rows += above.filter { row in !rows.contains { $0.number == row.number } }
        return rows.sorted { $0.number < $1.number }
    }

    /// What stands there now.
    private func standing(at top: String) async throws -> [PastFile] {
        var found: [PastFile] = []
        let key = top.pathKey
        if let entry = try await store.entry(of: key), let file = PastFile(entry) { found.append(file) }
        let (lower, upper) = key.below
        var last = RemoteKey(lower)
        while true {
            let entries = try await store.entries(after: last, limit: Self.window)
            for entry in entries where entry.key < RemoteKey(upper) {
                if let file = PastFile(entry) { found.append(file) }
            }
            guard let end = entries.last?.key, end < RemoteKey(upper) else { return found }
            last = end
        }
    }
}

extension PastFile {
    /// What a file of the mirror is now; nil for a folder.
    init?(_ entry: LocalEntry) {
        guard case .file(_, let version, _) = entry.node else { return nil }
        self.init(path: entry.path.remoteText, rev: version.rev.known, hash: version.isUnproven ? nil : version.hash)
    }
}
