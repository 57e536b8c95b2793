import GRDB
public import SyncModel

// What can be told without reading all entries.
extension StateStore {
    /// From so many pending entries on what is to be done is told by counts that are kept.
    package static let mostCounted = 20_000

    /// How much is still to be done, in a time that does not grow with the account.
    ///
    /// Exact unless more than 20,000 entries are pending and some of them can be done: then files, bytes and folders are
    /// the difference between what the account and the mirror hold, and no more than so many failures are counted. What
    /// the backlog says of "in step" is right in any case.
    ///
    /// - Parameter accepted: what may be missing if it cannot be mirrored as it is.
    /// - Throws: `StoreError` if the state file cannot be read.
    public func backlogAtAGlance(accepting accepted: Acceptance = Acceptance()) async throws -> Backlog {
        let estimate = try await read { db -> Backlog? in
            guard try Self.isBacklogLong(db),
                try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM pending WHERE parked = 0)") == true,
                let want = try Census.stored("want", db), let have = try Census.stored("have", db)
            else { return nil }
            return try Self.estimate(want, have, db)
        }
        if let estimate { return estimate }
        return try await backlog(accepting: accepted)
    }

    /// Whether there is more to be done than is counted at a glance.
    static func isBacklogLong(_ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM pending LIMIT 1 OFFSET ?)", arguments: [mostCounted]) ?? false
    }

    private static func estimate(_ want: Census, _ have: Census, _ db: Database) throws -> Backlog {
        var backlog = Backlog()
        let missing = want - have
        backlog.pendingFiles = Int(max(0, missing.files))
        backlog.pendingBytes = Int64(clamping: max(0, missing.bytes))
        backlog.pendingFolders = Int(max(0, missing.folders))
        backlog.pendingRemovals = Int(max(0, 0 &- missing.files))
        // Whatever failed has a time for its next try.
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT coalesce(sum(parked = 0 AND reason IS NOT NULL), 0), coalesce(sum(parked), 0),
                    (SELECT count(*) FROM unread), (SELECT count(*) FROM held)
                FROM (SELECT parked, reason FROM pending INDEXED BY pending_later WHERE not_before IS NOT NULL LIMIT ?)
                """, arguments: [mostCounted])
        if let row {
            (backlog.failing, backlog.parked, backlog.unread, backlog.held) = (row[0], row[1], row[2], row[3])
        }
        // Something can be done, or it would not be an estimate.
        if backlog.pendingFiles + backlog.pendingFolders + backlog.pendingRemovals == 0 { backlog.pendingFolders = 1 }
        return backlog
    }

    /// The last passes that did something, the latest first.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func passes(limit: Int) async throws -> [PassRecord] {
        try await read { db in
            let sql = "SELECT began, ended, outcome, placed, removed, bytes, failed FROM pass ORDER BY id DESC LIMIT ?"
            return try Row.fetchAll(db, sql: sql, arguments: [limit]).map { row in
                PassRecord(
                    began: row[0], ended: row[1], outcome: row[2], placed: row[3], removed: row[4], bytes: row[5],
                    failed: row[6])
            }
        }
    }

    /// What came into the trash last, the latest first.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func latestTrash(limit: Int) async throws -> [TrashRow] {
        try await read { db in
            let sql = "SELECT \(TrashTable.columns) FROM trash ORDER BY id DESC LIMIT ?"
            return try Row.fetchAll(db, sql: sql, arguments: [limit]).map(TrashTable.row)
        }
    }
}
