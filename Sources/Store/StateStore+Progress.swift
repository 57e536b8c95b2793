import GRDB
public import SyncModel

/// Where dbxsync stands with the account.
public struct Progress: Hashable, Sendable {
    /// The account the state is about, `dbid:…`; `nil` before the first sign-in was seen.
    public var account: String?
    /// Whose account it is, name and address; `nil` as above.
    public var accountName: String?
    /// The Dropbox folder the state is about; `nil` before the first pass.
    public var remoteRoot: String?
    /// The mirror the state is about; `nil` before the first start.
    public var mirrorID: String?
    /// The cursor; `nil` if a listing has to begin.
    public var cursor: SyncModel.Cursor?
    /// Whether a full listing is under way.
    public var isListing: Bool
    /// Whether any full listing was ever completed.
    public var everListed: Bool
    /// When the last full listing was completed, seconds since the epoch.
    public var listedAt: Int64?
    /// When Dropbox was last asked for changes, seconds since the epoch.
    public var checkedAt: Int64?
    /// The time for which the mirror is known to equal the account, seconds since the epoch.
    public var inStepAsOf: Int64?
}

extension StateStore {
    /// Where dbxsync stands.
    public func progress() async throws -> Progress {
        try await read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT account, remote_root, mirror_id, cursor, listing, ever_listed, listed_at, checked_at,
                        in_step_as_of, account_name FROM state
                    """)
            guard let row else { throw StoreError(code: .damaged, message: "the state file has no state row") }
            let cursor = (row[3] as String?).map { SyncModel.Cursor($0) }
            let account: String? = row[0]
            let isListing: Bool = row[4] ?? true
            let everListed: Bool = row[5] ?? false
            return Progress(
                account: account, accountName: row[9], remoteRoot: row[1], mirrorID: row[2], cursor: cursor,
                isListing: isListing, everListed: everListed, listedAt: row[6], checkedAt: row[7],
                inStepAsOf: row[8])
        }
    }

    /// Binds the state to a mirror; later starts must find the same one.
    public func bind(mirrorID: String) async throws {
        if try await progress().mirrorID == mirrorID { return }
        try await write { try $0.execute(sql: "UPDATE state SET mirror_id = ?", arguments: [mirrorID]) }
    }

    /// Binds the state to an account and a folder of it.
    ///
    /// - Throws: `StoreError` with `code` `.otherOwner` if it belongs to another one: its removals would be wrong.
    public func bind(account: String, name: String, remoteRoot: String) async throws {
        let present = try await progress()
        if present.account == account && present.remoteRoot == remoteRoot && present.accountName == name { return }
        if let other = present.account, other != account {
            throw StoreError(
                code: .otherOwner,
                message: "the state file belongs to account \(present.accountName ?? other), the sign-in to \(name)",
                hint: "sign in to that account, or give this one a mirror and a state directory of its own")
        }
        if let other = present.remoteRoot, other != remoteRoot {
            throw StoreError(
                code: .otherOwner,
                message: "the state file is about the Dropbox folder \"\(other)\", the configuration names "
                    + "\"\(remoteRoot)\"",
                hint: "set mirror.remote_root back, or use another mirror and state directory")
        }
        try await write {
            try $0.execute(
                sql: "UPDATE state SET account = ?, account_name = ?, remote_root = ?",
                arguments: [account, name, remoteRoot])
        }
    }

    /// Notes that the mirror equalled the account at `time`, unless something is still to be done.
    ///
    /// - Returns: whether it does.
    @discardableResult
    public func markInStep(asOf time: Int64) async throws -> Bool {
        try await write { db in
            try db.execute(sql: StateStore.markInStepSQL, arguments: [time])
            return db.changesCount > 0
        }
    }

    static let markInStepSQL = """
        UPDATE state SET in_step_as_of = ?
        WHERE listing = 0 AND NOT EXISTS (SELECT 1 FROM pending WHERE parked = 0)
        """

    /// The earliest time at which something that waits is to be tried again, seconds since the epoch.
    public func nextRetry() async throws -> Int64? {
        try await read {
            try Int64.fetchOne($0, sql: "SELECT min(not_before) FROM pending WHERE not_before IS NOT NULL")
        }
    }

    /// Makes everything that waits for a later try due now.
    public func retryAll() async throws {
        try await write {
            try $0.execute(sql: "UPDATE pending SET not_before = NULL WHERE not_before IS NOT NULL AND parked = 0")
        }
    }
}
