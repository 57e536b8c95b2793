import FoundationEssentials
import GRDB
public import SyncModel

/// How much of the outbox is still to go up.
public struct OutboxBacklog: Hashable, Sendable {
    /// Files that wait for their first or next upload, without those that failed.
    public var waiting = 0
    /// Bytes of those files.
    public var bytes: Int64 = 0
    /// Files that failed and are tried again.
    public var failing = 0
    /// Files that Dropbox does not take as they are.
    public var parked = 0
    /// Files that were confirmed and still stand.
    public var uploaded = 0
}

// The only reader and writer of the table outbox.
extension StateStore {
    /// Binds the rows to a watched folder and the folder of the account it goes to; about others they say nothing.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func bindOutbox(directory: String, remoteFolder: String) async throws {
        let binding = "\(directory)\n\(remoteFolder)"
        try await write { db in
            let known = try String.fetchOne(db, sql: "SELECT outbox FROM state")
            guard known != binding else { return }
            try db.execute(sql: "DELETE FROM outbox")
            try db.execute(sql: "UPDATE state SET outbox = ?", arguments: [binding])
        }
    }

    /// What is known of a path; `nil` for nothing.
    public func outboxFile(_ path: OutboxPath) async throws -> OutboxFile? {
        try await read { try OutboxRows.find(path, $0) }
    }

    /// Changes what is known of paths, all of it or nothing.
    ///
    /// - Returns: the rows as they are now.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    @discardableResult
    public func changeOutbox(
        _ paths: [OutboxPath], _ change: @escaping @Sendable (inout OutboxFile) -> Void
    ) async throws -> [OutboxFile] {
        guard !paths.isEmpty else { return [] }
        return try await write { db in
            try paths.map { path in
                let known = try OutboxRows.find(path, db)
                var file = known ?? OutboxFile(path)
                change(&file)
                if file != known { try OutboxRows.save(file, db) }
                return file
            }
        }
    }

    /// Files about which something is to be done now.
    public func dueInOutbox(now: Timestamp, limit: Int) async throws -> [OutboxFile] {
        try await read { db in
            let sql = """
                SELECT \(OutboxRows.columns) FROM outbox
                WHERE is_open = 1 AND (not_before IS NULL OR not_before <= ?) ORDER BY not_before, path LIMIT ?
                """
            return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [now, limit]).map(OutboxRows.file)
        }
    }

    /// When something that waits is to be tried again.
    public func nextInOutbox(after now: Timestamp) async throws -> Timestamp? {
        try await read {
            try Timestamp.fetchOne(
                $0, sql: "SELECT min(not_before) FROM outbox WHERE is_open = 1 AND not_before > ?", arguments: [now])
        }
    }

    /// Makes everything that waits for a later try due now.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func retryOutbox() async throws {
        try await write { try $0.execute(sql: "UPDATE outbox SET not_before = NULL WHERE is_open = 1") }
    }

    /// What was seen at these paths.
    public func seenInOutbox(_ paths: [OutboxPath]) async throws -> [OutboxPath: OutboxFile] {
        guard !paths.isEmpty else { return [:] }
        return try await read { db in
            try Dictionary(
                paths.compactMap { path in try OutboxRows.find(path, db).map { (path, $0) } },
                uniquingKeysWith: { first, _ in first })
        }
    }

    /// Files that were seen, in order of paths, below `folder` and after `path`, at most `limit`.
    public func presentInOutbox(
        below folder: OutboxPath = .root, after path: OutboxPath? = nil, limit: Int
    ) async throws -> [OutboxFile] {
        let isAll = folder.text.isEmpty
        return try await read { db in
            let sql = """
                SELECT \(OutboxRows.columns) FROM outbox
                WHERE size IS NOT NULL AND path > ? AND path >= ? AND (? OR path < ?) ORDER BY path LIMIT ?
                """
            return try Row.fetchAll(
                db.cachedStatement(sql: sql),
                arguments: [
                    path?.text ?? "", isAll ? "" : folder.text + "/", isAll, folder.text + "0", limit,
                ]
            ).map(OutboxRows.file)
        }
    }

    /// The row whose receipt has this inode, size and modification time: the file was renamed.
    public func receiptInOutbox(of state: FileState) async throws -> OutboxFile? {
        try await read { db in
            let sql = """
                SELECT \(OutboxRows.columns) FROM outbox WHERE sent_inode = ? AND sent_size = ? AND sent_mtime_ns = ?
                """
            let arguments: StatementArguments = [
                Int64(bitPattern: state.inode), state.size, state.modifiedNanoseconds,
            ]
            return try Row.fetchOne(db, sql: sql, arguments: arguments).map(OutboxRows.file)
        }
    }

    /// Notes what a scan has found wrong, by path; what an earlier one has found and this one has not is forgotten.
    ///
    /// - Returns: the paths whose problem is new.
    public func noteOutboxProblems(_ problems: [OutboxPath: String]) async throws -> Set<OutboxPath> {
        try await write { db in
            // Whatever else has failed is tried again, and so is open.
            let sql = "SELECT path, reason FROM outbox WHERE reason IS NOT NULL AND is_open = 0"
            let known = try Row.fetchAll(db, sql: sql).map { (OutboxPath($0[0]), $0[1] as String) }
            for (path, _) in known where problems[path] == nil {
                guard var file = try OutboxRows.find(path, db) else { continue }
                (file.reason, file.isParked) = (nil, false)
                try OutboxRows.save(file, db)
            }
            var newProblems: Set<OutboxPath> = []
            for (path, reason) in problems where !known.contains(where: { $0 == (path, reason) }) {
                var file = try OutboxRows.find(path, db) ?? OutboxFile(path)
                (file.reason, file.isParked) = (reason, true)
                try OutboxRows.save(file, db)
                newProblems.insert(path)
            }
            return newProblems
        }
    }

    /// Deletes the oldest records of vanished files and keeps the given number of them.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func pruneOutbox(keeping limit: Int) async throws {
        try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM outbox WHERE is_open = 0 AND size IS NULL AND sent_at < (SELECT sent_at FROM outbox
                        WHERE is_open = 0 AND size IS NULL ORDER BY sent_at DESC LIMIT 1 OFFSET ?)
                    """, arguments: [limit])
        }
    }

    /// How much is still to go up.
    public func outboxBacklog() async throws -> OutboxBacklog {
        try await read { db in
            let sql = """
                SELECT coalesce(sum(is_open AND reason IS NULL), 0),
                    \(Rows.sumSQL("CASE WHEN is_open AND reason IS NULL THEN size END")),
                    coalesce(sum(reason IS NOT NULL AND NOT parked), 0), coalesce(sum(parked), 0),
                    coalesce(sum(NOT is_open AND size IS NOT NULL), 0)
                FROM outbox
                """
            guard let row = try Row.fetchOne(db, sql: sql) else { return OutboxBacklog() }
            return OutboxBacklog(waiting: row[0], bytes: row[1], failing: row[2], parked: row[3], uploaded: row[4])
        }
    }

    /// The files that failed or are parked, in order of paths, at most `limit`.
    public func outboxIssues(limit: Int) async throws -> [PathIssue] {
        try await read { db in
            let sql = """
                SELECT path, reason, parked, attempts, not_before FROM outbox WHERE reason IS NOT NULL
                ORDER BY parked, path LIMIT ?
                """
            return try Row.fetchAll(db, sql: sql, arguments: [limit]).map {
                PathIssue(path: $0[0], reason: $0[1], isParked: $0[2], attempts: $0[3], nextTry: $0[4])
            }
        }
    }
}

/// Row ↔ value coding of the outbox.
private enum OutboxRows {
    static let columns = """
        path, size, mtime_ns, ctime_ns, inode, sent_size, sent_mtime_ns, sent_ctime_ns, sent_inode, remote, rev, hash, id,
        intent_size, intent_mtime_ns, intent_ctime_ns, intent_inode, intent_remote, intent_hash, intent_replaces,
        attempts, not_before, reason, parked, is_open
        """

    static func find(_ path: OutboxPath, _ db: Database) throws -> OutboxFile? {
        let statement = try db.cachedStatement(sql: "SELECT \(columns) FROM outbox WHERE path = ?")
        return try Row.fetchOne(statement, arguments: [path.text]).map(file)
    }

    static func file(_ row: Row) throws -> OutboxFile {
        var file = OutboxFile(OutboxPath(row[0]))
        file.seen = state(row, at: 1)
        if let of = state(row, at: 5) {
            guard let remote: String = row[9], let rev: String = row[10], let hash = hash(row[11]) else {
                throw damaged
            }
            file.receipt = OutboxReceipt(of: of, remote: remote, rev: Rev(rev), hash: hash, id: row[12] ?? "")
        }
        if let of = state(row, at: 13) {
            guard let remote: String = row[17], let hash = hash(row[18]) else { throw damaged }
            let replaces: String? = row[19]
            file.intent = OutboxIntent(of: of, remote: remote, hash: hash, replaces: replaces.map { Rev($0) })
        }
        file.attempts = row[20]
        file.notBefore = row[21]
        file.reason = row[22]
        file.isParked = row[23]
        file.isOpen = row[24]
        return file
    }

    private static var damaged: StoreError {
        StoreError(code: .damaged, message: "a file's row of the outbox lacks its place, revision or hash")
    }

    private static func hash(_ data: Data?) -> ContentHash? { data.flatMap { ContentHash(bytes: [UInt8]($0)) } }

    private static func state(_ row: Row, at start: Int) -> FileState? {
        guard let size: Int64 = row[start] else { return nil }
        return FileState(
            inode: UInt64(bitPattern: row[start + 3] ?? 0), size: size, modifiedNanoseconds: row[start + 1] ?? 0,
            changedNanoseconds: row[start + 2] ?? 0)
    }

    private static func arguments(_ state: FileState?) -> [(any DatabaseValueConvertible)?] {
        [
            state?.size, state?.modifiedNanoseconds, state?.changedNanoseconds,
            state.map { Int64(bitPattern: $0.inode) },
        ]
    }

    /// Writes a row; one that says nothing is removed.
    static func save(_ file: OutboxFile, _ db: Database) throws {
        let isEmpty = file.seen == nil && file.receipt == nil && file.intent == nil && file.reason == nil
        if isEmpty { return try remove(file.path, db) }
        let receipt: [(any DatabaseValueConvertible)?] = [
            file.receipt?.remote, file.receipt?.rev.text, file.receipt?.hash.data, file.receipt?.id,
        ]
        let intent: [(any DatabaseValueConvertible)?] = [
            file.intent?.remote, file.intent?.hash.data, file.intent?.replaces?.text,
        ]
        let rest: [(any DatabaseValueConvertible)?] = [
            file.attempts, file.notBefore, file.reason, file.isParked, file.isOpen,
        ]
        let values =
            [file.path.text] + arguments(file.seen) + arguments(file.receipt?.of) + receipt
            + arguments(file.intent?.of) + intent + rest
        // sent_at: when the receipt was written, so that the oldest ones are known.
        let marks = Array(repeating: "?", count: values.count).joined(separator: ", ")
        let sql = """
            INSERT OR REPLACE INTO outbox (\(columns), sent_at) VALUES (\(marks), CAST(strftime('%s', 'now') AS INTEGER))
            """
        try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
    }

    static func remove(_ path: OutboxPath, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM outbox WHERE path = ?").execute(arguments: [path.text])
    }
}
