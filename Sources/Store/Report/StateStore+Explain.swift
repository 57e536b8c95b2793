import GRDB
public import SyncModel

/// What the state knows of one path.
public struct PathFacts: Hashable, Sendable {
    /// The key.
    public var key: RemoteKey
    /// The path, as displayed.
    public var path: String
    /// What the account holds there; `nil` if nothing.
    public var want: RemoteNode?
    /// What stands in the mirror as recorded; `nil` if nothing.
    public var have: LocalEntry?
    /// What is still to be done; `nil` if nothing.
    public var pending: Pending?
    /// What holds its removal or replacement; `nil` if nothing does.
    public var hold: Hold?
    /// How many paths below it are held.
    public var heldBelow = 0
    /// How many paths below it are still to be done, failing or parked.
    public var pendingBelow = 0
    /// When its bytes were last seen to be right.
    public var provenAt: Timestamp?
    /// Why it could not be looked at; `nil` if it could.
    public var unproven: String?
    /// Why Dropbox's last word on it, or on the online document that it is made of, cannot be read; `nil` if it can, or
    /// if it is parked for that.
    public var unread: String?
    /// Whether the last look at its folder has found something of that name that is nobody's.
    public var isStranger = false

    /// What is still to be done.
    public struct Pending: Hashable, Sendable {
        /// Why it failed, or cannot be done; `nil` if it was not tried.
        public var reason: String?
        /// Whether it cannot be done as it is, rather than having failed.
        public var isParked: Bool
        /// Failures so far.
        public var attempts: Int
        /// When it is tried again; `nil` for at once.
        public var nextTry: Timestamp?
    }
}

extension StateStore {
    /// What the state knows of paths.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func facts(of keys: [RemoteKey]) async throws -> [PathFacts] {
        try await read { db in try keys.map { try Facts(db).facts(of: $0) } }
    }

    /// Names directly in a folder, of what the account or the mirror holds there.
    ///
    /// - Parameters:
    ///   - folder: the folder.
    ///   - limit: the maximum number of names that are looked at.
    /// - Throws: `StoreError` if the state file cannot be read.
    public func knownNames(in folder: RemoteKey, limit: Int) async throws -> [String] {
        try await read { db in
            var names: Set<String> = []
            for table in ["want", "have"] {
                var left = limit
                let sql = "SELECT key, name FROM \(table) WHERE key >= ? AND key < ? ORDER BY key"
                _ = try FolderReader.forEachChild(db, sql: sql, folder: folder, from: nil) { row, _ in
                    left -= 1
                    names.insert(row[1])
                    return left > 0
                }
            }
            return names.sorted()
        }
    }
}

/// Reads facts inside one transaction.
private struct Facts {
    let db: Database

    init(_ db: Database) { self.db = db }

    func facts(of key: RemoteKey) throws -> PathFacts {
        var facts = PathFacts(key: key, path: key == .root ? "/" : try displayPath(db, key))
        facts.want = try PendingTable.storedWant(db, key)
        let sql = "SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key = ?"
        facts.have = try PathResolver.entries(db, sql: sql, arguments: [key.text]).first
        facts.pending = try pending(key)
        let hold = "SELECT hold FROM held WHERE key = ?"
        if let id = try Int64.fetchOne(db, sql: hold, arguments: [key.text]) {
            facts.hold = try Holds.hold(id, db)
        }
        let (lower, upper) = key.below
        facts.heldBelow =
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM held x JOIN hold o ON o.id = x.hold
                    WHERE x.key >= ? AND x.key < ? AND \(Holds.isInForceSQL)
                    """, arguments: [lower, upper]) ?? 0
        facts.pendingBelow =
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM pending WHERE key >= ? AND key < ?", arguments: [lower, upper]) ?? 0
        facts.provenAt = try Timestamp.fetchOne(
            db, sql: "SELECT proven_at FROM have WHERE key = ? AND rev <> ''", arguments: [key.text])
        facts.unread = try unread(key)
        if facts.unread == nil, case .export(_, let file)? = facts.want { facts.unread = try unread(file.source) }
        try addFindings(to: &facts)
        return facts
    }

    private func pending(_ key: RemoteKey) throws -> PathFacts.Pending? {
        let sql = "SELECT reason, parked, attempts, not_before FROM pending WHERE key = ?"
        return try Row.fetchOne(db, sql: sql, arguments: [key.text]).map {
            PathFacts.Pending(reason: $0[0], isParked: $0[1], attempts: $0[2], nextTry: $0[3])
        }
    }

    private func unread(_ key: RemoteKey) throws -> String? {
        try String.fetchOne(db, sql: "SELECT max(reason) FROM unread WHERE key = ?", arguments: [key.text])
    }

    /// What the last look at it and at its folder has found.
    private func addFindings(to facts: inout PathFacts) throws {
        let sql = "SELECT strangers, names, unproven FROM finding WHERE folder = ?"
        if let own = try Row.fetchOne(db, sql: sql, arguments: [facts.key.text]).map(StoredFinding.init) {
            facts.unproven = own.decodedUnproven.first { $0.name.isEmpty }?.reason
        }
        guard let parent = facts.key.parent,
            let found = try Row.fetchOne(db, sql: sql, arguments: [parent.text]).map(StoredFinding.init)
        else { return }
        let name = facts.key.name
        facts.unproven = facts.unproven ?? found.decodedUnproven.first { $0.name.lowercased() == name }?.reason
        facts.isStranger = facts.have == nil && found.decodedNames.contains { $0.lowercased() == name }
    }
}
