import GRDB
public import SyncModel

/// How much there is in the account, or in the mirror, as recorded.
public struct Extent: Hashable, Sendable {
    /// Files.
    public var files = 0
    /// Bytes of those files.
    public var bytes: Int64 = 0
    /// Folders.
    public var folders = 0

    /// Nothing.
    public init() {}

    init(files: Int, bytes: Int64, folders: Int) {
        (self.files, self.bytes, self.folders) = (files, bytes, folders)
    }
}

/// How much is still to be done.
public struct Backlog: Hashable, Sendable {
    /// Files to be placed.
    public var pendingFiles = 0
    /// Bytes of those files.
    public var pendingBytes: Int64 = 0
    /// Folders to be made, and other entries that are not files and were not tried yet.
    public var pendingFolders = 0
    /// Entries to be removed.
    public var pendingRemovals = 0
    /// Entries that failed and will be tried again.
    public var failing = 0
    /// Entries that cannot be mirrored as they are.
    public var parked = 0
    /// Entries that could not be read and have no path to be parked under.
    public var unread = 0
    /// Entries that are held, or whose replacement was rejected; they are counted nowhere else.
    public var held = 0
    /// Entries that cannot be mirrored as they are and need not be; they are counted nowhere else.
    public var accepted = 0
}

/// One path that is not as in the account, and why.
public struct PathIssue: Hashable, Sendable {
    /// The entry's path, as displayed.
    public var path: String
    /// Why.
    public var reason: String
    /// Whether it cannot be mirrored as it is, rather than having failed.
    public var isParked: Bool
    /// Whether it is parked and may be missing.
    public var isAccepted: Bool = false
    /// Failures so far.
    public var attempts: Int
    /// When it is tried again.
    public var nextTry: Timestamp?
}

/// One pass that did something, or that failed for good, or the first good one after such a one.
public struct PassRecord: Hashable, Sendable {
    /// When it began.
    public var began: Timestamp
    /// When it ended.
    public var ended: Timestamp
    /// `done`, or what went wrong.
    public var outcome: String
    /// Files placed.
    public var placed: Int
    /// Entries removed.
    public var removed: Int
    /// Bytes fetched.
    public var bytes: Int64
    /// Entries that failed.
    public var failed: Int

    /// The outcome of a pass that came to its end.
    public static let done = "done"

    /// Whether it broke off.
    public var isFailure: Bool { outcome != Self.done }

    /// Creates a record.
    public init(
        began: Timestamp, ended: Timestamp, outcome: String, placed: Int, removed: Int, bytes: Int64, failed: Int
    ) {
        self.began = began
        self.ended = ended
        self.outcome = outcome
        self.placed = placed
        self.removed = removed
        self.bytes = bytes
        self.failed = failed
    }
}

/// Whether what is pending is taken for a folder by patterns: what the account holds there decides, then what stands.
private let isFolderSQL = "coalesce(w.kind = 0 OR w.reason IS 'no_access', h.kind = 0, 0)"

/// Whether a row `w` of want is something that may be missing without being accepted (`Unavailable.isAccepted`).
private let isAcceptedSQL = """
    coalesce(w.kind = 2 AND (w.reason GLOB '\(DocumentText.online)*' OR w.reason GLOB '\(LinkText.word)*'
        OR w.reason GLOB '\(LinkText.oldWord)*'), 0)
    """

extension StateStore {
    /// How much there is in the account; as it was counted when it was recorded.
    public func extent() async throws -> Extent { try await extent("want") }

    /// How much stands in the mirror; as it was counted when it was recorded.
    public func mirrorExtent() async throws -> Extent { try await extent("have") }

    private func extent(_ table: String) async throws -> Extent {
        try await read { db in
            let census = try Census.stored(table, db) ?? Census.counted(table, db)
            return Extent(
                files: Int(census.files), bytes: Int64(clamping: census.bytes), folders: Int(census.folders))
        }
    }

    /// The number of entries of the account that `selection` leaves out; reads the whole want.
    ///
    /// A folder that is not asked for counts as left out unless it is there for something in it.
    public func leftOut(by selection: Selection) async throws -> Int {
        if selection.isEverything { return 0 }
        return try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT w.key, w.kind = 0 OR w.reason IS 'no_access', w.size,
                        EXISTS (SELECT 1 FROM have h WHERE h.key = w.key AND h.kind = 0)
                            OR EXISTS (SELECT 1 FROM pending p WHERE p.key = w.key), w.reason
                    FROM want w WHERE w.kind <> 4 ORDER BY w.key
                    """)
            var (judge, count) = (Selection.Judge(selection), 0)
            while let row = try rows.next() {
                let key = RemoteKey(row[0])
                let keys = (row[4] as String?).flatMap { DocumentText.keys($0, at: key) }
                let match =
                    if let keys {
                        selection.match(of: keys.file, madeOf: keys.source, size: row[2])
                    } else {
                        judge.match(of: key, isFolder: row[1], size: row[2])
                    }
                switch match {
                case .outside: count += 1
                case .selected: break
                case .onTheWay: if !(row[3] as Bool) { count += 1 }
                }
            }
            return count
        }
    }

    /// How much is still to be done.
    ///
    /// - Parameter accepted: what may be missing if it cannot be mirrored as it is.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func backlog(accepting accepted: Acceptance = Acceptance()) async throws -> Backlog {
        let all = try await backlogOfAll()
        if all.parked == 0 { return all }
        return try await read { db in
            var backlog = all
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT p.key, \(isFolderSQL), w.kind IN (1, 3), w.size, w.key IS NULL, \(isAcceptedSQL), w.reason
                    FROM pending p
                    LEFT JOIN want w ON w.key = p.key LEFT JOIN have h ON h.key = p.key
                    WHERE p.parked = 1 ORDER BY p.key
                    """)
            var acceptance = accepted
            while let row = try rows.next() {
                guard row[5] || acceptance.accepts(RemoteKey(row[0]), isFolder: row[1] ?? false, reason: row[6]) else {
                    continue
                }
                backlog.accepted += 1
                backlog.parked -= 1
                if row[2] ?? false {
                    backlog.pendingFiles -= 1
                    backlog.pendingBytes -= row[3] ?? 0
                }
                if row[4] { backlog.pendingRemovals -= 1 }
            }
            return backlog
        }
    }

    private func backlogOfAll() async throws -> Backlog {
        try await read { db in
            let sql = """
                SELECT coalesce(sum(w.kind IN (1, 3)), 0), \(Rows.sumSQL("CASE w.kind WHEN 1 THEN w.size END")),
                    coalesce(sum(w.key IS NULL), 0),
                    coalesce(sum(p.parked = 0 AND p.reason IS NOT NULL), 0), coalesce(sum(p.parked), 0),
                    (SELECT count(*) FROM unread), coalesce(sum(w.kind NOT IN (1, 3) AND p.reason IS NULL), 0),
                    (SELECT count(*) FROM held x JOIN hold o ON o.id = x.hold JOIN have h ON h.key = x.key
                        LEFT JOIN want w ON w.key = x.key WHERE \(Holds.isCurrentSQL) AND \(Holds.isInForceSQL))
                FROM pending p LEFT JOIN want w ON w.key = p.key
                WHERE NOT EXISTS (SELECT 1 FROM have h WHERE h.key = p.key
                    AND (\(Holds.isHeldSQL) OR w.key IS NULL AND \(Holds.holdsHeldSQL)))
                """
            guard let row = try Row.fetchOne(db, sql: sql) else { return Backlog() }
            return Backlog(
                pendingFiles: row[0], pendingBytes: row[1], pendingFolders: row[6], pendingRemovals: row[2],
                failing: row[3], parked: row[4], unread: row[5], held: row[7])
        }
    }

    /// The paths that failed or are parked, in order of keys, at most `limit`.
    ///
    /// - Parameters:
    ///   - accepted: what may be missing if it is parked.
    ///   - isGlance: whether it may take no time that grows with what is pending: of very much the next to be tried are
    ///     enough, in the order of time.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func pathIssues(
        limit: Int, accepting accepted: Acceptance = Acceptance(), isGlance: Bool = false
    ) async throws -> [PathIssue] {
        try await read { db in
            let isLong = try isGlance && Self.isBacklogLong(db)
            let sql = """
                SELECT p.key, p.reason, p.parked, p.attempts, p.not_before, \(isFolderSQL), \(isAcceptedSQL), w.reason
                FROM pending p \(isLong ? "INDEXED BY pending_later" : "")
                LEFT JOIN want w ON w.key = p.key LEFT JOIN have h ON h.key = p.key
                WHERE p.reason IS NOT NULL \(isLong ? "AND p.not_before IS NOT NULL" : "")
                ORDER BY \(isLong ? "p.not_before" : "p.parked, p.key") LIMIT ?
                """
            var acceptance = accepted
            return try Row.fetchAll(db, sql: sql, arguments: [limit]).map { row in
                let key = RemoteKey(row[0])
                let isParked: Bool = row[2]
                return PathIssue(
                    path: try displayPath(db, key), reason: row[1], isParked: isParked,
                    isAccepted: isParked
                        && (row[6] || acceptance.accepts(key, isFolder: row[5] ?? false, reason: row[7])),
                    attempts: row[3], nextTry: row[4])
            }
        }
    }

    /// Those of `keys` that may be missing if they are parked.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func accepted(among keys: [RemoteKey], accepting accepted: Acceptance) async throws -> Set<RemoteKey> {
        if keys.isEmpty { return [] }
        return try await read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(isFolderSQL), \(isAcceptedSQL), w.reason FROM (SELECT ? AS key) k
                    LEFT JOIN want w ON w.key = k.key LEFT JOIN have h ON h.key = k.key
                    """)
            var acceptance = accepted
            return try Set(
                keys.filter { key in
                    guard let row = try Row.fetchOne(statement, arguments: [key.text]) else { return false }
                    return row[1] || acceptance.accepts(key, isFolder: row[0], reason: row[2])
                })
        }
    }

    /// The paths of some keys as they are displayed: with the names that the account or the mirror gives.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func shownPaths(of keys: [RemoteKey]) async throws -> [RemoteKey: String] {
        if keys.isEmpty { return [:] }
        return try await read { db in
            var paths: [RemoteKey: String] = [:]
            for key in keys { paths[key] = try displayPath(db, key) }
            return paths
        }
    }

    /// Keeps a finished pass; the last hundred are kept.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func log(_ pass: PassRecord) async throws {
        try await write { db in
            try db.execute(
                literal: """
                    INSERT INTO pass (began, ended, outcome, placed, removed, bytes, failed)
                    VALUES (\(pass.began), \(pass.ended), \(pass.outcome), \(pass.placed), \(pass.removed),
                        \(pass.bytes), \(pass.failed))
                    """)
            try db.execute(sql: "DELETE FROM pass WHERE id <= (SELECT max(id) FROM pass) - 100")
        }
    }

    /// The last pass that did something.
    public func lastPass() async throws -> PassRecord? { try await passes(limit: 1).first }
}

extension Acceptance {
    /// The same with what a row of want says in `reason`.
    fileprivate mutating func accepts(_ key: RemoteKey, isFolder: Bool, reason: String?) -> Bool {
        let keys = reason.flatMap { DocumentText.keys($0, at: key) }
        return accepts(key, isFolder: isFolder, alsoNamed: keys.map { $0.file == key ? $0.source : $0.file })
    }
}

/// The path of `key` with the names that want or have give; the key's own text where there are none.
func displayPath(_ db: Database, _ key: RemoteKey) throws -> String {
    let statement = try db.cachedStatement(
        sql: """
            SELECT coalesce((SELECT name FROM want WHERE key = ?1), (SELECT name FROM have WHERE key = ?1))
            """)
    return try ([key] + key.ancestors).reversed().map { part in
        try String.fetchOne(statement, arguments: [part.text]) ?? part.name
    }.reduce("") { "\($0)/\($1)" }
}

extension StateStore {
    /// Those of `revisions` that are wanted by something pending.
    public func pendingRevisions(among revisions: Set<Rev>) async throws -> Set<Rev> {
        try await read { db in
            var found: Set<Rev> = []
            let sql = "SELECT w.rev FROM pending p JOIN want w ON w.key = p.key WHERE w.rev IS NOT NULL"
            let rows = try String.fetchCursor(db, sql: sql)
            while let rev = try rows.next() { if revisions.contains(Rev(rev)) { found.insert(Rev(rev)) } }
            return found
        }
    }
}
