import GRDB
import GRDBSQLite
import Glibc
import SyncModel

/// Reads the state as a whole: whether it is what was written, and whether all that is to be done is known.
///
/// Want and have are read together, in the order of their keys, so that where they differ is seen on the way.
struct Audit {
    let pending: PendingTable
    private let isListed: Statement
    private(set) var unlisted: [RemoteKey] = []
    /// What want and have were counted to hold.
    private(set) var census = [Census](repeating: Census(), count: Census.tables.count)

    /// Keys that are cured in one go.
    private static let mostUnlisted = 10_000

    init(_ pending: PendingTable) throws {
        self.pending = pending
        isListed = try pending.db.makeStatement(
            sql: """
                SELECT EXISTS (SELECT 1 FROM pending WHERE key = ?1) OR EXISTS (SELECT 1 FROM intent WHERE key = ?1)
                """)
    }

    /// Reads all of it.
    ///
    /// - Throws: `StoreError` with `.damaged`.
    static func run(_ pending: PendingTable) throws -> Audit {
        if let table = try damagedTable(pending.db) { throw StoreError.notAsWritten(table) }
        try checkShapes(pending.db)
        var audit = try Audit(pending)
        try audit.compare()
        return audit
    }

    /// The first small table that is not what was written into it.
    private static func damagedTable(_ db: Database) throws -> String? {
        try Checksums.tables.map(\.name).first { try !isRead($0) && !Checksums.isRight($0, db) }
    }

    /// The tables without a checksum: what is in them is at least what may be in them.
    private static func checkShapes(_ db: Database) throws {
        for table in [
            "pending", "intent", "finding", "unread", "pass", "checksum", "history", "loss", "trash", "census",
            "activity", "shared",
        ] {
            let found = try String.fetchOne(db, sql: "PRAGMA main.quick_check('\(table)')")
            if found != "ok" { throw StoreError.notAsWritten(table) }
        }
    }

    /// Whether a table is compared with its checksum on the way.
    private static func isRead(_ table: String) -> Bool { ["want", "have"].contains(table) }

    private mutating func compare() throws {
        let db = pending.db
        let isMarking = try Bool.fetchOne(db, sql: "SELECT marked_up_to IS NOT NULL FROM state") ?? false
        var (want, have) = (try TableReading("want", db), try TableReading("have", db))
        var (isWanted, stands) = (try want.next(), try have.next())
        while isWanted || stands {
            let order = !isWanted ? 1 : !stands ? -1 : compare(want.cells, have.cells)
            let isSame = order == 0 && Self.isSame(want.cells, have.cells)
            if !isSame && !isMarking { try look(at: order <= 0 ? want.cells : have.cells) }
            if order <= 0 {
                census[0].count(want.cells, from: 0, comes: true)
                isWanted = try want.next()
            }
            if order >= 0 {
                census[1].count(have.cells, from: 0, comes: true)
                stands = try have.next()
            }
        }
        for (table, sum) in [("want", want.sum), ("have", have.sum)] where try Checksums.stored(table, db) != sum {
            throw StoreError.notAsWritten(table)
        }
    }

    /// Less than, equal to or greater than 0, as the keys are in the order of the tables.
    private func compare(_ one: ResultCells, _ other: ResultCells) -> Int {
        let (first, second) = (one.bytes(0, isText: true), other.bytes(0, isText: true))
        guard let start = first.baseAddress, let other = second.baseAddress else { return first.count - second.count }
        let order = memcmp(start, other, min(first.count, second.count))
        return order != 0 ? Int(order) : first.count - second.count
    }

    /// Whether what is wanted stands: the columns key, name, kind, rev, size, hash and modified are the same.
    private static func isSame(_ want: ResultCells, _ have: ResultCells) -> Bool {
        (1..<7).allSatisfy { (column: Int32) in
            let type = want.type(column)
            guard have.type(column) == type else { return false }
            switch type {
            case SQLITE_INTEGER: return want.bits(column, isReal: false) == have.bits(column, isReal: false)
            case SQLITE_TEXT, SQLITE_BLOB:
                let isText = type == SQLITE_TEXT
                return want.bytes(column, isText: isText).elementsEqual(have.bytes(column, isText: isText))
            default: return type == SQLITE_NULL
            }
        }
    }

    private mutating func look(at cells: ResultCells) throws {
        guard unlisted.count < Self.mostUnlisted else { return }
        let key = String(decoding: cells.bytes(0, isText: true), as: UTF8.self)
        if try Bool.fetchOne(isListed, arguments: [key]) ?? false { return }
        if try pending.isDue(RemoteKey(key)) { unlisted.append(RemoteKey(key)) }
    }
}

extension StateStore {
    /// Reads want and have whole and compares them with their checksums; what is to be done and was not listed is
    /// listed.
    ///
    /// About a second for a million entries, in which nobody else gets at the state; memory does not grow with it.
    ///
    /// - Returns: the number of keys that were not listed.
    /// - Throws: `StoreError` with `.damaged` if something is not what was written.
    @discardableResult
    public func verifyChecksums() async throws -> Int {
        releaseMemory()  // the file is read, not what is remembered of it
        let inEffect = inEffect
        let (unlisted, miscounted) = try await read { db in
            let audit = try Audit.run(PendingTable(db, inEffect))
            let differences = try zip(Census.tables, audit.census).map { table, counted in
                try counted - (Census.stored(table, db) ?? Census())
            }
            return (audit.unlisted, differences)
        }
        if isReadOnly || unlisted.isEmpty && miscounted.allSatisfy(\.isZero) { return unlisted.count }
        return try await write { db in
            for (table, difference) in zip(Census.tables, miscounted) { try difference.add(to: table, db) }
            let pending = PendingTable(db, inEffect)
            return try unlisted.reduce(0) { try $0 + (pending.refresh($1) ? 1 : 0) }
        }
    }
}

extension StoreError {
    /// A table that is not what was written into it.
    static func notAsWritten(_ table: String) -> StoreError {
        StoreError(
            code: .damaged, message: "the table \"\(table)\" of the state file is not what was written into it",
            hint: rebuildHint)
    }
}
