public import GRDB
public import SyncModel

/// In the state file a moment is an integer: its seconds since the epoch.
extension Timestamp: DatabaseValueConvertible, StatementColumnConvertible {
    /// The integer.
    public var databaseValue: DatabaseValue { seconds.databaseValue }

    /// Reads the integer.
    public static func fromDatabaseValue(_ value: DatabaseValue) -> Timestamp? {
        Int64.fromDatabaseValue(value).map(Timestamp.init(seconds:))
    }

    /// Reads the integer of a column.
    public init(sqliteStatement: SQLiteStatement, index: CInt) {
        self.init(seconds: Int64(sqliteStatement: sqliteStatement, index: index))
    }
}
