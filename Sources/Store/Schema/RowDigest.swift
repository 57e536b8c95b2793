import GRDB
import GRDBSQLite

/// The values of one row, as SQLite holds them.
protocol RowCells {
    /// SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL.
    func type(_ column: Int32) -> Int32
    /// The bits of a number.
    func bits(_ column: Int32, isReal: Bool) -> UInt64
    /// The bytes of a text or BLOB, until the next row.
    func bytes(_ column: Int32, isText: Bool) -> UnsafeRawBufferPointer
}

/// The row that a statement is at.
struct ResultCells: RowCells {
    let statement: SQLiteStatement

    func type(_ column: Int32) -> Int32 { sqlite3_column_type(statement, column) }

    func bits(_ column: Int32, isReal: Bool) -> UInt64 {
        isReal
            ? sqlite3_column_double(statement, column).bitPattern
            : UInt64(bitPattern: sqlite3_column_int64(statement, column))
    }

    func bytes(_ column: Int32, isText: Bool) -> UnsafeRawBufferPointer {
        let start =
            isText
            ? UnsafeRawPointer(sqlite3_column_text(statement, column)) : sqlite3_column_blob(statement, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
    }
}

/// The arguments of an SQL function.
struct ArgumentCells: RowCells {
    let values: UnsafeMutablePointer<OpaquePointer?>

    func type(_ column: Int32) -> Int32 { sqlite3_value_type(values[Int(column)]) }

    func bits(_ column: Int32, isReal: Bool) -> UInt64 {
        isReal
            ? sqlite3_value_double(values[Int(column)]).bitPattern
            : UInt64(bitPattern: sqlite3_value_int64(values[Int(column)]))
    }

    func bytes(_ column: Int32, isText: Bool) -> UnsafeRawBufferPointer {
        let value = values[Int(column)]
        let start = isText ? UnsafeRawPointer(sqlite3_value_text(value)) : sqlite3_value_blob(value)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
    }
}

/// 128 bits that tell one row from another: any change of a value, however small, gives other ones.
///
/// Mixed by multiplication, as wyhash does. It finds what hardware does to a file; it is no defence against people.
struct RowDigest {
    private var one: UInt64
    private var other: UInt64 = 0x1656_67B1_9E37_79F9

    /// Begins a row of the table with this number.
    init(table: Int) { one = UInt64(table) &+ 0x2545_F491_4F6C_DD1D }

    /// The digest of a row.
    static func of(_ cells: some RowCells, _ columns: Range<Int32>, table: Int) -> UInt128 {
        var digest = RowDigest(table: table)
        for column in columns { digest.add(cells, column) }
        return digest.value
    }

    var value: UInt128 {
        let upper = Self.fold(one ^ other, 0x9E37_79B9_7F4A_7C15)
        return UInt128(upper) << 64 | UInt128(Self.fold(other &+ 0x27D4_EB2F_1656_67C5, one | 1))
    }

    /// Adds the type and, where its length varies, the length before the value: no two rows are written alike.
    private mutating func add(_ cells: some RowCells, _ column: Int32) {
        let type = cells.type(column)
        switch type {
        case SQLITE_INTEGER, SQLITE_FLOAT:
            add(UInt64(type))
            add(cells.bits(column, isReal: type == SQLITE_FLOAT))
        case SQLITE_TEXT, SQLITE_BLOB:
            let bytes = cells.bytes(column, isText: type == SQLITE_TEXT)
            add(UInt64(type) | UInt64(bytes.count) << 8)
            add(bytes)
        default: add(UInt64(type))
        }
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 8 <= bytes.count {
            add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        if offset == bytes.count { return }
        var last: UInt64 = 0
        for index in stride(from: bytes.count - 1, through: offset, by: -1) { last = last << 8 | UInt64(bytes[index]) }
        add(last)
    }

    private mutating func add(_ word: UInt64) {
        one = Self.fold(one ^ word, 0x9E37_79B9_7F4A_7C15) &+ other
        other = Self.fold(other ^ word, 0xC2B2_AE3D_27D4_EB4F)
    }

    private static func fold(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let product = one.multipliedFullWidth(by: other)
        return product.high ^ product.low
    }
}
