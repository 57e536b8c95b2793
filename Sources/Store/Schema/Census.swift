import FoundationEssentials
import GRDB
import GRDBSQLite

/// How many files and folders a table has, and how many bytes those files have: kept, so that nobody has to read the
/// table to tell.
///
/// What a transaction changes is counted by the triggers that count its checksums (`Tallies`). Bytes are added up in 128
/// bits: a size from outside may be absurd, and has to go away again as it came.
struct Census: Equatable, Sendable {
    var files: Int64 = 0
    var folders: Int64 = 0
    var bytes: Int128 = 0

    /// The tables that are counted; their columns begin with key, name, kind, rev and size.
    static let tables = ["want", "have"]

    var isZero: Bool { self == Census() }

    /// Takes a row in account that comes or goes, its columns from number `first` on.
    mutating func count(_ cells: some RowCells, from first: Int32, comes: Bool) {
        guard cells.type(first + 2) == SQLITE_INTEGER else { return }
        let sign: Int64 = comes ? 1 : -1
        switch cells.bits(first + 2, isReal: false) {
        case UInt64(Rows.folder): folders &+= sign
        case UInt64(Rows.file):
            files &+= sign
            let size = Int64(bitPattern: cells.bits(first + 4, isReal: false))
            bytes &+= Int128(sign) * Int128(size)
        default: break
        }
    }

    static func + (one: Census, other: Census) -> Census {
        Census(
            files: one.files &+ other.files, folders: one.folders &+ other.folders, bytes: one.bytes &+ other.bytes)
    }

    static func - (one: Census, other: Census) -> Census {
        Census(
            files: one.files &- other.files, folders: one.folders &- other.folders, bytes: one.bytes &- other.bytes)
    }
}

extension Census {
    /// What is kept of a table; `nil` if nothing is.
    static func stored(_ table: String, _ db: Database) throws -> Census? {
        let statement = try db.cachedStatement(sql: "SELECT files, folders, bytes FROM census WHERE name = ?")
        guard let row = try Row.fetchOne(statement, arguments: [table]), let files = Int64.fromDatabaseValue(row[0]),
            let folders = Int64.fromDatabaseValue(row[1]), let bytes = Data.fromDatabaseValue(row[2]), bytes.count == 16
        else { return nil }
        return Census(files: files, folders: folders, bytes: bytes.reversed().reduce(0) { $0 << 8 | Int128($1) })
    }

    /// Adds what has changed to what is kept of a table.
    func add(to table: String, _ db: Database) throws {
        if isZero { return }
        let sum = try (Self.stored(table, db) ?? Census()) + self
        let bytes = withUnsafeBytes(of: sum.bytes.littleEndian) { Data($0) }
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO census (name, files, folders, bytes) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [table, sum.files, sum.folders, bytes])
    }

    /// Counts a table, row by row.
    static func counted(_ table: String, _ db: Database) throws -> Census {
        var (census, reading) = (Census(), try TableReading(table, db))
        while try reading.next() { census.count(reading.cells, from: 0, comes: true) }
        return census
    }
}
