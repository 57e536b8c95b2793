import GRDB
import SyncModel

// What is rejected is nobody's business any more.
extension Holds {
    /// Of a row `h` of have and a row `w` of want, or none: whether it stands in the way of nothing.
    ///
    /// In place of a folder whose content may not be seen any more nothing comes.
    private static let standsInNoWaySQL = """
        (w.key IS NULL OR h.kind = 0 AND w.kind = 2 AND coalesce(w.reason, '') NOT GLOB 'unreadable:*')
        """

    /// Forgets that what was to be removed is ours; what would be replaced stays held.
    static func giveUp(_ id: Int64, _ pending: PendingTable) throws {
        let db = pending.db
        let sql = """
            SELECT x.key FROM held x JOIN have h ON h.key = x.key LEFT JOIN want w ON w.key = x.key
            WHERE x.hold = ? AND x.key < ? AND \(standsInNoWaySQL) ORDER BY x.key DESC LIMIT 1000
            """
        let holdsMore = try db.makeStatement(sql: "SELECT 1 FROM have WHERE key >= ? AND key < ? LIMIT 1")
        var position = "\u{10FFFF}"
        while true {
            let keys = try String.fetchAll(db.cachedStatement(sql: sql), arguments: [id, position])
            guard let last = keys.last else { break }
            position = last
            for key in keys { try giveUp(RemoteKey(key), of: id, pending, holdsMore) }
        }
    }

    /// Rejects a folder ?1 in whose place nothing comes, with the hold ?2.
    private static let keepSQL = """
        INSERT OR REPLACE INTO held (key, hold, hash, want_rev)
        SELECT w.key, ?2, NULL, w.rev FROM want w WHERE w.key = ?1
        """

    /// Gives up what was rejected and could not be given up then: a folder that held more, and does not any more.
    static func giveUpRest(_ pending: PendingTable) throws {
        let sql = "SELECT id FROM hold WHERE status = \(Hold.Status.rejected.rawValue) ORDER BY id"
        for id in try Int64.fetchAll(pending.db, sql: sql) { try giveUp(id, pending) }
    }

    /// Forgets `key`, unless something below it is still ours, and with the last one the folders above it.
    ///
    /// A folder above it that may not be seen any more is rejected with it until then: it is not to be cleared away with
    /// what stays in it.
    private static func giveUp(
        _ key: RemoteKey, of id: Int64, _ pending: PendingTable, _ holdsMore: Statement
    ) throws {
        let db = pending.db
        let isUnwanted = """
            SELECT EXISTS (SELECT 1 FROM have h LEFT JOIN want w ON w.key = h.key
                WHERE h.key = ?1 AND \(standsInNoWaySQL))
            """
        for part in [key] + key.ancestors {
            guard try Bool.fetchOne(db.cachedStatement(sql: isUnwanted), arguments: [part.text]) ?? false else {
                return
            }
            let (lower, upper) = part.below
            if try Int.fetchOne(holdsMore, arguments: [lower, upper]) != nil {
                try db.cachedStatement(sql: keepSQL).execute(arguments: [part.text, id])
                return
            }
            try HaveTable.forget(part, pending)
            try db.cachedStatement(sql: "DELETE FROM held WHERE key = ?").execute(arguments: [part.text])
        }
    }
}
