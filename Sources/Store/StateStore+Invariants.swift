import GRDB
package import SyncModel

extension StateStore {
    /// What is wanted: each key, and whether it is a folder.
    package func wantedKeys() async throws -> [RemoteKey: Bool] {
        try await read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT key, kind = 0 FROM want")
            return Dictionary(uniqueKeysWithValues: rows.map { (RemoteKey($0[0]), $0[1]) })
        }
    }

    /// What is wrong with the state, in words; empty if nothing is.
    ///
    /// The central invariant: a key whose want and have differ is pending or intended. And every row's parent is a
    /// folder.
    public func brokenInvariants() async throws -> [String] {
        try await read { db in
            var found: [String] = []
            let unlisted = """
                SELECT key FROM (
                    SELECT w.key AS key FROM want w LEFT JOIN have h ON h.key = w.key
                    WHERE h.key IS NULL OR h.kind <> w.kind OR h.name <> w.name OR h.rev IS NOT w.rev
                        OR h.size IS NOT w.size OR h.hash IS NOT w.hash OR h.modified IS NOT w.modified
                    UNION ALL
                    SELECT h.key FROM have h WHERE NOT EXISTS (SELECT 1 FROM want w WHERE w.key = h.key))
                WHERE key NOT IN (SELECT key FROM pending) AND key NOT IN (SELECT key FROM intent) LIMIT 20
                """
            found += try String.fetchAll(db, sql: unlisted).map { "\($0): want and have differ, and nobody knows" }
            for table in ["want", "have"] {
                let keys = try String.fetchCursor(db, sql: "SELECT key FROM \(table)")
                let folders = try db.makeStatement(sql: "SELECT 1 FROM \(table) WHERE key = ? AND kind = 0")
                while let key = try keys.next(), found.count < 40 {
                    let parent = key.pathAboveLastSlash ?? ""
                    if parent.isEmpty { continue }
                    if try Int.fetchOne(folders, arguments: [parent]) == nil {
                        found.append("\(key): its parent is not a folder in \(table)")
                    }
                }
            }
            return found
        }
    }
}
