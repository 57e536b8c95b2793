import GRDB
import SyncModel

/// Writes rows of the history and counts losses, in the transactions that commit the effects.
struct HistoryTable {
    private let db: Database
    private let insert: RowStatement

    init(_ db: Database) throws {
        self.db = db
        insert = try RowStatement(
            db,
            """
            INSERT INTO history (time, pass, event, path, old_path, size, files, old_rev, rev, hash, reason, key,
                old_key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
    }

    /// Adds rows, and counts what of them was lost without approval.
    func append(_ changes: [MirrorChange], pass: Int, now: Timestamp) throws {
        for change in changes {
            try insert.execute { row in
                row.bind(now)
                row.bind(Int64(pass))
                row.bind(change.kind.rawValue)
                row.bind(change.path)
                row.bindOptional(change.oldPath)
                row.bindOptional(change.size)
                row.bindOptional(change.files.map(Int64.init))
                row.bindOptional(change.oldRev?.text)
                row.bindOptional(change.rev?.text)
                if let hash = change.hash { row.bind(hash) } else { row.bindNull() }
                row.bindOptional(change.reason)
                row.bind(RemoteKey(written: change.path).text)
                row.bindOptional(change.oldPath.map { RemoteKey(written: $0).text })
            }
        }
        try count(changes, now: now)
        try ActivityTable.add(changes, now: now, db)
    }

    /// What was approved does not count, and is no longer held.
    private func count(_ changes: [MirrorChange], now: Timestamp) throws {
        let losses = changes.filter { $0.loss != nil }
        if losses.isEmpty { return }
        let hasHeld = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM held)") ?? false
        var (removals, replacements) = (0, 0)
        for change in losses {
            if hasHeld, let key = change.key {
                try db.cachedStatement(sql: "DELETE FROM held WHERE key = ?").execute(arguments: [key.text])
                if db.changesCount > 0 { continue }
            }
            if change.loss == .replacement { replacements += 1 } else { removals += 1 }
        }
        if removals + replacements == 0 { return }
        try db.cachedStatement(
            sql: """
                INSERT INTO loss (minute, removals, replacements) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET removals = removals + excluded.removals,
                    replacements = replacements + excluded.replacements
                """
        ).execute(arguments: [now.seconds / 60, removals, replacements])
    }
}

extension RowValues {
    mutating func bindOptional(_ text: String?) { if let text { bind(text) } else { bindNull() } }

    mutating func bindOptional(_ number: Int64?) { if let number { bind(number) } else { bindNull() } }
}
