import GRDB
public import SyncModel

// The only writer of have, except `proven_at` (`Proof`), and of intent.
extension StateStore {
    /// A parked item is looked at again after a day, in seconds.
    public static let parkedFor: Int64 = 86_400

    /// Makes durable what is about to be done on the disk.
    ///
    /// - Parameters:
    ///   - intents: what is about to be done.
    ///   - placed: the keys at which something is about to be put.
    /// - Returns: those of them at which nothing is wanted any more. Their folders may be gone already, and what is put
    ///   below a folder that is not recorded would be known to nobody: nothing may be put there.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    @discardableResult
    public func intend(_ intents: [Intent], placing placed: [RemoteKey] = []) async throws -> Set<RemoteKey> {
        guard !intents.isEmpty else { return [] }
        let faults = faults
        let unwanted = try await write { db in
            try faults(.intend)
            let insert = try RowStatement(
                db,
                """
                INSERT OR REPLACE INTO intent
                    (key, path, name, kind, rev, size, hash, modified, inode, mtime_ns, place)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
            for intent in intents {
                try insert.execute { row in
                    row.bind(intent.key.text)
                    row.bind(intent.path.text)
                    if let after = intent.after { Rows.bind(after, to: &row) } else { row.bindNull(times: 8) }
                    row.bindOptional(intent.place)
                }
            }
            let isWanted = try db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM want WHERE key = ?)")
            return try placed.filter { try Bool.fetchOne(isWanted, arguments: [$0.text]) != true }
        }
        try faults(.intended)
        return Set(unwanted)
    }

    /// The intents that were never confirmed: what a crash has left.
    public func intents() async throws -> [Intent] {
        try await read { db in
            let sql = """
                SELECT key, path, name, kind, rev, size, hash, modified, inode, mtime_ns, place FROM intent
                ORDER BY key, path
                """
            return try Row.fetchAll(db, sql: sql).map { row in
                guard let path = MirrorPath(text: row[1]) else {
                    throw StoreError(code: .damaged, message: "an intent names a path outside the mirror")
                }
                return Intent(key: RemoteKey(row[0]), path: path, after: try Rows.have(row, at: 2), place: row[10])
            }
        }
    }

    /// Records what became of keys; their intents are done with.
    ///
    /// A key is no longer pending only if what stands is what is wanted *now*: the want may have changed meanwhile.
    ///
    /// - Parameters:
    ///   - outcomes: what became of which key.
    ///   - effects: what else is recorded of the effects, in the same transaction.
    ///   - now: the time.
    ///   - jitter: gives random numbers from 0 to 1, for the back-off.
    /// - Returns: the keys that failed or were parked for a reason they did not have before, with their paths as
    ///   displayed.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    @discardableResult
    public func commit(
        _ outcomes: [Outcome], recording effects: EffectRecord = EffectRecord(), now: Timestamp,
        jitter: @escaping @Sendable () -> Double
    ) async throws -> [RemoteKey: String] {
        guard !outcomes.isEmpty else { return [:] }
        let (faults, inEffect) = (faults, inEffect)
        let newlyFailing = try await write { db in
            try faults(.commit)
            var newlyFailing: [RemoteKey: String] = [:]
            let isDone = try RowStatement(db, "DELETE FROM intent WHERE key = ?")
            let committer = try Committer(PendingTable(db, inEffect), outcomes, now: now, jitter: jitter)
            for outcome in outcomes {
                try isDone.execute { $0.bind(outcome.key.text) }
                if try committer.apply(outcome) {
                    newlyFailing[outcome.key] = try displayPath(db, outcome.key)
                }
            }
            if !effects.changes.isEmpty {
                try HistoryTable(db).append(effects.changes, pass: effects.pass, now: now)
            }
            try TrashTable.insert(effects.kept, pass: effects.pass, now: now, in: db)
            return newlyFailing
        }
        try faults(.committed)
        return newlyFailing
    }
}

extension StateStore {
    /// Files and links that somebody else has touched are compared again with what is wanted: they may hold other bytes
    /// by now.
    ///
    /// What is recorded of them stays, so that they go when the account removes them.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func markUnproven(_ keys: [RemoteKey]) async throws {
        guard !keys.isEmpty else { return }
        let inEffect = inEffect
        try await write { db in
            for key in keys {
                guard let node = try PendingTable.storedHave(db, key), !node.isUnproven,
                    let unproven = node.asUnproven
                else { continue }
                try HaveTable.set(key, node: unproven, provenAt: nil, db: db)
                try PendingTable(db, inEffect).refresh(key)
            }
        }
    }

    /// Forgets that `keys`, and all that is below them, stand: they are looked at and placed again.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func forget(_ keys: [RemoteKey]) async throws {
        guard !keys.isEmpty else { return }
        let inEffect = inEffect
        try await write { db in
            for key in keys {
                try HaveTable.forget(key, PendingTable(db, inEffect))
                try HaveTable.forget(below: key, PendingTable(db, inEffect))
            }
        }
    }
}

extension LocalNode {
    /// The same, as something that somebody else has touched; nil for a folder.
    fileprivate var asUnproven: LocalNode? {
        switch self {
        case .folder: return nil
        case .file(let name, var version, let print):
            version.rev = .unproven
            return .file(name: name, version, print)
        case .link(let name, var version, let inode):
            version.rev = .unproven
            return .link(name: name, version, inode: inode)
        }
    }
}

/// Writes and removes rows of have; those that go are compared with the want again.
enum HaveTable {
    /// Rows read at a time.
    private static let window = 1000

    /// Sets what stands at a key.
    ///
    /// - Parameter provenAt: when the bytes of a file were seen to be right; the time that is recorded stays if content
    ///   and inode are unchanged and the file was not unproven.
    static func set(_ key: RemoteKey, node: LocalNode, provenAt: Timestamp?, db: Database) throws {
        let sql = """
            INSERT INTO have (key, name, kind, rev, size, hash, modified, inode, mtime_ns, proven_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET name = excluded.name, kind = excluded.kind, rev = excluded.rev,
                size = excluded.size, hash = excluded.hash, modified = excluded.modified, inode = excluded.inode,
                mtime_ns = excluded.mtime_ns,
                proven_at = CASE WHEN have.hash IS excluded.hash AND have.inode = excluded.inode AND have.rev IS NOT ''
                    THEN have.proven_at ELSE excluded.proven_at END
            """
        try RowStatement(db, sql).execute { row in
            row.bind(key.text)
            Rows.bind(node, to: &row)
            if let provenAt { row.bind(provenAt) } else { row.bindNull() }
        }
    }

    static func forget(_ key: RemoteKey, _ pending: PendingTable) throws {
        try pending.db.cachedStatement(sql: "DELETE FROM have WHERE key = ?").execute(arguments: [key.text])
        try Proof.forgetFinding(key, pending.db)
        try pending.refresh(key)
    }

    static func forget(below key: RemoteKey, _ pending: PendingTable) throws {
        let (lower, upper) = key.below
        let sql = "SELECT key FROM have WHERE key >= ? AND key < ? LIMIT ?"
        while true {
            let statement = try pending.db.cachedStatement(sql: sql)
            let keys = try String.fetchAll(statement, arguments: [lower, upper, window])
            for key in keys { try forget(RemoteKey(key), pending) }
            if keys.count < window { return }
        }
    }
}

/// Applies one outcome inside a transaction.
private struct Committer {
    private let pending: PendingTable
    private let now: Timestamp
    private let jitter: @Sendable () -> Double
    private let leaving: [UInt64: Proof.Leaving]
    /// Whether there is a finding that may be about something else from now on.
    private let hasFindings: Bool

    init(
        _ pending: PendingTable, _ outcomes: [Outcome], now: Timestamp, jitter: @escaping @Sendable () -> Double
    ) throws {
        (self.pending, self.now, self.jitter) = (pending, now, jitter)
        leaving = try Proof.leaving(outcomes, pending.db)
        hasFindings = try Bool.fetchOne(pending.db, sql: "SELECT EXISTS (SELECT 1 FROM finding)") ?? false
    }

    private var db: Database { pending.db }

    /// Applies `outcome`.
    ///
    /// - Returns: whether it is an issue that was not known before.
    func apply(_ outcome: Outcome) throws -> Bool {
        switch outcome {
        case .have(let key, let node):
            try setHave(key, node)
            try pending.refreshPlaced(key)
            return false
        case .recheck(let key):
            try pending.refresh(key)
            return false
        case .parked(let key, let reason):
            let delay = Double(StateStore.parkedFor)
            // What failed before has failed once more; what cannot be done at all was not tried.
            let failed = try attempts(key)
            let attempts = failed == 0 ? 0 : failed + 1
            return try postpone(key, reason: reason, attempts: attempts, delay: delay, parked: true)
        case .delayed(let key, let why):
            let delay = Backoff.item.delay(failures: 1, jitter: jitter()).inSeconds
            return try postpone(key, reason: why, attempts: try attempts(key), delay: delay, parked: false)
        case .failed(let key, let why, let retry):
            let attempts = 1 + (try attempts(key))
            let least = retry.map { Double($0.components.seconds) } ?? 0
            let delay = max(least, Backoff.item.delay(failures: attempts, jitter: jitter()).inSeconds)
            return try postpone(key, reason: why, attempts: attempts, delay: delay, parked: false)
        }
    }

    private func attempts(_ key: RemoteKey) throws -> Int {
        let sql = "SELECT attempts FROM pending WHERE key = ?"
        return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]) ?? 0
    }

    private func setHave(_ key: RemoteKey, _ node: LocalNode?) throws {
        guard let node else { return try remove(key) }
        if hasFindings, !node.isFolder { try Proof.forgetFinding(key, db) }
        try HaveTable.set(key, node: node, provenAt: provenAt(node), db: db)
    }

    /// What is put in place was read and found right on the way, unless it was only moved.
    private func provenAt(_ node: LocalNode) -> Timestamp? {
        guard case .file(_, let version, let print) = node else { return nil }
        if let before = leaving[print.inode], before.hash == version.hash.data { return before.provenAt }
        return now
    }

    /// What does not stand has nothing below it.
    private func remove(_ key: RemoteKey) throws {
        try db.cachedStatement(sql: "DELETE FROM have WHERE key = ?").execute(arguments: [key.text])
        if hasFindings { try Proof.forgetFinding(key, db) }
        try HaveTable.forget(below: key, pending)
    }

    /// Puts `key` off if it is still pending; the outcome may be outdated.
    private func postpone(
        _ key: RemoteKey, reason: String, attempts: Int, delay: Double, parked: Bool
    ) throws -> Bool {
        let known = try String.fetchOne(
            db.cachedStatement(sql: "SELECT reason FROM pending WHERE key = ?"), arguments: [key.text])
        let sql = "UPDATE pending SET attempts = ?, not_before = ?, reason = ?, parked = ? WHERE key = ?"
        try db.cachedStatement(sql: sql)
            .execute(arguments: [attempts, now + Int64(delay.rounded(.up)), reason, parked, key.text])
        return db.changesCount > 0 && known != reason
    }
}
