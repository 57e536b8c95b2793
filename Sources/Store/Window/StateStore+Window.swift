import FoundationEssentials
import GRDB
public import SyncModel

extension StateStore {
    /// The next pending items that are wanted and due, in ascending order of keys.
    ///
    /// - Parameters:
    ///   - after: only keys above this one.
    ///   - limit: the maximum number of items.
    ///   - now: the time; what is put off until later is left out.
    ///   - below: the maximum number of descendants of folders whose kind changes, in all items together.
    public func additions(
        after: RemoteKey?, limit: Int, now: Timestamp, below: Int = 4096
    ) async throws -> [PendingItem] {
        let isSelective = !selection.isEverything
        return try await read { db in
            let sql = ItemReader.additionsSQL + " AND p.key > ? ORDER BY p.key LIMIT ?"
            return try ItemReader(db, sql, isSelective: isSelective, below: below)
                .items([now, after?.text ?? "", limit])
        }
    }

    /// One pending item that is wanted and due; `nil` if it is not.
    public func addition(_ key: RemoteKey, now: Timestamp) async throws -> PendingItem? {
        try await additions(among: [key], now: now, below: 0).first
    }

    /// The versions that are wanted under `keys`, as far as files are.
    public func wantedVersions(of keys: [RemoteKey]) async throws -> [RemoteKey: FileVersion] {
        try await read { db in
            var found: [RemoteKey: FileVersion] = [:]
            for key in keys {
                switch try PendingTable.storedWant(db, key) {
                case .file(_, let version)?: found[key] = version
                case .export(_, let file)?: found[key] = file.placedVersion
                case .folder?, .link?, .unavailable?, nil: break
                }
            }
            return found
        }
    }

    /// The next pending items that are not wanted and due, in descending order of keys: what is below comes first; none
    /// while want is not complete (`Progress.isComplete`).
    ///
    /// - Parameters:
    ///   - before: only keys below this one; `nil` for all.
    ///   - limit: the maximum number of items.
    ///   - now: the time; what is put off until later is left out.
    public func removals(before: RemoteKey?, limit: Int, now: Timestamp) async throws -> [PendingItem] {
        let isSelective = !selection.isEverything
        return try await read { db in
            let sql = ItemReader.removalsSQL + " AND (? IS NULL OR p.key < ?) ORDER BY p.key DESC LIMIT ?"
            return try ItemReader(db, sql, isSelective: isSelective)
                .items([now, before?.text, before?.text, limit])
        }
    }

    /// What stands in the account below each of `folders`; those with more than `limit` entries are left out.
    public func extents(of folders: [RemoteKey], limit: Int) async throws -> [RemoteKey: SubtreeExtent] {
        try await read { db in
            let sql = """
                SELECT count(*), coalesce(sum(kind = 1), 0), \(Rows.sumSQL("CASE kind WHEN 1 THEN size END"))
                FROM (SELECT kind, size FROM want WHERE key >= ? AND key < ? LIMIT ?)
                """
            let statement = try db.cachedStatement(sql: sql)
            var found: [RemoteKey: SubtreeExtent] = [:]
            for folder in folders {
                let (lower, upper) = folder.below
                guard let row = try Row.fetchOne(statement, arguments: [lower, upper, limit + 1]) else { continue }
                let extent = SubtreeExtent(entries: row[0], files: row[1], bytes: row[2])
                if extent.entries <= limit { found[folder] = extent }
            }
            return found
        }
    }

    /// Files of the mirror that hold one of some contents, at most as many of each as are asked for.
    public func reuseCandidates(for needs: [ContentHash: Int]) async throws -> ReuseIndex {
        guard !needs.isEmpty else { return ReuseIndex() }
        return try await read { db in
            let sql = """
                SELECT h.key, w.key IS NULL AND \(PendingTable.isLeavingSQL) AND NOT \(Holds.isHeldSQL),
                    \(Rows.haveColumns)
                FROM have h LEFT JOIN want w ON w.key = h.key WHERE h.hash = ? AND h.kind = \(Rows.file) LIMIT ?
                """
            let statement = try db.cachedStatement(sql: sql)
            // Most contents stand nowhere yet, which this tells at a fraction of the cost.
            let holder = try RowStatement(db, "SELECT 1 FROM have WHERE hash = ?")
            var resolver = PathResolver(db: db)
            var candidates = ReuseIndex()
            for (hash, need) in needs where try holder.finds({ $0.bind(hash) }) {
                for row in try Row.fetchAll(statement, arguments: [hash.data, need]) {
                    let key = RemoteKey(row[0])
                    guard let node = try Rows.have(row, at: 2), let entry = try resolver.entry(key, node)
                    else { continue }
                    candidates.byHash[hash, default: []].append(
                        ReuseIndex.ReuseCandidate(entry: entry, isLeaving: row[1]))
                }
            }
            return candidates
        }
    }
}

/// Joins paths from the names of ancestors: where things stand (have), and where they will (want).
///
/// Of `path_display` only the last component is reliable (files.stone), so paths are never stored.
struct PathResolver {
    let db: Database
    private var known: [RemoteKey: ParentState] = [.root: .stands(.root)]

    init(db: Database) { self.db = db }

    /// Reads rows of key and have columns; rows below something that does not stand are left out.
    static func entries(_ db: Database, sql: String, arguments: StatementArguments) throws -> [LocalEntry] {
        var resolver = PathResolver(db: db)
        return try resolver.readEntries(sql, arguments, limit: .max).entries
    }

    private mutating func readEntries(_ sql: String, _ arguments: StatementArguments, limit: Int) throws
        -> (entries: [LocalEntry], hasMore: Bool)
    {
        var entries: [LocalEntry] = []
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
        while let row = try rows.next() {
            let key = RemoteKey(row[0])
            guard let node = try Rows.have(row, at: 1), let entry = try entry(key, node) else { continue }
            if entries.count == limit { return (entries, true) }
            entries.append(entry)
        }
        return (entries, false)
    }

    mutating func entry(_ key: RemoteKey, _ node: LocalNode) throws -> LocalEntry? {
        guard case .stands(let parent) = try place(of: key.parent ?? .root),
            let path = try? parent.appending(node.name)
        else { return nil }
        return LocalEntry(key: key, path: path, node: node)
    }

    /// What of ours is below a folder, deepest first, and whether there is more.
    mutating func below(_ key: RemoteKey, limit: Int) throws -> (entries: [LocalEntry], hasMore: Bool) {
        let sql = """
            SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key >= ? AND h.key < ? ORDER BY h.key DESC
            """
        let (lower, upper) = key.below
        return try readEntries(sql, [lower, upper], limit: limit)
    }

    /// Where the folder `key` stands or will stand.
    mutating func place(of key: RemoteKey) throws -> ParentState {
        if let state = known[key] { return state }
        let state = try lookUp(key)
        known[key] = state
        return state
    }

    private mutating func lookUp(_ key: RemoteKey) throws -> ParentState {
        let parent = try place(of: key.parent ?? .root)
        let have = try PendingTable.storedHave(db, key)
        if case .folder(let name, _)? = have, case .stands(let path) = parent, let here = try? path.appending(name) {
            return .stands(here)
        }
        if let have, !have.isFolder, try ItemReader.leftAlone(db, key) {
            return .impossible(key, reason: PendingItem.leftAloneReason)
        }
        let want = try PendingTable.storedWant(db, key)
        switch (want, parent) {
        case (_, .impossible): return parent
        case (.folder(let name)?, .stands(let path)), (.folder(let name)?, .wanted(let path)):
            do throws(NameProblem) {
                return .wanted(try path.appending(name))
            } catch {
                return .impossible(key, reason: error.description)
            }
        case (.unavailable(_, let why, _)?, _): return .impossible(key, reason: why.description)
        default: return .impossible(key, reason: "it is not a folder")
        }
    }
}
