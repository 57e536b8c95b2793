import GRDB
import Synchronization
public import SyncModel

/// What recording a page has changed.
public struct Recorded: Hashable, Sendable {
    /// Keys whose want is new.
    public var changed = 0
    /// Files that became pending.
    public var files = 0
    /// Bytes of those files.
    public var bytes: Int64 = 0
    /// What became pending because something stands there in the account.
    public var added: [RemoteKey] = []
    /// Whether a listing is complete with it.
    public var endsListing = false
    /// Whether it would end a listing that lacks parts.
    public var lacksParts = false
}

// The only writer of want and cursor.
extension StateStore {
    /// Executes `edits` on the want and stores the cursor behind them, in one transaction.
    ///
    /// - Parameters:
    ///   - edits: what the page asks for, in order.
    ///   - unread: what the page holds besides and nobody can read.
    ///   - shared: which folders of the page are shared ones, with their ids.
    ///   - cursor: the cursor of the same page.
    ///   - isLast: whether the page is the last one for now. If it ends a listing, what that listing did not mention
    ///     is no longer wanted.
    ///   - now: the time.
    /// - Returns: what is new.
    @discardableResult
    public func record(
        _ edits: [TreeEdit], unread: [UnreadEntry] = [], shared: [RemoteKey: String] = [:], cursor: SyncModel.Cursor,
        isLast: Bool, now: Timestamp
    ) async throws -> Recorded {
        let (faults, inEffect, exported, tallies) = (faults, inEffect, exported, tallies)
        return try await write { [self] db in
            recorded.add(1, ordering: .acquiringAndReleasing)
            try faults(.record)
            var recorder = try Recorder(PendingTable(db, inEffect), exported, now: now)
            try recorder.record(edits, unread: unread, shared: shared)
            if isLast && recorder.isListing {
                try Self.dropGoneParts(in: db)
                recorder.result.lacksParts = try Self.lacksParts(db)
            }
            if isLast && recorder.isListing && !recorder.result.lacksParts {
                try recorder.finishListing(now: now)
                try tallies.save(in: db)
                for key in try Audit.run(recorder.pending).unlisted { try recorder.pending.refresh(key) }
            }
            try db.execute(
                literal: "UPDATE state SET cursor = \(cursor.text), checked_at = \(now), has_more = \(!isLast)")
            if isLast && edits.isEmpty { try db.execute(sql: StateStore.markInStepSQL, arguments: [now]) }
            return recorder.result
        }
    }

    /// Executes the edits of a page of a part of the listing, as `record` does, and stores how far that part has come.
    ///
    /// - Parameters:
    ///   - part: the part, as it was asked for.
    ///   - next: its next cursor; `nil` when it is complete.
    ///   - isGone: whether its folder was not found: it stays a part until the changes tell that the folder has gone.
    ///   - folders: those that become parts of their own.
    ///   - restarted: a part that is begun anew, in place of all that is planned of its folder.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func record(
        _ edits: [TreeEdit], unread: [UnreadEntry] = [], shared: [RemoteKey: String] = [:], of part: ListingPart,
        next: SyncModel.Cursor?,
        isGone: Bool = false, opening folders: [RemoteKey] = [], restarting restarted: ListingPart? = nil,
        now: Timestamp
    ) async throws -> Recorded {
        let (faults, inEffect, exported) = (faults, inEffect, exported)
        return try await write { [self] db in
            recorded.add(1, ordering: .acquiringAndReleasing)
            try faults(.record)
            var recorder = try Recorder(PendingTable(db, inEffect), exported, now: now)
            try recorder.record(edits, unread: unread, shared: shared)
            if !isGone { try Self.move(part, to: next, in: db) }
            for folder in folders { try Self.insert(ListingPart(folder, isRecursive: true), in: db) }
            if let restarted { try Self.restart(restarted, in: db) }
            try db.execute(literal: "UPDATE state SET checked_at = \(now)")
            return recorder.result
        }
    }

    /// Forgets the cursor: the next page begins a full listing.
    ///
    /// The want stays until that listing is complete.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func beginRelist() async throws {
        try await write { try Self.beginRelist($0) }
    }

    static func beginRelist(_ db: Database) throws {
        try db.execute(
            sql: "UPDATE state SET cursor = NULL, listing = 1, generation = generation + 1; DELETE FROM listing")
    }
}

/// Executes tree edits inside one transaction.
struct Recorder {
    let pending: PendingTable
    let db: Database
    /// The listing that rows are put for.
    var generation: Int64
    let isListing: Bool
    private let uploads: Uploads
    var result = Recorded()
    private var knownFolders: Set<RemoteKey> = []
    private var unread: Unread
    /// Whether there may be online documents.
    var hasDocuments: Bool
    /// Whether there may be shared folders.
    private var hasShared: Bool
    let exported: ExportedContents

    init(_ pending: PendingTable, _ exported: ExportedContents, now: Timestamp) throws {
        self.exported = exported
        self.pending = pending
        db = pending.db
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT generation, listing, EXISTS (SELECT 1 FROM want WHERE reason IS NOT NULL),
                    (\(SharedFolders.anySQL)) FROM state
                """)
        generation = row?[0] ?? 1
        isListing = row?[1] ?? true
        uploads = try Uploads(pending)
        unread = try Unread(db, generation: generation, now: now)
        hasDocuments = row?[2] ?? false
        hasShared = row?[3] ?? false
    }

    /// Records what a page holds.
    mutating func record(_ edits: [TreeEdit], unread entries: [UnreadEntry], shared: [RemoteKey: String]) throws {
        for entry in entries { try unread.note(entry) }
        hasShared = hasShared || !shared.isEmpty
        for edit in edits { try execute(edit, shared) }
    }

    private mutating func execute(_ edit: TreeEdit, _ shared: [RemoteKey: String]) throws {
        switch edit {
        case .put(let key, let node, let parents):
            try ensureParents(of: key, names: parents)
            if try keeps(key, node) { return }
            try putEntry(key, node)
            try unread.forget(key)
            guard hasShared else { return }
            if let id = shared[key] {
                try SharedFolders.note(id, at: key, node, in: db)
            } else if !node.isUnreadable {
                try SharedFolders.forget(key, in: db)
            }
        case .removeChildren(let key):
            // Only a folder has children (every row's parent is a folder), and most removals find nothing.
            let sql = "SELECT 1 FROM want WHERE key = ? AND kind = \(Rows.folder)"
            if try RowStatement(db, sql).finds({ $0.bind(key.text) }) { try removeBelow(key) }
        case .removeSubtree(let key):
            try removeBelow(key)
            try removeEntry(key)
        }
    }

    /// A folder of which something comes that cannot be read stays, with all that is below it; an online document stays,
    /// with the file that it became.
    private mutating func keeps(_ key: RemoteKey, _ node: RemoteNode) throws -> Bool {
        guard case .unavailable(_, .unreadable(let reason), _) = node, let stored = try storedWant(key)?.node,
            stored.isFolder || stored.isExported
        else { return false }
        try putEntry(key, stored)
        try unread.note(folder: key, reason)
        return true
    }

    func storedWant(_ key: RemoteKey) throws -> (node: RemoteNode, generation: Int64)? {
        // What a first listing mentions is new.
        guard try RowStatement(db, "SELECT 1 FROM want WHERE key = ?").finds({ $0.bind(key.text) }) else { return nil }
        let sql = "SELECT \(Rows.wantColumns), w.generation FROM want w WHERE w.key = ?"
        let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text])
        guard let row, let node = try Rows.want(row, at: 0) else { return nil }
        return (node, row[7])
    }

    mutating func put(_ key: RemoteKey, _ node: RemoteNode) throws {
        let stored = try storedWant(key)
        if let stored, stored.node == node {
            guard stored.generation < generation else { return }
            try db.cachedStatement(sql: "UPDATE want SET generation = ? WHERE key = ?")
                .execute(arguments: [generation, key.text])
            return
        }
        let generation = max(generation, stored?.generation ?? generation)
        let sql = """
            INSERT INTO want (key, name, kind, rev, size, hash, modified, reason, generation)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET name = excluded.name, kind = excluded.kind, rev = excluded.rev,
                size = excluded.size, hash = excluded.hash, modified = excluded.modified, reason = excluded.reason,
                generation = excluded.generation
            """
        try RowStatement(db, sql).execute { row in
            row.bind(key.text)
            Rows.bind(node, to: &row)
            row.bind(generation)
        }
        result.changed += 1
        if case .folder = node {} else { knownFolders.remove(key) }
        try uploads.recognise(key)
        let isUsual = stored == nil && !node.isExported
        guard try isUsual ? pending.refreshAdded(key) : pending.refresh(key) else { return }
        result.added.append(key)
        if node.isFile {
            result.files += 1
            result.bytes = result.bytes.saturatingSum(node.version?.size ?? 0)
        }
    }

    /// Parents may come after their children or not at all (ListFolderResult.entries): missing ones are implied.
    private mutating func ensureParents(of key: RemoteKey, names: [FileName]) throws {
        guard let nearest = key.parent, nearest != .root, !knownFolders.contains(nearest) else { return }
        for (index, ancestor) in key.ancestors.reversed().enumerated() where !knownFolders.contains(ancestor) {
            let stored = try storedWant(ancestor)
            if let stored, stored.node.isFolder {
                try put(ancestor, stored.node)
            } else {
                let fallback = FileName(ancestor.name)
                try putEntry(ancestor, .folder(name: index < names.count ? names[index] : fallback))
                if case .unavailable(_, .unreadable(let reason), _)? = stored?.node {
                    try unread.note(folder: ancestor, reason)
                }
            }
            knownFolders.insert(ancestor)
        }
    }

    private mutating func removeBelow(_ key: RemoteKey) throws {
        let (lower, upper) = key.below
        try markPending(where: "key >= ? AND key < ?", [lower, upper])
        try keepContents(where: "w.key >= ? AND w.key < ?", [lower, upper])
        let part = "SELECT max(key) FROM (SELECT key FROM want WHERE key >= ? AND key < ? ORDER BY key LIMIT ?)"
        let arguments: StatementArguments = [lower, upper, Self.part]
        while let end = try String.fetchOne(db.cachedStatement(sql: part), arguments: arguments) {
            try db.cachedStatement(sql: "DELETE FROM want WHERE key >= ? AND key <= ?").execute(arguments: [lower, end])
            result.changed += db.changesCount
            if db.changesCount == 0 { break }  // damaged: the order of the keys is not what it should be
        }
        try unread.forget(below: key)
        if !knownFolders.isEmpty { knownFolders = knownFolders.filter { !key.contains($0) } }
    }

    mutating func remove(_ key: RemoteKey) throws {
        try markPending(where: "key = ?", [key.text])
        try keepContents(where: "w.key = ?", [key.text])
        try db.cachedStatement(sql: "DELETE FROM want WHERE key = ?").execute(arguments: [key.text])
        result.changed += db.changesCount
        try unread.forget(key)
        knownFolders.remove(key)
    }

    /// Everything we have placed there becomes pending, unless it is left alone; what was only pending and never placed
    /// is done with.
    private func markPending(where condition: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: "DELETE FROM pending WHERE \(condition)").execute(arguments: arguments)
        let sql = """
            INSERT INTO pending (key, loss)
            SELECT key, kind = 1 FROM have WHERE \(condition) AND verdict(key, kind = 0, size, NULL) <> 0
            """
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// What a complete listing did not mention is not in the account.
    mutating func finishListing(now: Timestamp) throws {
        try unread.finishListing()
        var start = ""
        while let end = try endOfPart(after: start) {
            try finishListing(after: start, upTo: end)
            start = end
        }
        try settleDocuments()
        try uploads.forget()
        try db.execute(literal: "UPDATE state SET listing = 0, ever_listed = 1, listed_at = \(now)")
        result.endsListing = true
    }

    /// Rows of want that are looked at together: SQLite keeps the keys of what it is going to delete in memory.
    private static let part = 10_000

    private func endOfPart(after start: String) throws -> String? {
        let sql = "SELECT max(key) FROM (SELECT key FROM want WHERE key > ? ORDER BY key LIMIT ?)"
        return try String.fetchOne(db.cachedStatement(sql: sql), arguments: [start, Self.part])
    }

    private mutating func finishListing(after start: String, upTo end: String) throws {
        let bounds: StatementArguments = [start, end, generation]
        try db.cachedStatement(
            sql: """
                INSERT INTO pending (key, loss)
                SELECT h.key, h.kind = 1 FROM want w JOIN have h ON h.key = w.key
                WHERE w.key > ? AND w.key <= ? AND w.generation < ? AND verdict(h.key, h.kind = 0, h.size, NULL) <> 0
                \(PendingTable.asNewSQL)
                """
        ).execute(arguments: bounds)
        try db.cachedStatement(
            sql: """
                DELETE FROM pending WHERE key > ? AND key <= ?
                    AND EXISTS (SELECT 1 FROM want w WHERE w.key = pending.key AND w.generation < ?)
                    AND NOT EXISTS (
                        SELECT 1 FROM have h WHERE h.key = pending.key AND verdict(h.key, h.kind = 0, h.size, NULL) <> 0)
                """
        ).execute(arguments: bounds)
        try db.cachedStatement(sql: "DELETE FROM want WHERE key > ? AND key <= ? AND generation < ?")
            .execute(arguments: bounds)
        result.changed += db.changesCount
    }
}

extension RemoteNode {
    fileprivate var isFolder: Bool {
        if case .folder = self { true } else { false }
    }

    /// Whether it is an online document that comes under another key.
    fileprivate var isExported: Bool {
        if case .unavailable(_, let why, _) = self { why.isExported } else { false }
    }
}
