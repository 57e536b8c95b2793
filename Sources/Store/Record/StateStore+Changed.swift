import FoundationEssentials
import GRDB
public import SyncModel

// What is planned out of turn, because it has just changed in the account.
extension StateStore {
    /// The pending items among `keys` that are wanted and due, in the order of `keys`.
    public func additions(among keys: [RemoteKey], now: Timestamp, below: Int = 4096) async throws -> [PendingItem] {
        let isSelective = !selection.isEverything
        return try await read { db in
            let sql = ItemReader.additionsSQL + " AND p.key = ?"
            let reader = ItemReader(db, sql, isSelective: isSelective, below: below)
            return try keys.flatMap { try reader.items([now, $0.text]) }
        }
    }

    /// The pending items at and below `keys` that are not wanted and due, at most `limit` of them; none while want is not
    /// complete (`Progress.isComplete`).
    public func removals(at keys: [RemoteKey], limit: Int, now: Timestamp) async throws -> [PendingItem] {
        let isSelective = !selection.isEverything
        return try await read { db in
            let sql =
                ItemReader.removalsSQL
                + " AND p.key >= ? AND p.key < ? AND (p.key = ? OR p.key >= ?) ORDER BY p.key DESC LIMIT ?"
            let reader = ItemReader(db, sql, isSelective: isSelective, below: 0)
            var items: [PendingItem] = []
            for key in keys where items.count < limit {
                let (lower, upper) = key.below
                items += try reader.items([now, key.text, upper, key.text, lower, limit - items.count])
            }
            return items
        }
    }

    /// Those of `contents` that something pending is to hold.
    public func pendingContents(among contents: Set<ContentHash>) async throws -> Set<ContentHash> {
        if contents.isEmpty { return [] }
        return try await read { db in
            let sql = "SELECT w.hash FROM pending p JOIN want w ON w.key = p.key WHERE w.hash IS NOT NULL"
            let rows = try Row.fetchCursor(db.cachedStatement(sql: sql))
            var found: Set<ContentHash> = []
            while let row = try rows.next(), found.count < contents.count {
                guard let bytes: Data = row[0], let hash = ContentHash(bytes: [UInt8](bytes)) else { continue }
                if contents.contains(hash) { found.insert(hash) }
            }
            return found
        }
    }

    /// What had to wait until a time after `start` and is due by `end`, at most `limit` keys.
    public func retries(after start: Timestamp, upTo end: Timestamp, limit: Int) async throws -> [RemoteKey] {
        try await read { db in
            let sql = "SELECT key FROM pending WHERE not_before > ? AND not_before <= ? ORDER BY key LIMIT ?"
            return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [start, end, limit])
                .map { RemoteKey($0) }
        }
    }
}
