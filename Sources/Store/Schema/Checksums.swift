import FoundationEssentials
import GRDB
import GRDBSQLite
import Synchronization

/// The checksums of the tables that must be right: for each the sum of its rows' digests, in any order.
///
/// A row that comes adds its digest and a row that goes takes it away, in the same transaction. Triggers of the
/// connection see to that: no statement can forget it. Measured beside the same statements without them: 7 µs for
/// a file's rows of want and have together.
enum Checksums {
    struct Table {
        var name: String
        /// Columns that are not part of it: what is only told, or written so often that it would cost.
        var leftOut: Set<String> = []
    }

    /// A table's number is part of its rows' digests.
    static let tables = [
        Table(name: "want", leftOut: ["generation"]),
        Table(name: "have", leftOut: ["proven_at"]),
        Table(name: "outbox"),
        Table(name: "upload"),
        Table(name: "state", leftOut: ["checked_at", "in_step_as_of", "swept_at", "scrub_key", "scrub_began"]),
        Table(name: "listing"),
        Table(name: "hold"),
        Table(name: "held"),
    ]

    static func number(of table: String) -> Int? { tables.firstIndex { $0.name == table } }

    /// The columns that are part of a table's checksum, as a list for SQL, each with `prefix`.
    static func columns(of table: Table, prefix: String = "", _ db: Database) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT name FROM pragma_table_info(?) ORDER BY cid", arguments: [table.name]
        ).filter { !table.leftOut.contains($0) }.map { "\(prefix)\"\($0)\"" }
    }

    /// Computes the checksum of a table as it is: it is taken to be right.
    static func begin(_ table: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO checksum (name, value) VALUES (?, ?)",
            arguments: [table, data(try computed(table, db))])
    }

    /// The checksum that the file has of a table; `nil` if it has none that can be one.
    static func stored(_ table: String, _ db: Database) throws -> UInt128? {
        let statement = try db.cachedStatement(sql: "SELECT value FROM checksum WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [table]),
            let bytes = Data.fromDatabaseValue(row[0]), bytes.count == 16
        else { return nil }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) }
    }

    /// The checksum of a table as it is.
    static func computed(_ table: String, _ db: Database) throws -> UInt128 {
        var reading = try TableReading(table, db)
        while try reading.next() {}
        return reading.sum
    }

    /// Whether a table is what was written into it.
    static func isRight(_ table: String, _ db: Database) throws -> Bool {
        try stored(table, db) == computed(table, db)
    }

    fileprivate static func data(_ sum: UInt128) -> Data { withUnsafeBytes(of: sum.littleEndian) { Data($0) } }
}

/// What a transaction has changed of the checksums, counted by triggers of the connection.
final class Tallies: Sendable {
    private struct Changes {
        var sums = [UInt128](repeating: 0, count: Checksums.tables.count)
        var census = [Census](repeating: Census(), count: Census.tables.count)
    }

    private let changes = Mutex(Changes())

    /// Has the connection count.
    ///
    /// The triggers are the connection's own (TEMP): whoever else opens the file needs no function of ours.
    func install(in db: Database) throws {
        let code = sqlite3_create_function_v2(
            db.sqliteConnection, "tally", -1, SQLITE_UTF8, Unmanaged.passRetained(self).toOpaque(),
            { context, count, values in
                guard let values, let tallies = sqlite3_user_data(context) else { return }
                Unmanaged<Tallies>.fromOpaque(tallies).takeUnretainedValue().count(values, count)
            }, nil, nil, { $0.map { Unmanaged<Tallies>.fromOpaque($0).release() } })
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        for table in Checksums.tables {
            let number = Checksums.number(of: table.name) ?? 0
            let columns = try Checksums.columns(of: table, db).joined(separator: ", ")
            let comes =
                "tally(\(number), 1, \(try Checksums.columns(of: table, prefix: "NEW.", db).joined(separator: ", ")))"
            let goes =
                "tally(\(number), 0, \(try Checksums.columns(of: table, prefix: "OLD.", db).joined(separator: ", ")))"
            let events = [
                ("INSERT", comes), ("DELETE", goes), ("UPDATE OF \(columns)", "\(goes), \(comes)"),
            ]
            for (index, (event, tally)) in events.enumerated() {
                try db.execute(
                    sql: """
                        CREATE TEMP TRIGGER tally_\(table.name)_\(index) AFTER \(event) ON main.\(table.name)
                        BEGIN SELECT \(tally); END
                        """)
            }
        }
        // Rows that REPLACE removes are counted only then.
        try db.execute(sql: "PRAGMA recursive_triggers = ON")
    }

    /// The arguments: the table's number, whether the row comes, and its values.
    private func count(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int32) {
        let table = Int(sqlite3_value_int(values[0]))
        let cells = ArgumentCells(values: values)
        let digest = RowDigest.of(cells, 2..<count, table: table)
        let comes = sqlite3_value_int(values[1]) == 1
        changes.withLock { changes in
            guard changes.sums.indices.contains(table) else { return }
            changes.sums[table] = comes ? changes.sums[table] &+ digest : changes.sums[table] &- digest
            // The tables of which there is a census are the first ones.
            if changes.census.indices.contains(table) {
                changes.census[table].count(cells, from: 2, comes: comes)
            }
        }
    }

    /// Forgets what a transaction counted that was rolled back.
    func clear() { changes.withLock { $0 = Changes() } }

    /// Writes down what the transaction has changed so far.
    func save(in db: Database) throws {
        let taken = changes.withLock { $0 }
        clear()
        for (table, change) in zip(Census.tables, taken.census) { try change.add(to: table, db) }
        for (table, change) in zip(Checksums.tables, taken.sums) where change != 0 {
            // What is damaged stays so, to be found by who compares.
            guard let stored = try Checksums.stored(table.name, db) else { continue }
            try db.cachedStatement(sql: "UPDATE checksum SET value = ? WHERE name = ?")
                .execute(arguments: [Checksums.data(stored &+ change), table.name])
        }
    }
}

/// A table that is read from its first row to its last, with the checksum of what was read.
struct TableReading {
    private let statement: Statement
    private let columns: Int32
    private let table: Int
    private(set) var sum: UInt128 = 0

    init(_ name: String, _ db: Database) throws {
        guard let number = Checksums.number(of: name) else { preconditionFailure("\(name) has no checksum") }
        table = number
        let columns = try Checksums.columns(of: Checksums.tables[number], db)
        self.columns = Int32(columns.count)
        statement = try db.makeStatement(sql: "SELECT \(columns.joined(separator: ", ")) FROM main.\(name)")
    }

    /// The row that it is at.
    var cells: ResultCells { ResultCells(statement: statement.sqliteStatement) }

    /// Goes to the next row.
    ///
    /// - Returns: whether there is one.
    mutating func next() throws -> Bool {
        let code = sqlite3_step(statement.sqliteStatement)
        if code == SQLITE_DONE { return false }
        guard code == SQLITE_ROW else {
            let message = sqlite3_db_handle(statement.sqliteStatement).flatMap(sqlite3_errmsg).map {
                String(cString: $0)
            }
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
        }
        sum = sum &+ RowDigest.of(cells, 0..<columns, table: table)
        return true
    }
}
