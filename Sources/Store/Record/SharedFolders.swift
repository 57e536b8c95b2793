import GRDB
import SyncModel

/// Which folders are shared ones: so that of a mass removal it can be said that one was left or taken away.
///
/// A row outlives its folder's want, until nothing of the folder stands any more.
enum SharedFolders {
    /// Of a row `s`: whether what stood there is no longer to be had, neither there nor where it was moved to.
    private static let isLostSQL = """
        EXISTS (SELECT 1 FROM have h WHERE h.key = s.key AND h.kind = \(Rows.folder))
            AND NOT EXISTS (SELECT 1 FROM want w WHERE w.key = s.key AND w.kind = \(Rows.folder))
            AND NOT EXISTS (SELECT 1 FROM shared o JOIN want v ON v.key = o.key
                WHERE o.id = s.id AND o.key <> s.key AND v.kind = \(Rows.folder))
        """

    /// Of a row `s`: whether it was lost and nobody has told of it.
    private static let isUntoldSQL = "s.is_told = 0 AND \(isLostSQL)"

    /// Whether there are any.
    static let anySQL = "SELECT EXISTS (SELECT 1 FROM shared)"

    /// Notes that a shared folder stands at a key; one that nobody may see any more stays what was told of it.
    static func note(_ id: String, at key: RemoteKey, _ node: RemoteNode, in db: Database) throws {
        let isThere = if case .folder = node { true } else { false }
        try db.cachedStatement(
            sql: """
                INSERT INTO shared (key, id, is_told) VALUES (?1, ?2, 0)
                ON CONFLICT DO UPDATE SET id = excluded.id, is_told = is_told AND NOT ?3
                """
        ).execute(arguments: [key.text, id, isThere])
    }

    /// Notes that something else stands at a key.
    static func forget(_ key: RemoteKey, in db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM shared WHERE key = ?").execute(arguments: [key.text])
    }

    /// Those that were left or taken away, of which something stands that meets a condition.
    ///
    /// - Parameter due: rows `p` of pending, as the end of a statement.
    static func lost(with due: String, in db: Database) throws -> [String] {
        let sql = """
            SELECT s.key FROM shared s WHERE \(isLostSQL)
                AND EXISTS (SELECT 1 \(due) AND p.key > s.key || '/' AND p.key < s.key || '0')
            ORDER BY s.key
            """
        return try String.fetchAll(db, sql: sql).map { try displayPath(db, RemoteKey($0)) }
    }

    /// Whether some were lost that nobody has told of.
    static func hasUntold(_ db: Database) throws -> Bool {
        // A page that announces another one may tell of a deletion that the next one takes back.
        let sql = "SELECT EXISTS (SELECT 1 FROM shared s WHERE \(isUntoldSQL)) AND \(Rows.isCompleteSQL)"
        return try Bool.fetchOne(db, sql: sql) ?? false
    }

    /// Those that were lost and that nobody has told of; from now on somebody has.
    static func tell(in db: Database) throws -> [String] {
        guard try hasUntold(db) else { return [] }
        let keys = try String.fetchAll(db, sql: "SELECT s.key FROM shared s WHERE \(isUntoldSQL) ORDER BY s.key")
        let paths = try keys.map { try displayPath(db, RemoteKey($0)) }
        for key in keys { try db.execute(sql: "UPDATE shared SET is_told = 1 WHERE key = ?", arguments: [key]) }
        try db.execute(
            sql: """
                DELETE FROM shared WHERE NOT EXISTS (SELECT 1 FROM want w WHERE w.key = shared.key)
                    AND NOT EXISTS (SELECT 1 FROM have h WHERE h.key = shared.key)
                """)
        return paths
    }

    /// What happened to some, in words.
    static func words(_ paths: [String]) -> String {
        let shown = paths.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ")
        let more = paths.count > 3 ? " and \(paths.count - 3) more" : ""
        return paths.count == 1
            ? "the shared folder \(shown) was left or taken away"
            : "the shared folders \(shown)\(more) were left or taken away"
    }
}
