import GRDB
public import SyncModel

extension StateStore {
    /// What stands in the mirror according to have, in ascending order of keys.
    ///
    /// - Parameters:
    ///   - after: only keys above this one; `nil` for all.
    ///   - limit: at most so many.
    public func standings(after: RemoteKey?, limit: Int) async throws -> [Standing] {
        try await read { db in
            let sql = "SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key > ? ORDER BY h.key LIMIT ?"
            return try PathResolver.standings(db, sql, [after?.text ?? "", limit])
        }
    }

    /// What stands under `key` according to have, if anything.
    public func standing(of key: RemoteKey) async throws -> Standing? {
        try await read { db in
            let sql = "SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key = ?"
            return try PathResolver.standings(db, sql, [key.text]).first
        }
    }

    /// The names of what stands directly in a folder.
    public func names(in folder: RemoteKey) async throws -> Set<FileName> {
        try await read { db in
            let (lower, upper) = folder.below
            // Characters up to and including the slash below the folder; what has no further slash is its child.
            let sql = """
                SELECT name FROM have WHERE key >= ? AND key < ? AND instr(substr(key, length(?) + 2), '/') = 0
                """
            let names = try String.fetchAll(db.cachedStatement(sql: sql), arguments: [lower, upper, folder.text])
            return Set(names.map { FileName($0) })
        }
    }
}
