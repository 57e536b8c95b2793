import GRDB
public import SyncModel

/// Where dbxsync stands with the account.
public struct Progress: Hashable, Sendable {
    /// What the state is about; `nil` before the first sign-in was seen.
    public var origin: Origin?
    /// The mirror the state is about; `nil` before the first start.
    public var mirrorID: String?
    /// The cursor; `nil` if a listing has to begin.
    public var cursor: SyncModel.Cursor?
    /// Whether a full listing is under way.
    public var isListing: Bool
    /// Whether the page that was recorded last announced another one.
    public var hasMore: Bool
    /// Whether want is all of the account as of some time, so that what is not in it may be removed.
    public var isComplete: Bool { !isListing && !hasMore }
    /// Whether any full listing was ever completed.
    public var everListed: Bool
    /// When the last full listing was completed.
    public var listedAt: Timestamp?
    /// When Dropbox was last asked for changes.
    public var checkedAt: Timestamp?
    /// The time for which the mirror is known to equal the account.
    public var inStepAsOf: Timestamp?
    /// Whether pending is still being made to keep to a new selection.
    public var isMarking: Bool
}

extension Progress {
    /// How far ahead of the clock a time may be, in seconds, that was taken by the same clock.
    static let tolerance: Int64 = 60

    /// A time that was taken by a clock; `nil` if it is in the future, because the clock was ahead then: when that was
    /// nobody knows.
    public static func known(_ time: Timestamp, now: Timestamp) -> Timestamp? {
        time <= now + tolerance ? time : nil
    }

    /// Forgets the times that are in the future.
    public mutating func forgetFuture(now: Timestamp) {
        listedAt = listedAt.flatMap { Self.known($0, now: now) }
        checkedAt = checkedAt.flatMap { Self.known($0, now: now) }
        inStepAsOf = inStepAsOf.flatMap { Self.known($0, now: now) }
    }
}

extension StateStore {
    /// Makes due what waits for a time that no waiting can come to: it was chosen when the clock was ahead.
    ///
    /// - Parameter now: the time.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func retryWhatWaitsTooLong(now: Timestamp) async throws {
        let latest = now + 2 * Self.parkedFor
        let isNeeded = try await read {
            try Bool.fetchOne(
                $0, sql: "SELECT EXISTS (SELECT 1 FROM pending WHERE not_before > ?)", arguments: [latest])
        }
        guard isNeeded == true else { return }
        try await write {
            try $0.execute(sql: "UPDATE pending SET not_before = NULL WHERE not_before > ?", arguments: [latest])
        }
    }

    /// Where dbxsync stands.
    public func progress() async throws -> Progress {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT account, remote_root, mirror_id, cursor, listing, ever_listed, listed_at, checked_at,
                        in_step_as_of, account_name, root_id, marked_up_to IS NOT NULL, has_more FROM state
                    """)
            guard let row else { throw StoreError(code: .damaged, message: "the state file has no state row") }
            let cursor = (row[3] as String?).map { SyncModel.Cursor($0) }
            let origin = (row[0] as String?).map {
                Origin(account: $0, accountName: row[9] ?? "", folder: row[1] ?? "", folderID: row[10] ?? "")
            }
            let isListing: Bool = row[4] ?? true
            let everListed: Bool = row[5] ?? false
            return Progress(
                origin: origin, mirrorID: row[2], cursor: cursor,
                isListing: isListing, hasMore: row[12], everListed: everListed, listedAt: row[6], checkedAt: row[7],
                inStepAsOf: row[8], isMarking: row[11])
        }
    }

    /// Binds the state to a mirror; later starts must find the same one.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func bind(mirrorID: String) async throws {
        if try await progress().mirrorID == mirrorID { return }
        try await write { try $0.execute(sql: "UPDATE state SET mirror_id = ?", arguments: [mirrorID]) }
    }

    /// Binds the state to what it is a mirror of.
    ///
    /// If the same folder has another path now, it is listed anew: the cursor is for the old one.
    ///
    /// - Returns: whether it has another path.
    /// - Throws: `StoreError` with `code` `.otherOwner` if it is about something else: its removals would be wrong.
    @discardableResult
    public func bind(_ origin: Origin) async throws -> Bool {
        let known = try await progress().origin
        if known == origin { return false }
        if let refusal = known?.refusal(of: origin) { throw refusal }
        let isElsewhere = known.map { $0.folder != origin.folder } ?? false
        try await write {
            if isElsewhere { try StateStore.beginRelist($0) }
            try $0.execute(
                sql: "UPDATE state SET account = ?, account_name = ?, remote_root = ?, root_id = ?",
                arguments: [origin.account, origin.accountName, origin.folder, origin.folderID])
        }
        return isElsewhere
    }

    /// Notes that the mirror equalled the account at `time`, unless something is still to be done.
    ///
    /// - Returns: whether it does.
    @discardableResult
    public func markInStep(asOf time: Timestamp) async throws -> Bool {
        try await write { db in
            try db.execute(sql: StateStore.markInStepSQL, arguments: [time])
            return db.changesCount > 0
        }
    }

    static let markInStepSQL = """
        UPDATE state SET in_step_as_of = ?
        WHERE listing = 0 AND marked_up_to IS NULL AND NOT EXISTS (SELECT 1 FROM pending WHERE parked = 0)
            AND NOT EXISTS (SELECT 1 FROM finding WHERE unproven <> '[]')
        """

    /// The earliest time, after `start` if one is given, at which something that waits is to be tried again.
    public func nextRetry(after start: Timestamp? = nil) async throws -> Timestamp? {
        try await read {
            let sql = "SELECT min(not_before) FROM pending WHERE not_before > ?"
            return try Timestamp.fetchOne($0, sql: sql, arguments: [start ?? .distantPast])
        }
    }

    /// Makes everything that waits for a later try due now.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func retryAll() async throws {
        try await write {
            try $0.execute(sql: "UPDATE pending SET not_before = NULL WHERE not_before IS NOT NULL AND parked = 0")
        }
    }
}
