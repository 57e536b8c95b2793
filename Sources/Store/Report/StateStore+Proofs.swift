import FoundationEssentials
import GRDB
public import SyncModel

/// How well the bytes of what stands in the mirror are known.
public struct Proofs: Hashable, Sendable {
    /// Files that stand.
    public var files = 0
    /// Files whose bytes were seen to be right at a time that is not known.
    public var unknown = 0
    /// The earliest time at which the bytes of one of the others were last seen to be right.
    public var oldest: Timestamp?

    /// Of no files.
    public init() {}

    init(files: Int, unknown: Int, oldest: Timestamp?) {
        self.files = files
        self.unknown = unknown
        self.oldest = oldest
    }
}

/// A file whose bytes are to be read again.
public struct ScrubCandidate: Hashable, Sendable {
    /// The key it is recorded under.
    public var key: RemoteKey
    /// When its bytes were last seen to be right, or the scrub began if that is not known.
    public var provenAt: Timestamp
}

/// What is to be read again: all of it by its age, and the first files.
public struct ScrubOutlook: Hashable, Sendable {
    /// All that can be read.
    public var loads: [ScrubLoad] = []
    /// The files with the oldest proofs, oldest first.
    public var next: [ScrubCandidate] = []
}

extension StateStore {
    /// When files of which no proof is known count as proven: when the scrub began; notes that it has.
    ///
    /// - Parameter now: the time.
    public func scrubBegan(now: Timestamp) async throws -> Timestamp {
        let stored = try await read { try Timestamp.fetchOne($0, sql: "SELECT scrub_began FROM state") }
        if let began = stored.flatMap({ Progress.known($0, now: now) }) { return began }
        try await write { try $0.execute(sql: "UPDATE state SET scrub_began = ?", arguments: [now]) }
        return now
    }

    /// What is to be read again; reads the whole have.
    ///
    /// What the selection leaves alone is not, and neither is what is unproven anyway.
    ///
    /// - Parameters:
    ///   - position: only files after this one are among the next.
    ///   - limit: the maximum number of next ones.
    ///   - grain: files whose proofs are not so many seconds apart count as one load.
    ///   - spared: a folder of the mirror that is left alone.
    ///   - now: the time.
    public func scrubOutlook(
        after position: ScrubCandidate?, limit: Int, grain: Int64, sparing spared: RemoteKey?, now: Timestamp
    ) async throws -> ScrubOutlook {
        let began = try await scrubBegan(now: now)
        let source = ProofSource(inEffect, sparing: spared, now: now, unknown: began)
        return try await read { db in
            let arguments: StatementArguments = [
                "time": position?.provenAt ?? .distantPast, "key": position?.key.text ?? "", "limit": limit,
            ]
            let next = try Row.fetchAll(
                db,
                sql: """
                    SELECT h.key, \(source.time) AS time FROM have h
                    WHERE \(source.condition) AND (\(source.time), h.key) > (:time, :key)
                    ORDER BY time, h.key LIMIT :limit
                    """, arguments: source.arguments + arguments)
            return ScrubOutlook(
                loads: try source.loads(db, grain: max(1, grain)),
                next: next.map { ScrubCandidate(key: RemoteKey($0[0]), provenAt: $0[1]) })
        }
    }

    /// What stands under the key of a candidate, if it was not proven since.
    public func entry(of candidate: ScrubCandidate, now: Timestamp) async throws -> LocalEntry? {
        let latest = now + Progress.tolerance
        return try await read { db in
            let sql = """
                SELECT h.key, \(Rows.haveColumns) FROM have h
                WHERE h.key = ? AND h.kind = \(Rows.file) AND h.rev <> ''
                    AND (h.proven_at IS NULL OR h.proven_at <= ? OR h.proven_at > ?)
                """
            return try PathResolver.entries(db, sql: sql, arguments: [candidate.key.text, candidate.provenAt, latest])
                .first
        }
    }

    /// Notes that the bytes of files were seen to be right; not of those that are others by now.
    ///
    /// - Parameter time: when they were.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func prove(_ entries: [LocalEntry], at time: Timestamp) async throws {
        if entries.isEmpty { return }
        try await write { db in
            for entry in entries { try Proof.note(entry, at: time, db) }
        }
    }

    /// Notes that the bytes of a file cannot be read, so that nothing is known of them, until they are.
    ///
    /// - Returns: whether that is new.
    public func noteUnreadable(_ entry: LocalEntry, reason: String) async throws -> Bool {
        try await write { db in
            guard try PendingTable.storedHave(db, entry.key) == entry.node else { return false }
            var finding = FolderFinding(folder: entry.key)
            finding.unproven = [.init(name: "", reason: reason)]
            let new = try StoredFinding(finding)
            let known = try String.fetchOne(
                db, sql: "SELECT unproven FROM finding WHERE folder = ?", arguments: [entry.key.text])
            if known == new.unproven { return false }
            try new.store(entry.key, db)
            return true
        }
    }

    /// How old the proofs are; reads the whole have.
    ///
    /// - Parameters:
    ///   - spared: a folder of the mirror that is left alone.
    ///   - now: the time.
    public func proofs(sparing spared: RemoteKey? = nil, now: Timestamp) async throws -> Proofs {
        let source = ProofSource(inEffect, sparing: spared, now: now)
        return try await read { db in
            let sql = """
                SELECT count(*), coalesce(sum(\(source.time) IS NULL), 0), min(\(source.time)) FROM have h
                WHERE \(source.condition)
                """
            guard let row = try Row.fetchOne(db, sql: sql, arguments: source.arguments) else { return Proofs() }
            return Proofs(files: row[0], unknown: row[1], oldest: row[2])
        }
    }
}

/// The rows `h` of have whose proofs count, and their times.
private struct ProofSource: Sendable {
    /// A clock that was ahead says nothing.
    let time = "CASE WHEN h.proven_at <= :latest THEN h.proven_at ELSE :unknown END"
    let condition: String
    private let latest: Timestamp
    private let unknown: Timestamp?
    private let spared: (lower: String, upper: String)

    /// - Parameter unknown: the time of those of which it is not known.
    init(_ inEffect: SelectionInEffect, sparing folder: RemoteKey?, now: Timestamp, unknown: Timestamp? = nil) {
        let match = inEffect.selection.isEverything ? "" : " AND verdict(h.key, 0, h.size, NULL) <> 0"
        condition = """
            h.kind = \(Rows.file) AND h.rev <> '' AND NOT (h.key >= :lower AND h.key < :upper)\(match)
            """
        latest = now + Progress.tolerance
        self.unknown = unknown
        spared = folder?.below ?? ("", "")
    }

    var arguments: StatementArguments {
        ["latest": latest, "unknown": unknown, "lower": spared.lower, "upper": spared.upper]
    }

    /// All that can be read, by its age; summed here because SQLite would sort a million rows for it.
    func loads(_ db: Database, grain: Int64) throws -> [ScrubLoad] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT \(time), h.size FROM have h
                WHERE \(condition) AND NOT EXISTS (SELECT 1 FROM finding f WHERE f.folder = h.key)
                """, arguments: arguments)
        var costs: [Int64: Int64] = [:]
        while let row = try rows.next() {
            let age = (row[0] as Timestamp).seconds / grain
            costs[age] = (costs[age] ?? 0).saturatingSum(ScrubPace.cost(bytes: row[1]))
        }
        return costs.map { ScrubLoad(provenAt: Timestamp(seconds: $0.key * grain), cost: $0.value) }
    }
}

/// When the bytes of a file were last seen to be right: `have.proven_at`.
enum Proof {
    /// A file that leaves its place: where it stands afterwards, it is as well proven as before.
    struct Leaving {
        var hash: Data
        var provenAt: Timestamp?
    }

    static func note(_ entry: LocalEntry, at time: Timestamp, _ db: Database) throws {
        guard case .file(_, let version, let print) = entry.node else { return }
        try db.cachedStatement(
            sql: "UPDATE have SET proven_at = ? WHERE key = ? AND hash = ? AND inode = ? AND rev <> ''"
        )
        .execute(arguments: [time, entry.key.text, version.hash.data, Int64(bitPattern: print.inode)])
        if db.changesCount > 0 { try forgetFinding(entry.key, db) }
    }

    /// What of `outcomes` leaves its place and may stand elsewhere afterwards, by inode.
    static func leaving(_ outcomes: [Outcome], _ db: Database) throws -> [UInt64: Leaving] {
        let keys = outcomes.compactMap { if case .have(let key, nil) = $0 { key } else { nil } }
        let isMoving = outcomes.contains { if case .have(_, .file) = $0 { true } else { false } }
        guard isMoving else { return [:] }
        let statement = try db.cachedStatement(
            sql: "SELECT inode, hash, proven_at FROM have WHERE key = ? AND kind = \(Rows.file)")
        var found: [UInt64: Leaving] = [:]
        for key in keys {
            guard let row = try Row.fetchOne(statement, arguments: [key.text]),
                let hash = Data.fromDatabaseValue(row[1])
            else { continue }
            found[UInt64(bitPattern: row[0])] = Leaving(hash: hash, provenAt: row[2])
        }
        return found
    }

    /// Forgets what was found when the bytes of the file at a key were read.
    static func forgetFinding(_ key: RemoteKey, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM finding WHERE folder = ?").execute(arguments: [key.text])
    }
}
