import GRDB
public import SyncModel

/// What has changed in the mirror within an hour.
public struct Activity: Hashable, Sendable {
    /// When the hour began, in UTC.
    public var begin: Timestamp
    /// Files that were put in place or replaced.
    public var placed: Int
    /// Files and folders that were removed.
    public var removed: Int
    /// Other changes: what was moved, made, set aside or restored.
    public var others: Int
    /// Bytes of what was put in place.
    public var bytes: Int64

    /// All changes.
    public var changes: Int { placed.saturating(removed).saturating(others) }

    /// Creates one.
    public init(begin: Timestamp, placed: Int = 0, removed: Int = 0, others: Int = 0, bytes: Int64 = 0) {
        self.begin = begin
        self.placed = placed
        self.removed = removed
        self.others = others
        self.bytes = bytes
    }

    /// Both together, from the begin of this one on.
    public func adding(_ other: Activity) -> Activity {
        Activity(
            begin: begin, placed: placed.saturating(other.placed), removed: removed.saturating(other.removed),
            others: others.saturating(other.others), bytes: bytes.saturatingSum(other.bytes))
    }

    /// The seconds of an hour.
    public static let hour: Int64 = 3600
    /// How many hours are kept: a month, and some.
    static let kept: Int64 = 32 * 24
}

extension Int {
    fileprivate func saturating(_ other: Int) -> Int { Int(Int64(self).saturatingSum(Int64(other))) }
}

/// Sums up the history by hours, in the transactions that write it.
enum ActivityTable {
    /// No number here is larger, so that two of them can be added.
    private static let most = Int64.max / 4

    /// Adds changes to the hour that it is.
    static func add(_ changes: [MirrorChange], now: Timestamp, _ db: Database) throws {
        var sum = Activity(begin: now)
        for change in changes { sum.count(change) }
        if sum.changes == 0 { return }
        let hour = now.seconds / Activity.hour
        let columns = ["placed", "removed", "others", "bytes"].map { "\($0) = min(\($0) + excluded.\($0), \(most))" }
        try db.cachedStatement(
            sql: """
                INSERT INTO activity (hour, placed, removed, others, bytes) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET \(columns.joined(separator: ", "))
                """
        ).execute(
            arguments: [
                hour, min(Int64(sum.placed), most), min(Int64(sum.removed), most), min(Int64(sum.others), most),
                min(sum.bytes, most),
            ])
        try db.cachedStatement(sql: "DELETE FROM activity WHERE hour < ?").execute(arguments: [hour - Activity.kept])
    }

    /// Sums up the history that is there.
    static func begin(_ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO activity (hour, placed, removed, others, bytes)
                SELECT time / \(Activity.hour),
                    \(count("event IN ('file_placed', 'folder_filled')")),
                    \(count("event IN ('file_removed', 'folder_removed', 'link_removed')")),
                    \(count("event IN ('folder_made', 'link_made', 'moved', 'set_aside', 'restored')")),
                    min(CAST(total(CASE WHEN event IN ('file_placed', 'folder_filled')
                        AND coalesce(reason, '') NOT IN (?, ?) THEN max(coalesce(size, 0), 0) ELSE 0 END) AS INTEGER), \(most))
                FROM history WHERE time > unixepoch() - \(Activity.kept * Activity.hour) GROUP BY 1
                """, arguments: [MirrorChange.sameContent, MirrorChange.stoodThere])
    }

    private static func count(_ condition: String) -> String {
        "min(CAST(total(CASE WHEN \(condition) THEN max(coalesce(files, 1), 0) ELSE 0 END) AS INTEGER), \(most))"
    }
}

extension Activity {
    fileprivate mutating func count(_ change: MirrorChange) {
        let files = max(0, change.files ?? 1)
        switch change.kind {
        case .filePlaced, .folderFilled:
            placed = placed.saturating(files)
            let isKnown = [MirrorChange.sameContent, MirrorChange.stoodThere].contains(change.reason)
            if !isKnown { bytes = bytes.saturatingSum(max(0, change.size ?? 0)) }
        case .fileRemoved, .folderRemoved, .linkRemoved: removed = removed.saturating(files)
        case .folderMade, .linkMade, .moved, .setAside, .restored: others = others.saturating(files)
        case .trashed, .held, .released, .rejected, .passDone: break
        }
    }
}

extension StateStore {
    /// What has changed in each hour from the one of `start` on, the earliest first; hours without a change are left out.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func activity(since start: Timestamp) async throws -> [Activity] {
        try await read { db in
            let sql = "SELECT hour, placed, removed, others, bytes FROM activity WHERE hour >= ? ORDER BY hour"
            return try Row.fetchAll(db, sql: sql, arguments: [start.seconds / Activity.hour]).map { row in
                let hour: Int64 = row[0]
                let (seconds, overflow) = hour.multipliedReportingOverflow(by: Activity.hour)
                return Activity(
                    begin: Timestamp(seconds: overflow ? .max : seconds), placed: row[1], removed: row[2],
                    others: row[3], bytes: row[4])
            }
        }
    }
}
