import FoundationEssentials
import GRDB
public import SyncModel

/// Something in the trash.
public struct TrashRow: Hashable, Sendable {
    /// Its number; what came later has a larger one.
    public var id: Int64
    /// What it is.
    public var item: KeptItem
    /// When it came there.
    public var at: Timestamp
    /// The pass that put it there.
    public var pass: Int
}

/// Writes rows of the trash.
enum TrashTable {
    static let columns = "id, path, place, reason, is_folder, rev, size, hash, modified, trashed_at, pass"

    static func insert(_ items: [KeptItem], pass: Int, now: Timestamp, in db: Database) throws {
        if items.isEmpty { return }
        let insert = try RowStatement(
            db,
            """
            INSERT INTO trash (path, place, reason, is_folder, rev, size, hash, modified, trashed_at, pass, key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        for item in items {
            try insert.execute { row in
                row.bind(item.path)
                row.bind(item.place)
                row.bind(item.reason.rawValue)
                row.bind(item.isFolder ? 1 : 0)
                row.bindOptional(item.version?.rev.text)
                row.bind(item.size)
                if let version = item.version {
                    row.bind(version.hash)
                    row.bind(version.modified)
                } else {
                    row.bindNull(times: 2)
                }
                row.bind(now)
                row.bind(Int64(pass))
                row.bind(RemoteKey(written: item.path).text)
            }
        }
    }

    static func row(_ row: Row) -> TrashRow {
        var version: FileVersion?
        if let rev: String = row[5], let bytes: Data = row[7], let hash = ContentHash(bytes: [UInt8](bytes)) {
            version = FileVersion(rev: Rev(rev), size: row[6], hash: hash, modified: row[8] ?? .epoch)
        }
        let item = KeptItem(
            path: row[1], place: row[2], reason: KeptReason(rawValue: row[3]) ?? .found, isFolder: row[4],
            version: version, size: row[6])
        return TrashRow(id: row[0], item: item, at: row[9], pass: row[10])
    }
}

extension StateStore {
    /// What is in the trash at or below a path, the oldest first.
    ///
    /// - Parameters:
    ///   - path: with a slash in front, in any case; `nil` for all.
    ///   - files: keys of more files, of which it is listed, too.
    ///   - after: only what has a larger number.
    ///   - limit: the maximum number of rows.
    /// - Throws: `StoreError` if the state file cannot be read.
    public func trash(
        at path: String? = nil, files: [RemoteKey] = [], after: Int64 = 0, limit: Int = -1
    ) async throws -> [TrashRow] {
        try await read { db in
            var (condition, arguments): (String, StatementArguments) = ("id > ?", [after])
            if let path, path != "/" {
                let key = RemoteKey(written: path)
                let more = files.map { _ in " OR key = ?" }.joined()
                condition += " AND (key = ? OR (key >= ? AND key < ?)\(more))"
                arguments += [key.text, key.below.lower, key.below.upper]
                arguments += StatementArguments(files.map(\.text))
            }
            let sql = "SELECT \(TrashTable.columns) FROM trash WHERE \(condition) ORDER BY id LIMIT ?"
            return try Row.fetchAll(db, sql: sql, arguments: arguments + [limit]).map(TrashTable.row)
        }
    }

    /// How much is in the trash: items, and bytes.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func trashExtent() async throws -> (items: Int, bytes: Int64) {
        try await read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT count(*), \(Rows.sumSQL("size")) FROM trash") else {
                return (0, 0)
            }
            return (row[0], row[1])
        }
    }

    /// The places of what is kept below a folder.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func trashPlaces(below top: String) async throws -> Set<String> {
        try await read { db in
            let sql = "SELECT place FROM trash WHERE place >= ? AND place < ?"
            return Set(try String.fetchAll(db, sql: sql, arguments: [top + "/", top + "0"]))
        }
    }

    /// What was displaced and may yet be reused before it comes into the trash.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func displaced() async throws -> [TrashRow] {
        try await read { db in
            let sql =
                "SELECT \(TrashTable.columns) FROM trash WHERE place >= 'spared/' AND place < 'spared0' ORDER BY id"
            return try Row.fetchAll(db, sql: sql).map(TrashTable.row)
        }
    }

    /// Notes where something in the trash is now, or that it is not there any more.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func moveTrash(_ id: Int64, to place: String?) async throws {
        guard let place else { return try await forgetTrash([id]) }
        try await write {
            try $0.execute(sql: "UPDATE trash SET place = ? WHERE id = ?", arguments: [place, id])
        }
    }

    /// Forgets what is no longer in the trash.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func forgetTrash(_ ids: [Int64]) async throws {
        if ids.isEmpty { return }
        try await write { db in
            let statement = try RowStatement(db, "DELETE FROM trash WHERE id = ?")
            for id in ids { try statement.execute { $0.bind(id) } }
        }
    }
}
