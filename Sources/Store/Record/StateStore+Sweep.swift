import FoundationEssentials
import GRDB
public import SyncModel

/// Entries recorded in `have` for one folder: all of them, or a part of a large folder.
public struct FolderPage: Sendable {
    /// The folder.
    public var folder: RemoteKey
    /// Where it stands.
    public var path: MirrorPath
    /// What is recorded to stand directly in it, in ascending order of keys.
    public var entries: [KnownEntry]
    /// Whether no page of the folder came before.
    public var isFirst: Bool
    /// Whether no page of the folder comes after.
    public var isLast: Bool
}

/// How far a comparison of the mirror with have has got.
public struct SweepPosition: Hashable, Sendable {
    /// The folder that is next, or not finished.
    public var folder: RemoteKey
    /// Where in it to go on; `nil` at its beginning.
    public var from: String?

    /// The first folder of all.
    public static let start = SweepPosition(folder: .root, from: nil)
}

extension StateStore {
    /// Entries recorded in `have`, folder by folder: at most about `limit` entries at a time.
    ///
    /// Folders that do not stand according to have are left out.
    ///
    /// - Returns: the entries, and where to go on; `nil` when every folder was read.
    public func folderPages(from position: SweepPosition, limit: Int) async throws
        -> (pages: [FolderPage], next: SweepPosition?)
    {
        try await read { db in
            var reader = FolderReader(db)
            return try reader.pages(from: position, limit: limit)
        }
    }

    /// Entries recorded in `have` for one folder, page by page.
    ///
    /// - Returns: `nil` if it does not stand according to have.
    public func folderPage(of folder: RemoteKey, from start: String?, limit: Int) async throws
        -> (page: FolderPage, next: String?)?
    {
        try await read { db in
            var reader = FolderReader(db)
            return try reader.page(of: folder, from: start, limit: limit)
        }
    }

    /// The names that are wanted directly in a folder.
    public func wantedNames(in folder: RemoteKey) async throws -> NameSet {
        try await read { try FolderReader.names($0, "want", in: folder) }
    }

    /// Notes that a complete comparison of the mirror with have began at `time`.
    ///
    /// What an earlier one has found in folders that do not stand any more is forgotten. What reading a file has found
    /// stays until it is read again.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func markSwept(asOf time: Timestamp) async throws {
        try await write { db in
            try db.execute(
                sql: """
                    DELETE FROM finding WHERE folder <> ''
                        AND NOT EXISTS (SELECT 1 FROM have h WHERE h.key = finding.folder)
                    """)
            try db.execute(sql: "UPDATE state SET swept_at = ?", arguments: [time])
        }
    }

    /// When the last complete comparison of the mirror with have began; `nil` for never.
    public func sweptAt() async throws -> Timestamp? {
        try await read { try Timestamp.fetchOne($0, sql: "SELECT swept_at FROM state") }
    }
}

/// Reads entries of folders inside one transaction.
struct FolderReader {
    private let db: Database
    private var resolver: PathResolver

    init(_ db: Database) {
        self.db = db
        resolver = PathResolver(db: db)
    }

    private static let childrenSQL = """
        SELECT key, name, kind, size, inode, mtime_ns, CASE kind WHEN \(Rows.link) THEN hash END
        FROM have WHERE key >= ? AND key < ? ORDER BY key
        """

    mutating func pages(from position: SweepPosition, limit: Int) throws -> (pages: [FolderPage], next: SweepPosition?)
    {
        var pages: [FolderPage] = []
        var left = limit
        var folder: RemoteKey? = position.folder
        var start = position.from
        while let here = folder {
            if let (page, next) = try page(of: here, from: start, limit: max(1, left)) {
                left -= page.entries.count + 1
                pages.append(page)
                if let next { return (pages, SweepPosition(folder: here, from: next)) }
            }
            start = nil
            folder = try self.folder(after: here)
            if left <= 0, let folder { return (pages, SweepPosition(folder: folder, from: nil)) }
        }
        return (pages, nil)
    }

    private func folder(after key: RemoteKey) throws -> RemoteKey? {
        let sql = "SELECT key FROM have WHERE key > ? AND kind = \(Rows.folder) ORDER BY key LIMIT 1"
        return try String.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]).map { RemoteKey($0) }
    }

    mutating func page(of folder: RemoteKey, from start: String?, limit: Int) throws
        -> (page: FolderPage, next: String?)?
    {
        guard case .stands(let path) = try resolver.place(of: folder) else { return nil }
        var entries: [KnownEntry] = []
        let next = try Self.forEachChild(db, sql: Self.childrenSQL, folder: folder, from: start) { row, key in
            if entries.count == limit { return false }
            entries.append(
                KnownEntry(
                    key: key, name: FileName(row[1]), isFolder: row[2] == Rows.folder,
                    print: Fingerprint(
                        inode: UInt64(bitPattern: row[4] ?? 0), size: row[3] ?? 0, modifiedNanoseconds: row[5] ?? 0),
                    link: (row[6] as Data?).flatMap { ContentHash(bytes: [UInt8]($0)) }))
            return true
        }
        let page = FolderPage(
            folder: folder, path: path, entries: entries, isFirst: start == nil, isLast: next == nil)
        return (page, next)
    }

    /// The names in a folder of `table`, which is want or have.
    static func names(_ db: Database, _ table: String, in folder: RemoteKey) throws -> NameSet {
        var names = NameSet()
        // An online document that comes under another name is to stand nowhere under its own.
        let sql = """
            SELECT key, name FROM \(table) WHERE key >= ? AND key < ? AND kind <> \(Rows.exported) ORDER BY key
            """
        _ = try forEachChild(db, sql: sql, folder: folder, from: nil) { row, _ in
            names.insert(FileName(row[1]))
            return true
        }
        return names
    }

    /// Hands the rows of what stands directly in a folder to `take`, until that says no; what stands deeper is skipped.
    ///
    /// - Returns: the key of the row that was refused.
    static func forEachChild(
        _ db: Database, sql: String, folder: RemoteKey, from: String?, take: (Row, RemoteKey) throws -> Bool
    ) throws -> String? {
        let (lower, upper) = folder.below
        let statement = try db.cachedStatement(sql: sql)
        var start: String? = from ?? lower
        while let bound = start {
            start = nil
            let rows = try Row.fetchCursor(statement, arguments: [bound, upper])
            while let row = try rows.next() {
                let key = RemoteKey(row[0])
                if let child = key.child(of: folder) {
                    start = child.below.upper
                    break
                }
                if try !take(row, key) { return key.text }
            }
        }
        return nil
    }
}
