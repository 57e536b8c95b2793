import GRDB
import SyncModel

/// Keeps the central invariant: a key that is selected and whose want and have differ is pending.
///
/// A key is judged by what the account holds there, and where it holds nothing by what stands.
struct PendingTable {
    let db: Database
    private let inEffect: SelectionInEffect

    init(_ db: Database, _ inEffect: SelectionInEffect) {
        self.db = db
        self.inEffect = inEffect
    }

    /// The selection that it keeps to.
    var selection: Selection { inEffect.selection }

    /// Makes `key` pending, as new, if something is to be done about it; otherwise it is no longer pending.
    ///
    /// - Returns: whether it is pending.
    @discardableResult
    func refresh(_ key: RemoteKey) throws -> Bool {
        let (due, loss) = try self.due(key)
        guard due != .nothing else {
            try db.cachedStatement(sql: "DELETE FROM pending WHERE key = ?").execute(arguments: [key.text])
            return false
        }
        try db.cachedStatement(sql: "INSERT INTO pending (key, loss) VALUES (?, ?) \(Self.asNewSQL)")
            .execute(arguments: [key.text, loss])
        if due == .addition { try markFoldersOnTheWay(to: key) }
        return true
    }

    /// Whether something is to be done about `key`.
    func isDue(_ key: RemoteKey) throws -> Bool { try due(key).due != .nothing }

    private func due(_ key: RemoteKey) throws -> (due: Due, loss: Int) {
        let answer = try Int.fetchOne(db.cachedStatement(sql: Self.isDueSQL), arguments: [key.text]) ?? 0
        return (Due(rawValue: answer % Self.lossFactor) ?? .nothing, answer / Self.lossFactor)
    }

    /// As `refresh`, for a key that was not wanted before: usually nothing stands there, which one statement can tell.
    func refreshAdded(_ key: RemoteKey) throws -> Bool {
        guard inEffect.selection.isEverything else { return try refresh(key) }
        let sql = """
            INSERT INTO pending (key) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM have h WHERE h.key = ?1) \(Self.asNewSQL)
            """
        return try RowStatement(db, sql).execute { $0.bind(key.text) } > 0 || refresh(key)
    }

    /// As `refresh`, for a key where something was placed: usually it is what is wanted, which one statement can tell.
    func refreshPlaced(_ key: RemoteKey) throws {
        let sql = """
            DELETE FROM pending WHERE key = ?1 AND EXISTS (
                SELECT 1 FROM want w JOIN have h ON h.key = w.key WHERE w.key = ?1 AND NOT \(Self.differsSQL))
            """
        if try RowStatement(db, sql).execute({ $0.bind(key.text) }) == 0 { try refresh(key) }
    }

    /// Behind an INSERT: what was pending already has had no failure yet.
    static let asNewSQL =
        "ON CONFLICT DO UPDATE SET attempts = 0, not_before = NULL, reason = NULL, parked = 0, loss = excluded.loss"

    /// The folders above something selected are made even if they are not selected themselves.
    ///
    /// The first one that stands or is pending ends it: those above it were seen to when it came.
    private func markFoldersOnTheWay(to key: RemoteKey) throws {
        if inEffect.selection.include.isEmpty { return }
        let sql = """
            INSERT INTO pending (key) SELECT w.key FROM want w LEFT JOIN have h ON h.key = w.key
            WHERE w.key = ? AND h.kind IS NOT 0 ON CONFLICT DO NOTHING
            """
        for folder in key.ancestors {
            guard inEffect.match(of: folder, isFolder: true) == .onTheWay else { return }
            try db.cachedStatement(sql: sql).execute(arguments: [folder.text])
            if db.changesCount == 0 { return }
        }
    }

    /// Of rows `w` of want and `h` of have: the opposite of `LocalNode.satisfies`, without a row to decode.
    ///
    /// An online document that comes under another key has nothing to stand for it.
    static let differsSQL = """
        ((h.key IS NOT NULL OR w.kind <> 4) AND (h.key IS NULL OR h.kind <> w.kind OR h.name <> w.name OR h.rev IS NOT w.rev OR h.size IS NOT w.size
            OR h.hash IS NOT w.hash OR h.modified IS NOT w.modified))
        """

    /// What the patterns say of a row `w` of want.
    ///
    /// What still stands where there is a document now has to go if its own name is mirrored, whatever is said of the
    /// document's file.
    static let matchOfWantSQL = """
        verdict(w.key, w.kind = 0 OR w.reason IS 'no_access', w.size,
            CASE WHEN w.reason GLOB '\(DocumentText.clash)*' AND EXISTS (SELECT 1 FROM have x WHERE x.key = w.key)
                THEN NULL ELSE w.reason END)
        """

    /// Whether something is to be done about a row `w` of want that differs from the row `h` of have.
    ///
    /// A folder on the way is kept as it is in the account where it stands, and made where something selected needs it,
    /// which has made it pending.
    static let isDueIfDiffersSQL = """
        CASE \(matchOfWantSQL) WHEN 1 THEN 1
            WHEN 2 THEN h.kind IS 0 OR EXISTS (SELECT 1 FROM pending p WHERE p.key = w.key) ELSE 0 END
        """

    /// Whether a row `h` of have that nothing is wanted of is to go: a folder stays while it holds what is left alone.
    static let isLeavingSQL = """
        (verdict(h.key, h.kind = 0, h.size, NULL) <> 0 AND NOT (h.kind = 0 AND \(holdsLeftAloneSQL)))
        """

    /// Whether something below the row `h` of have is left alone.
    static let holdsLeftAloneSQL = """
        EXISTS (SELECT 1 FROM have b WHERE b.key >= h.key || '/' AND b.key < h.key || '0'
            AND verdict(b.key, b.kind = 0, b.size, NULL) = 0)
        """

    /// Why a key is to be pending.
    private enum Due: Int {
        case nothing = 0
        case removal
        case addition
    }

    /// What is lost when it is seen to that what stands (`h`) becomes what is wanted (`w`), as `Loss`.
    ///
    /// A link that goes is no loss, nor is an export if the same revision of its document comes in another form.
    static let lossSQL = """
        CASE WHEN h.key IS NULL OR h.kind = \(Rows.link) OR w.reason GLOB 'unreadable:*' OR w.kind = 3 THEN 0
            WHEN w.key IS NULL THEN \(Loss.removal.rawValue) * (h.kind = 1 AND NOT EXISTS (
                SELECT 1 FROM want x WHERE x.reason IS NOT NULL AND x.rev = h.rev AND x.kind = 4
                    AND substr(h.key, 1, length(x.key) + 1) = x.key || '.'))
            WHEN h.kind = 0 THEN \(Loss.folderGivesWay.rawValue) * (w.kind <> 0)
            WHEN w.kind <> 1 THEN \(Loss.fileGivesWay.rawValue)
            ELSE \(Loss.replacement.rawValue) * (h.hash IS NOT w.hash) END
        """

    private static let lossFactor = 10

    /// What is to be done about the key ?1, as `Due`, and by `lossFactor` what is lost by it.
    private static let isDueSQL = """
        SELECT CASE
            WHEN w.key IS NULL THEN \(Due.removal.rawValue) * (h.key IS NOT NULL AND \(isLeavingSQL))
            WHEN NOT \(differsSQL) THEN \(Due.nothing.rawValue)
            ELSE \(Due.addition.rawValue) * (\(isDueIfDiffersSQL)) END + \(lossFactor) * \(lossSQL)
        FROM (SELECT ?1 AS key) k LEFT JOIN want w ON w.key = k.key LEFT JOIN have h ON h.key = k.key
        """

    static func storedHave(_ db: Database, _ key: RemoteKey) throws -> LocalNode? {
        let sql = "SELECT \(Rows.haveColumns) FROM have h WHERE h.key = ?"
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]).flatMap {
            try Rows.have($0, at: 0)
        }
    }

    static func storedWant(_ db: Database, _ key: RemoteKey) throws -> RemoteNode? {
        let sql = "SELECT \(Rows.wantColumns) FROM want w WHERE w.key = ?"
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]).flatMap {
            try Rows.want($0, at: 0)
        }
    }
}
