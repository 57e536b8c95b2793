import FoundationEssentials
import GRDB
import SyncModel

/// Counts what is due and what was lost of late, and holds what is too much.
struct LossGuard {
    private let db: Database
    private let settings: GuardSettings
    private let now: Timestamp

    init(_ db: Database, _ settings: GuardSettings, now: Timestamp) {
        self.db = db
        self.settings = settings
        self.now = now
    }

    /// Whether anything is due at `moment` that the guard counts.
    func isNeeded(_ moment: GuardMoment) throws -> Bool {
        switch moment {
        case .removing:
            return try settings.countsRemovals && isDue([.removal])
        case .placing:
            if settings.countsRemovals, try isDue([.fileGivesWay, .folderGivesWay]) { return true }
            return try settings.overwrites != nil && isDue([.replacement])
        }
    }

    /// Holds what is too much.
    ///
    /// - Returns: the numbers of the new holds.
    func hold(_ moment: GuardMoment) throws -> [Int64] {
        try bringBackFuture()
        var ids: [Int64] = []
        if let limit = try removalLimit() {
            let due = moment == .removing ? Self.removals : Self.givingWay
            if try isTooMuch(due, limit, of: "removals") {
                ids.append(try add(due, because: lossOfShares(due) + reason("removals", limit)))
            }
        }
        if moment == .placing, let count = settings.overwrites {
            let limit = Limit(count: count, words: "guard.overwrites = \(count)")
            if try isTooMuch(Self.replacements, limit, of: "replacements") {
                ids.append(try add(Self.replacements, because: reason("replacements", limit)))
            }
        }
        return ids
    }

    /// What was lost while the clock was ahead counts as lost now.
    private func bringBackFuture() throws {
        let minute = now.seconds / 60
        try db.execute(
            sql: """
                INSERT INTO loss SELECT ?1, sum(removals), sum(replacements) FROM loss WHERE minute > ?1
                    GROUP BY minute > ?1
                ON CONFLICT DO UPDATE SET removals = removals + excluded.removals,
                    replacements = replacements + excluded.replacements
                """, arguments: [minute])
        if db.changesCount > 0 { try db.execute(sql: "DELETE FROM loss WHERE minute > ?", arguments: [minute]) }
    }

    /// Whether so many removals are more than is allowed now.
    func isTooMuch(removals count: Int) throws -> Bool {
        guard count > 0, let limit = try removalLimit() else { return false }
        return try count > room(limit, "removals")
    }

    // MARK: Limits

    /// How many may go, and the words for it.
    private struct Limit {
        var count: Int
        var words: String
    }

    /// A mirror of so few files is too small for a share of it to mean anything.
    private static let leastFiles = 100

    /// The smaller one of the two that are configured.
    private func removalLimit() throws -> Limit? {
        let fixed = settings.removals.map { Limit(count: $0, words: "guard.removals = \($0)") }
        guard let share = settings.sharePercent, share < 100 else { return fixed }
        // Beyond this many files the fixed number is the smaller one.
        let most = fixed.map { Int((Double($0.count) * 100 / max(share, 0.01)).rounded(.up)) + 1 } ?? -1
        let files = try files(upTo: most) + recent("removals")
        let allowed = Int((Double(files) * share / 100).rounded(.down))
        if files <= Self.leastFiles || allowed >= fixed?.count ?? .max { return fixed }
        return Limit(count: allowed, words: "guard.share = \"\(share.formattedPercent)\" of \(files) files")
    }

    private func files(upTo limit: Int) throws -> Int {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM have WHERE hash IS NOT NULL LIMIT ?)"
        return try Int.fetchOne(db, sql: sql, arguments: [limit]) ?? 0
    }

    /// That shared folders were left or taken away, if that is what is due, in words that stand before others.
    private func lossOfShares(_ due: String) throws -> String {
        let paths = try SharedFolders.lost(with: dueSQL(due), in: db)
        return paths.isEmpty ? "" : SharedFolders.words(paths) + "; "
    }

    private func reason(_ what: String, _ limit: Limit) -> String {
        "more \(what) within \(Self.text(settings.window)) than \(limit.words) allows"
    }

    private static func text(_ window: Duration) -> String {
        let seconds = window.components.seconds
        if seconds % 3600 == 0 { return "\(seconds / 3600) h" }
        return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }

    // MARK: Counting

    /// What is due, as conditions on rows `p` of pending and `h` of have.
    private static let removals = "p.loss = \(Loss.removal.rawValue)"
    private static let replacements = "p.loss = \(Loss.replacement.rawValue)"
    /// What has to go because something of another kind comes in its place, with what is below it.
    private static let givingWay = """
        (p.loss IN (\(Loss.fileGivesWay.rawValue), \(Loss.folderGivesWay.rawValue)) OR p.loss = \(Loss.removal.rawValue)
            AND EXISTS (SELECT 1 FROM pending f WHERE f.loss = \(Loss.folderGivesWay.rawValue)
                AND p.key > f.key || '/' AND p.key < f.key || '0'))
        """

    /// Rows of what is due and not held yet; what was held when something else stood there does not count as held.
    private func dueSQL(_ condition: String) -> String {
        """
        FROM pending p JOIN have h ON h.key = p.key LEFT JOIN want w ON w.key = p.key
        WHERE p.loss > 0 AND \(condition) AND (p.not_before IS NULL OR p.not_before <= \(now.seconds))
            AND NOT EXISTS (SELECT 1 FROM held x WHERE \(Holds.isCurrentSQL))
        """
    }

    private func isDue(_ losses: [Loss]) throws -> Bool {
        let list = losses.map { String($0.rawValue) }.joined(separator: ", ")
        return try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM pending WHERE loss IN (\(list)))") ?? false
    }

    /// The beginning of the window, in seconds since the epoch.
    private var start: Int64 { now.seconds - settings.window.components.seconds }

    /// How many files were lost within the window without approval.
    private func recent(_ column: String) throws -> Int {
        try Int.fetchOne(
            db, sql: "SELECT coalesce(sum(\(column)), 0) FROM loss WHERE minute >= ?", arguments: [start / 60]) ?? 0
    }

    /// How many more may be lost within the window.
    private func room(_ limit: Limit, _ column: String) throws -> Int { max(0, limit.count - (try recent(column))) }

    /// How many files are held since the beginning of the window, as far as `most`.
    private func heldOfLate(_ column: String, upTo most: Int) throws -> Int {
        let isReplacement = column == "replacements" ? "EXISTS" : "NOT EXISTS"
        return try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM (
                    SELECT 1 FROM hold o JOIN held x ON x.hold = o.id
                    WHERE \(Holds.isUndecidedSQL) AND o.began > ? AND x.hash IS NOT NULL
                        AND \(isReplacement) (SELECT 1 FROM want w WHERE w.key = x.key AND w.kind = 1) LIMIT ?)
                """, arguments: [start, most]) ?? 0
    }

    private func isTooMuch(_ due: String, _ limit: Limit, of column: String) throws -> Bool {
        let room = try room(limit, column)
        let sql = "SELECT count(*) FROM (SELECT 1 \(dueSQL(due)) AND h.kind = 1 LIMIT ?)"
        let count = try Int.fetchOne(db, sql: sql, arguments: [room + 1]) ?? 0
        if count == 0 { return false }
        if count <= room, try count + heldOfLate(column, upTo: room + 1) <= room { return false }
        return try due != Self.givingWay || lost(due, upTo: room + 1)
    }

    /// Whether of what gives way at least `least` files have a content that is not to stand elsewhere.
    private func lost(_ due: String, upTo least: Int) throws -> Bool {
        var coming: [Data: Int] = [:]
        let wanted = try Data.fetchCursor(
            db,
            sql: """
                SELECT w.hash FROM pending p JOIN want w ON w.key = p.key WHERE w.kind = 1 AND w.hash IS NOT NULL
                    AND p.loss <> \(Loss.replacement.rawValue)
                """)
        while let hash = try wanted.next() { coming[hash, default: 0] += 1 }
        var count = 0
        let going = try Data.fetchCursor(db, sql: "SELECT h.hash \(dueSQL(due)) AND h.kind = 1")
        while count < least, let hash = try going.next() {
            if let left = coming[hash], left > 0 { coming[hash] = left - 1 } else { count += 1 }
        }
        return count >= least
    }

    // MARK: Holding

    /// - Returns: the number of the new hold.
    private func add(_ due: String, because reason: String) throws -> Int64 {
        try db.execute(
            sql: "INSERT INTO hold (began, reason, status) VALUES (?, ?, ?)",
            arguments: [now, reason, Hold.Status.held.rawValue])
        let id = db.lastInsertedRowID
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO held (key, hold, hash, want_rev)
                SELECT p.key, ?, h.hash, w.rev \(dueSQL(due))
                """, arguments: [id])
        return id
    }
}

extension Double {
    /// "20%", "12.5%".
    fileprivate var formattedPercent: String { self == rounded() ? "\(Int(self))%" : "\(self)%" }
}
