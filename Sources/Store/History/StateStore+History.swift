import FoundationEssentials
import GRDB
public import SyncModel

/// A row of the history.
public struct HistoryRow: Hashable, Sendable {
    /// Its number, which grows and never repeats.
    public var number: Int64
    /// When the change was committed.
    public var time: Timestamp
    /// The pass that made it.
    public var pass: Int
    /// What has changed; the event's name may be one of a later version.
    public var change: MirrorChange

    /// Creates a row.
    public init(number: Int64, time: Timestamp, pass: Int, change: MirrorChange) {
        self.number = number
        self.time = time
        self.pass = pass
        self.change = change
    }
}

/// Which rows of the history are asked for.
public struct HistoryQuery: Hashable, Sendable {
    /// At or below this path, or moved from there; in any case.
    public var path: String?
    /// With a path, also at these keys: those of the files that an online document there becomes.
    public var files: [RemoteKey] = []
    /// From this time on.
    public var since: Timestamp?
    /// Up to this time.
    public var until: Timestamp?
    /// Of these kinds; all if it is empty.
    public var kinds: Set<ChangeKind> = []
    /// With larger numbers only.
    public var after: Int64?
    /// With numbers up to this one only.
    public var upTo: Int64?
    /// At most this many: the last ones, with `after` the first ones.
    public var limit: Int?

    /// Asks for all rows.
    public init() {}
}

extension StateStore {
    /// Rows of the history, in the order of their numbers.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func history(_ query: HistoryQuery) async throws -> [HistoryRow] {
        try await read { db in
            let (condition, arguments) = query.condition
            let isForward = query.after != nil
            let sql = """
                SELECT n, time, pass, event, path, old_path, size, files, old_rev, rev, hash, reason FROM history
                WHERE \(condition) ORDER BY n \(isForward ? "ASC" : "DESC") LIMIT ?
                """
            let rows = try Row.fetchAll(db, sql: sql, arguments: arguments + [query.limit ?? -1])
            let found = rows.compactMap(HistoryRow.init)
            return isForward ? found : found.reversed()
        }
    }

    /// The query for what is at or below a path: of an online document, what happened to the file that it becomes.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func query(_ query: HistoryQuery, at path: String) async throws -> HistoryQuery {
        var query = query
        query.path = path
        query.files = try await fileKeys(ofDocumentAt: RemoteKey(written: path))
        return query
    }

    /// The number of the row that begins what is asked for; `nil` if that is all there is, or nothing.
    ///
    /// - Parameter query: with a limit and without `after`.
    /// - Throws: `StoreError` if the state file cannot be read.
    public func historyBeginning(_ query: HistoryQuery) async throws -> Int64? {
        guard let limit = query.limit, limit > 0 else { return nil }
        return try await read { db in
            let (condition, arguments) = query.condition
            let sql = "SELECT n FROM history WHERE \(condition) ORDER BY n DESC LIMIT 1 OFFSET ?"
            return try Int64.fetchOne(db, sql: sql, arguments: arguments + [limit - 1])
        }
    }

    /// The number of the last pass that is in the history; 0 if there is none.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func lastPassInHistory() async throws -> Int {
        try await read {
            try Int.fetchOne($0, sql: "SELECT pass FROM history WHERE pass > 0 ORDER BY n DESC LIMIT 1") ?? 0
        }
    }

    /// Whether any pass that changed something has ended.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func hasSettledOnce() async throws -> Bool {
        if try await progress().inStepAsOf != nil { return true }
        return try await historyMarks().settled != nil
    }

    /// Adds changes that are no effects of a batch.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func record(_ effects: EffectRecord, now: Timestamp) async throws {
        if effects.changes.isEmpty && effects.kept.isEmpty { return }
        try await write { db in
            try HistoryTable(db).append(effects.changes, pass: effects.pass, now: now)
            try TrashTable.insert(effects.kept, pass: effects.pass, now: now, in: db)
        }
    }

    /// Ends the batch of changes that a pass has made, if there are any.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func settleHistory(pass: Int, now: Timestamp) async throws {
        let last = try await read { try String.fetchOne($0, sql: "SELECT event FROM history ORDER BY n DESC LIMIT 1") }
        guard let last, last != ChangeKind.passDone.rawValue else { return }
        try await write { try HistoryTable($0).append([MirrorChange(.passDone, path: "/")], pass: pass, now: now) }
    }

    /// Removes rows that are too old or too many.
    ///
    /// - Parameters:
    ///   - settings: how long and how many are kept.
    ///   - now: the time.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func tidyHistory(_ settings: HistorySettings, now: Timestamp) async throws {
        let oldest = now - max(1, settings.keep.components.seconds)
        let end = try await read { db in
            let sql = """
                SELECT max(
                    coalesce((SELECT max(n) FROM history) - ?, 0),
                    coalesce((SELECT n FROM history WHERE time >= ? ORDER BY n LIMIT 1) - 1, 0))
                """
            let end = try Int64.fetchOne(db, sql: sql, arguments: [settings.rows, oldest]) ?? 0
            let isNeeded = "SELECT EXISTS (SELECT 1 FROM history WHERE n <= ?)"
            return try Bool.fetchOne(db, sql: isNeeded, arguments: [end]) == true ? end : nil
        }
        while let end {
            let removed = try await write { db in
                try db.execute(
                    sql: "DELETE FROM history WHERE n IN (SELECT n FROM history WHERE n <= ? ORDER BY n LIMIT 10000)",
                    arguments: [end])
                return db.changesCount
            }
            if removed < 10_000 { return }
        }
    }
}

extension HistoryQuery {
    /// The condition in SQL, and its arguments.
    fileprivate var condition: (sql: String, arguments: StatementArguments) {
        var parts: [String] = []
        var arguments = StatementArguments()
        func add(_ sql: String, _ values: StatementArguments) {
            parts.append(sql)
            arguments += values
        }
        if let path, path != "/" {
            let key = RemoteKey(written: path)
            let bounds: StatementArguments = [key.text, key.below.lower, key.below.upper]
            let isAtOrBelow = { (column: String) in
                "(\(column) = ? OR (\(column) >= ? AND \(column) < ?))"
            }
            let marks = repeatElement("?", count: files.count).joined(separator: ", ")
            let keys = StatementArguments(files.map(\.text))
            add(
                "n IN (SELECT n FROM history WHERE \(isAtOrBelow("key")) UNION SELECT n FROM history WHERE "
                    + "old_key IS NOT NULL AND \(isAtOrBelow("old_key")) UNION SELECT n FROM history WHERE "
                    + "key IN (\(marks)) UNION SELECT n FROM history WHERE old_key IS NOT NULL AND old_key IN (\(marks)))",
                bounds + bounds + keys + keys)
        }
        if let since { add("time >= ?", [since]) }
        if let until { add("time <= ?", [until]) }
        if let after { add("n > ?", [after]) }
        if let upTo { add("n <= ?", [upTo]) }
        if !kinds.isEmpty {
            let marks = repeatElement("?", count: kinds.count).joined(separator: ", ")
            add("event IN (\(marks))", StatementArguments(kinds.map(\.rawValue)))
        }
        return (parts.isEmpty ? "1" : parts.joined(separator: " AND "), arguments)
    }
}

extension HistoryRow {
    /// `nil` for an event of a later version.
    fileprivate init?(_ row: Row) {
        guard let kind = ChangeKind(rawValue: row[3]) else { return nil }
        number = row[0]
        time = row[1]
        pass = row[2]
        let hash = (row[10] as Data?).flatMap { ContentHash(bytes: [UInt8]($0)) }
        change = MirrorChange(
            kind, path: row[4], oldPath: row[5], size: row[6], files: row[7],
            oldRev: (row[8] as String?).map { Rev($0) },
            rev: (row[9] as String?).map { Rev($0) }, hash: hash, reason: row[11])
    }
}
