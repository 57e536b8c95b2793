import GRDB
import SyncModel

/// Reads pending items by a statement that gives rows of key, want columns, have columns.
final class ItemReader {
    /// Selects items that are wanted, due and not held.
    ///
    /// Its argument is the time now; callers append conditions on the key.
    static let additionsSQL = """
        SELECT p.key, \(Rows.wantColumns), \(Rows.haveColumns), p.attempts
        FROM pending p JOIN want w ON w.key = p.key LEFT JOIN have h ON h.key = p.key
        WHERE (p.not_before IS NULL OR p.not_before <= ?)
            AND (h.key IS NULL OR NOT (\(Holds.isHeldSQL) OR w.kind <> 0 AND \(Holds.holdsHeldSQL)))
        """

    /// Selects items that are not wanted, due and not held, none while want is not complete.
    ///
    /// Its argument is the time now; callers append conditions on the key.
    static let removalsSQL = """
        SELECT p.key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \(Rows.haveColumns), p.attempts
        FROM pending p LEFT JOIN have h ON h.key = p.key LEFT JOIN want w ON w.key = p.key
        WHERE (p.not_before IS NULL OR p.not_before <= ?)
            AND w.key IS NULL AND \(Rows.isCompleteSQL)
            AND (h.key IS NULL OR NOT (\(Holds.isHeldSQL) OR \(Holds.holdsHeldSQL)))
        """

    private let db: Database
    private let sql: String
    private let isSelective: Bool
    /// How many descendants of folders may still be read.
    private var remaining: Int
    private var resolver: PathResolver

    init(_ db: Database, _ sql: String, isSelective: Bool, below limit: Int = 0) {
        self.db = db
        self.sql = sql
        self.isSelective = isSelective
        remaining = limit
        resolver = PathResolver(db: db)
    }

    /// The items of one execution.
    func items(_ arguments: StatementArguments) throws -> [PendingItem] {
        var items: [PendingItem] = []
        let rows = try Row.fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
        while let row = try rows.next() {
            let key = RemoteKey(row[0])
            let have = try Rows.have(row, at: 8)
            var item = PendingItem(
                key: key, want: try Rows.want(row, at: 1), entry: nil, below: [],
                parent: try resolver.place(of: key.parent ?? .root))
            item.failures = row[16]
            if let have { item.entry = try resolver.entry(key, have) }
            if isSelective, item.kindFlips || item.want == nil { item.holdsLeftAlone = try Self.leftAlone(db, key) }
            if item.kindFlips && !item.holdsLeftAlone {
                (item.below, item.hasMoreBelow) = try resolver.below(key, limit: remaining)
                remaining -= item.below.count
            }
            items.append(item)
        }
        return items
    }

    /// Whether what stands at `key`, or something below it, is left alone.
    static func leftAlone(_ db: Database, _ key: RemoteKey) throws -> Bool {
        let sql = """
            SELECT verdict(h.key, h.kind = 0, h.size, NULL) = 0 OR (h.kind = 0 AND \(PendingTable.holdsLeftAloneSQL))
            FROM have h WHERE h.key = ?
            """
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]) ?? false
    }
}
