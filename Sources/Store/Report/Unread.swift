import GRDB
public import SyncModel

/// Entries that could not be read and cannot be parked in want: those without a path, and folders that are kept.
///
/// Each is forgotten when it comes in a form that can be read, when it is deleted, and when a complete listing does not
/// mention it.
struct Unread {
    private let db: Database
    private let generation: Int64
    private let now: Timestamp
    private var isEmpty: Bool

    /// Beyond it they are not told apart any more.
    static let most = 10_000

    init(_ db: Database, generation: Int64, now: Timestamp) throws {
        self.db = db
        self.generation = generation
        self.now = now
        isEmpty = try Int.fetchOne(db.cachedStatement(sql: "SELECT 1 FROM unread LIMIT 1")) == nil
    }

    /// Notes an entry that has no path.
    mutating func note(_ entry: UnreadEntry) throws {
        try insert(entry.what, entry.reason, key: nil, beginning: entry.beginning?.text)
    }

    /// Notes that something came of a folder that cannot be read.
    mutating func note(folder key: RemoteKey, _ reason: String) throws {
        try forget(key)
        try insert(try displayPath(db, key), reason, key: key.text, beginning: key.below.lower)
    }

    private mutating func insert(_ what: String, _ reason: String, key: String?, beginning: String?) throws {
        isEmpty = false
        let sql = """
            INSERT INTO unread (what, reason, seen_at, generation, key, beginning)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM unread) < \(Self.most)
            """
        let values: StatementArguments = [what, reason, now, generation, key, beginning]
        try db.cachedStatement(sql: sql).execute(arguments: values)
        if db.changesCount > 0 || beginning == nil { return }
        // One more stands for all that have no row: nothing of what it may be about is removed.
        try db.execute(
            sql: "UPDATE unread SET beginning = '', generation = ? WHERE id = (SELECT max(id) FROM unread)",
            arguments: [generation])
    }

    mutating func forget(_ key: RemoteKey) throws {
        if isEmpty { return }
        try db.cachedStatement(sql: "DELETE FROM unread WHERE key = ?").execute(arguments: [key.text])
    }

    mutating func forget(below key: RemoteKey) throws {
        if isEmpty { return }
        let (lower, upper) = key.below
        try db.cachedStatement(sql: "DELETE FROM unread WHERE key >= ? AND key < ?").execute(arguments: [lower, upper])
    }

    /// Forgets what the listing that is complete now did not mention, and keeps what those that it did may be about: of
    /// that nobody knows whether it was mentioned.
    mutating func finishListing() throws {
        if isEmpty { return }
        try db.execute(sql: "DELETE FROM unread WHERE generation < ?", arguments: [generation])
        let sql = "SELECT DISTINCT beginning FROM unread WHERE beginning IS NOT NULL ORDER BY beginning"
        var last: String?
        for beginning in try String.fetchAll(db, sql: sql) {
            if let last, beginning.utf8.starts(with: last.utf8) { continue }
            last = beginning
            try keep(beginning)
        }
    }

    private func keep(_ beginning: String) throws {
        try db.cachedStatement(sql: "UPDATE want SET generation = ?1 WHERE key >= ?2 AND key < ?3 AND generation < ?1")
            .execute(arguments: [generation, beginning, beginning + "\u{10FFFF}"])
        for folder in RemoteKey(beginning).ancestors {
            let sql = "UPDATE want SET generation = ?1 WHERE key = ?2 AND kind = \(Rows.folder) AND generation < ?1"
            try db.cachedStatement(sql: sql).execute(arguments: [generation, folder.text])
        }
    }
}

/// What is known of an entry that could not be read and has no path to be parked under.
public struct UnreadRow: Hashable, Sendable {
    /// What it says of itself, or its path.
    public var what: String
    /// Why it could not be read.
    public var reason: String
    /// When it came.
    public var seenAt: Timestamp
}

extension StateStore {
    /// The entries that could not be read and have no path to be parked under, at most `limit`, the oldest first.
    public func unread(limit: Int) async throws -> [UnreadRow] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT what, reason, seen_at FROM unread ORDER BY id LIMIT ?", arguments: [limit]
            ).map { UnreadRow(what: $0[0], reason: $0[1], seenAt: $0[2]) }
        }
    }

    /// Whether anything could not be read, with a path or without: a new listing may know better.
    public func hasUnreadable() async throws -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM unread) OR EXISTS (
                        SELECT 1 FROM pending p JOIN want w ON w.key = p.key
                        WHERE p.parked AND w.reason GLOB 'unreadable:*')
                    """) ?? false
        }
    }
}
