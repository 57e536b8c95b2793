import GRDB
import GRDBSQLite
import SyncModel

/// A statement that one transaction executes for thousands of rows.
///
/// GRDB boxes each argument and looks after each execution, which for such statements takes longer than SQLite itself.
/// This binds and steps by SQLite's C interface (sqlite.org/c3ref/bind_blob.html); no observer of the database is told.
struct RowStatement {
    private let statement: Statement

    init(_ db: Database, _ sql: String) throws { statement = try db.cachedStatement(sql: sql) }

    /// Executes it with the values that `bind` gives, and tells how many rows it has changed.
    @discardableResult
    func execute(_ bind: (inout RowValues) -> Void) throws -> Int {
        _ = try step(bind)
        return Int(sqlite3_changes(sqlite3_db_handle(statement.sqliteStatement)))
    }

    /// Whether it finds a row.
    func finds(_ bind: (inout RowValues) -> Void) throws -> Bool { try step(bind) }

    /// One step, to the first row if there is one.
    private func step(_ bind: (inout RowValues) -> Void) throws -> Bool {
        let raw = statement.sqliteStatement
        sqlite3_reset(raw)
        defer { sqlite3_reset(raw) }
        var values = RowValues(raw)
        bind(&values)
        // What is not bound keeps the value of the row before.
        precondition(values.count == sqlite3_bind_parameter_count(raw), "values do not fit \(statement.sql)")
        let code = values.result == SQLITE_OK ? sqlite3_step(raw) : values.result
        guard code == SQLITE_ROW || code == SQLITE_DONE else {
            let message = sqlite3_db_handle(raw).flatMap(sqlite3_errmsg).map { String(cString: $0) }
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
        }
        return code == SQLITE_ROW
    }
}

/// Gives a statement its values, in the order of its parameters, all of them.
struct RowValues {
    private let statement: SQLiteStatement
    private(set) var count: Int32 = 0
    /// The first refusal.
    private(set) var result = SQLITE_OK

    /// SQLite copies what it is given.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    fileprivate init(_ statement: SQLiteStatement) { self.statement = statement }

    mutating func bind(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            let start = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
            next {
                start == nil
                    ? sqlite3_bind_text($0, $1, "", 0, nil)
                    : sqlite3_bind_text($0, $1, start, Int32(bytes.count), Self.copied)
            }
        }
    }

    mutating func bind(_ number: Int64) { next { sqlite3_bind_int64($0, $1, number) } }

    mutating func bind(_ moment: Timestamp) { bind(moment.seconds) }

    mutating func bind(_ hash: ContentHash) {
        hash.bytes.withUnsafeBytes { bytes in
            next { sqlite3_bind_blob($0, $1, bytes.baseAddress, Int32(bytes.count), Self.copied) }
        }
    }

    mutating func bindNull(times: Int = 1) {
        for _ in 0..<times { next { sqlite3_bind_null($0, $1) } }
    }

    private mutating func next(_ bind: (SQLiteStatement, Int32) -> Int32) {
        count += 1
        let code = bind(statement, count)
        if result == SQLITE_OK { result = code }
    }
}
