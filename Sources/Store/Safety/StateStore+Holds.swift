import GRDB
public import SyncModel

/// When the guard looks at what is to be done.
public enum GuardMoment: Sendable {
    /// Before anything is replaced, by another content or by something of another kind.
    case placing
    /// Before anything is removed: what was only moved stands elsewhere by now.
    case removing
}

/// What the guard has found.
public struct FoundLoss: Sendable {
    /// The new holds; none if nothing was added.
    public var holds: [Hold] = []
    /// Which shared folders that stand in the mirror were left or taken away, in words; `nil` if none was, or that was
    /// told before.
    public var shares: String?
}

extension StateStore {
    /// Holds what is due and more than the guard allows, all of it, before any of it is done.
    ///
    /// - Parameters:
    ///   - moment: what is about to be done.
    ///   - settings: what the guard allows.
    ///   - pass: the pass, for the history.
    ///   - now: the time.
    /// - Returns: what is new.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func guardAgainstLoss(
        _ moment: GuardMoment, _ settings: GuardSettings, pass: Int, now: Timestamp
    ) async throws -> FoundLoss {
        let isNeeded = try await read { db in
            let isTooMuch = try LossGuard(db, settings, now: now).isNeeded(moment)
            return try SharedFolders.hasUntold(db) || isTooMuch
        }
        guard isNeeded else { return FoundLoss() }
        return try await write { db in
            let shares = try SharedFolders.tell(in: db)
            let ids = try LossGuard(db, settings, now: now).hold(moment)
            let holds = try ids.compactMap { try Holds.hold($0, db) }
            try HistoryTable(db).append(
                holds.map {
                    MirrorChange(
                        .held, path: $0.folder, size: $0.bytes, files: $0.files, reason: "hold \($0.id): \($0.reason)")
                }, pass: pass, now: now)
            return FoundLoss(holds: holds, shares: shares.isEmpty ? nil : SharedFolders.words(shares))
        }
    }

    /// Whether so many removals would be held.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func wouldHold(removals count: Int, _ settings: GuardSettings, now: Timestamp) async throws -> Bool {
        guard settings.countsRemovals else { return false }
        return try await read { try LossGuard($0, settings, now: now).isTooMuch(removals: count) }
    }

    /// Forgets what is held and no longer to be done, and approves what was held long enough.
    ///
    /// - Returns: the holds that were approved because of their age.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func tidyHolds(_ settings: GuardSettings, pass: Int, now: Timestamp) async throws -> [Hold] {
        guard try await hasHolds() else { return [] }
        let inEffect = inEffect
        try await write { db in
            try Holds.giveUpRest(PendingTable(db, inEffect))
            try db.execute(sql: Holds.forgetStaleSQL)
            let ended = try Int64.fetchAll(db, sql: Holds.endedSQL)
            try HistoryTable(db).append(
                ended.map {
                    MirrorChange(.released, path: "/", reason: "hold \($0) has ended: nothing of it is left to be held")
                }, pass: pass, now: now)
            try db.execute(sql: Holds.forgetEmptySQL)
        }
        guard let after = settings.releaseAfter else { return [] }
        let due = try await holds().filter {
            $0.status == .held && now.seconds(since: $0.began) >= after.components.seconds
        }
        for hold in due { try await decide(hold.id, .approve, because: "guard.release_after", pass: pass, now: now) }
        return due
    }

    /// Whether anything is held, or decided and not done.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func hasHolds() async throws -> Bool {
        try await read { try Bool.fetchOne($0, sql: "SELECT EXISTS (SELECT 1 FROM hold)") ?? false }
    }

    /// What is held, or decided and not done; the oldest first.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func holds() async throws -> [Hold] {
        try await read { db in
            try Int64.fetchAll(db, sql: Holds.idsSQL).compactMap { try Holds.hold($0, db) }
        }
    }

    /// The paths of a hold, in the order of their keys.
    ///
    /// - Parameters:
    ///   - id: the hold's number.
    ///   - after: only keys above this one.
    ///   - limit: the maximum number of paths.
    /// - Returns: the paths, and the last one's key; `nil` if there are none.
    /// - Throws: `StoreError` if the state file cannot be read.
    public func heldPaths(
        of id: Int64, after: RemoteKey?, limit: Int
    ) async throws -> (paths: [HeldPath], last: RemoteKey?) {
        try await read { db in
            let sql = """
                SELECT x.key, coalesce(h.kind = 0, 0), w.kind IS 1, coalesce(h.size, 0) FROM held x
                LEFT JOIN have h ON h.key = x.key LEFT JOIN want w ON w.key = x.key
                WHERE x.hold = ? AND x.key > ? ORDER BY x.key LIMIT ?
                """
            let rows = try Row.fetchAll(db, sql: sql, arguments: [id, after?.text ?? "", limit])
            let paths = try rows.map { row in
                HeldPath(
                    path: try displayPath(db, RemoteKey(row[0])), isFolder: row[1], isReplacement: row[2], size: row[3])
            }
            return (paths, (rows.last?[0] as String?).map { RemoteKey($0) })
        }
    }

    /// Approves or rejects what is held.
    ///
    /// What was to be removed and is rejected is forgotten: the files stay, as strangers. Doing it twice does no harm.
    ///
    /// - Parameters:
    ///   - id: the hold's number.
    ///   - verdict: what is decided.
    ///   - reason: by whom or by what.
    ///   - pass: the pass, for the history.
    ///   - now: the time.
    /// - Returns: the hold as it was; `nil` if there is none of that number that is still held.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    @discardableResult
    public func decide(
        _ id: Int64, _ verdict: Verdict, because reason: String, pass: Int = 0, now: Timestamp
    ) async throws -> Hold? {
        let inEffect = inEffect
        return try await write { db in
            guard let hold = try Holds.hold(id, db), hold.status == .held else { return nil }
            let status: Hold.Status = verdict == .approve ? .approved : .rejected
            try db.execute(
                sql: "UPDATE hold SET status = ?, decided = ? WHERE id = ?", arguments: [status.rawValue, now, id])
            switch verdict {
            case .approve: try Holds.retryBelow(id, db)
            case .reject: try Holds.giveUp(id, PendingTable(db, inEffect))
            }
            let (kind, word): (ChangeKind, String) =
                verdict == .approve ? (.released, "approved") : (.rejected, "rejected")
            try HistoryTable(db).append(
                [
                    MirrorChange(
                        kind, path: hold.folder, size: hold.bytes, files: hold.files,
                        reason: "hold \(id) \(word): \(reason)")
                ], pass: pass, now: now)
            return hold
        }
    }
}

/// Reads and changes holds.
enum Holds {
    /// Of a row `o` of hold: whether what it holds is not to be touched.
    static let isInForceSQL = "o.status <> \(Hold.Status.approved.rawValue)"

    /// Of a row `o` of hold: whether nobody has decided about it.
    static let isUndecidedSQL = "o.status = \(Hold.Status.held.rawValue)"

    /// The holds that have paths left.
    static let idsSQL = "SELECT id FROM hold o WHERE EXISTS (SELECT 1 FROM held x WHERE x.hold = o.id) ORDER BY id"

    /// Of rows `x` of held, `h` of have and `w` of want, or none: whether it is about what stands there, and about what
    /// is wanted in its place.
    static let isCurrentSQL = "x.key = h.key AND x.hash IS h.hash AND x.want_rev IS w.rev"

    /// Of a row `h` of have and a row `w` of want, or none: whether it is held, or was rejected.
    static let isHeldSQL = """
        EXISTS (SELECT 1 FROM held x JOIN hold o ON o.id = x.hold WHERE \(isCurrentSQL) AND \(isInForceSQL))
        """

    /// Of a row `h` of have: whether it is a folder that something held stands in.
    static let holdsHeldSQL = """
        (h.kind = 0 AND EXISTS (SELECT 1 FROM held x JOIN hold o ON o.id = x.hold
            WHERE x.key > h.key || '/' AND x.key < h.key || '0' AND \(isInForceSQL)))
        """

    /// Holds that nobody has decided about, and of whose paths none is of concern any more.
    static let endedSQL = """
        SELECT id FROM hold o WHERE \(isUndecidedSQL) AND NOT EXISTS (SELECT 1 FROM held x WHERE x.hold = o.id)
        """

    /// Holds whose paths are all done or of no concern any more are done with.
    static let forgetEmptySQL = "DELETE FROM hold WHERE NOT EXISTS (SELECT 1 FROM held x WHERE x.hold = hold.id)"

    /// What stands there now, or what would replace it, is not what was held, or it is left alone.
    static let forgetStaleSQL = """
        DELETE FROM held WHERE NOT EXISTS (
            SELECT 1 FROM have h JOIN pending p ON p.key = h.key LEFT JOIN want w ON w.key = h.key
            WHERE h.key = held.key AND h.hash IS held.hash AND w.rev IS held.want_rev
                AND (h.kind = 0 AND w.kind IS NOT 0 OR (\(PendingTable.lossSQL)) > 0))
        """

    static func hold(_ id: Int64, _ db: Database) throws -> Hold? {
        let sql = """
            SELECT o.began, o.reason, o.status, coalesce(sum(h.kind = 1), 0), coalesce(sum(w.kind = 1), 0),
                coalesce(sum(h.kind = 0), 0), \(Rows.sumSQL("h.size")), min(x.key), max(x.key)
            FROM hold o LEFT JOIN held x ON x.hold = o.id LEFT JOIN have h ON h.key = x.key
                LEFT JOIN want w ON w.key = x.key
            WHERE o.id = ? GROUP BY o.id
            """
        return try Row.fetchOne(db, sql: sql, arguments: [id]).map { row in
            let keys = [row[7] as String?, row[8] as String?].compactMap { $0.map { RemoteKey($0) } }
            return try Hold(
                id: id, began: row[0], reason: row[1], status: Hold.Status(rawValue: row[2]) ?? .held, files: row[3],
                replacements: row[4], folders: row[5], bytes: row[6],
                folder: displayPath(db, commonFolder(of: keys)).orRoot)
        }
    }

    /// The lowest folder above the first and the last of some keys, and so above all between them.
    private static func commonFolder(of keys: [RemoteKey]) -> RemoteKey {
        guard let first = keys.first, let last = keys.last else { return .root }
        let above = Set(last.ancestors)
        if above.contains(first) { return first }
        return first.ancestors.filter(above.contains).max { $0.text.utf8.count < $1.text.utf8.count } ?? .root
    }

    /// Makes due what waited for a folder whose place was held.
    static func retryBelow(_ id: Int64, _ db: Database) throws {
        let sql = "SELECT x.key FROM held x JOIN want w ON w.key = x.key WHERE x.hold = ? AND w.kind = 0"
        for key in try String.fetchAll(db, sql: sql, arguments: [id]) {
            let (lower, upper) = RemoteKey(key).below
            try db.cachedStatement(
                sql: "UPDATE pending SET not_before = NULL WHERE parked = 0 AND key >= ? AND key < ?"
            ).execute(arguments: [lower, upper])
        }
    }
}

extension String {
    /// The path of the mirror's root has no name of its own.
    fileprivate var orRoot: String { isEmpty || self == "//" ? "/" : self }
}
