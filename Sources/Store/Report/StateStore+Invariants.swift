import GRDB
package import SyncModel

extension StateStore {
    /// What is wanted: each key, and whether it is a folder.
    package func wantedKeys() async throws -> [RemoteKey: Bool] {
        try await read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT key, kind = 0 FROM want")
            return Dictionary(uniqueKeysWithValues: rows.map { (RemoteKey($0[0]), $0[1]) })
        }
    }

    /// What is wrong with the state, in words; empty if nothing is.
    ///
    /// The central invariant: a key that is selected and whose want and have differ is pending or intended, what is not
    /// selected is not pending. And every row's parent is a folder, and every table is what was written into it.
    public func brokenInvariants() async throws -> [String] {
        let inEffect = inEffect
        return try await read { db in
            try inEffect.load(db)
            var found = try Checksums.tables.map(\.name).filter { try !Checksums.isRight($0, db) }.map {
                "\($0): its rows are not what its checksum says"
            }
            for table in Census.tables where try Census.stored(table, db) != Census.counted(table, db) {
                found.append("\(table): its rows are not what was counted")
            }
            let isMarking = try Bool.fetchOne(db, sql: "SELECT marked_up_to IS NOT NULL FROM state") ?? false
            if !isMarking { found += try brokenMarks(db, inEffect.selection) }
            found += try brokenExports(db)
            for table in ["want", "have"] {
                let keys = try String.fetchCursor(db, sql: "SELECT key FROM \(table)")
                let folders = try db.makeStatement(sql: "SELECT 1 FROM \(table) WHERE key = ? AND kind = 0")
                while let key = try keys.next(), found.count < 40 {
                    let parent = key.pathAboveLastSlash ?? ""
                    if parent.isEmpty { continue }
                    if try Int.fetchOne(folders, arguments: [parent]) == nil {
                        found.append("\(key): its parent is not a folder in \(table)")
                    }
                }
            }
            return found
        }
    }
}

// What cures a state that is not as it should be.
extension StateStore {
    /// Cures what `brokenInvariants` finds of have and pending: what stands in a folder that does not stand is
    /// forgotten, and what nobody knows of becomes pending.
    ///
    /// - Returns: the number of keys that were cured.
    public func restoreInvariants() async throws -> Int {
        let inEffect = inEffect
        return try await write { db in
            let pending = PendingTable(db, inEffect)
            let orphans = try forgetOrphans(pending)
            let isMarking = try Bool.fetchOne(db, sql: "SELECT marked_up_to IS NOT NULL FROM state") ?? false
            let unlisted = isMarking ? [] : try String.fetchAll(db, sql: unlistedSQL)
            for key in unlisted { try pending.refresh(RemoteKey(key)) }
            return orphans + unlisted.count
        }
    }
}

/// Forgets what stands in folders that do not stand.
///
/// - Returns: the number of keys.
private func forgetOrphans(_ pending: PendingTable) throws -> Int {
    let folder = try pending.db.makeStatement(sql: "SELECT 1 FROM have WHERE key = ? AND kind = 0")
    let next = try pending.db.makeStatement(sql: "SELECT key FROM have WHERE key > ? ORDER BY key LIMIT 1000")
    var forgotten = 0
    var position = ""
    while true {
        let keys = try String.fetchAll(next, arguments: [position])
        guard let last = keys.last else { return forgotten }
        position = last
        for key in keys {
            let parent = key.pathAboveLastSlash ?? ""
            if try parent.isEmpty || Int.fetchOne(folder, arguments: [parent]) != nil { continue }
            try HaveTable.forget(RemoteKey(key), pending)
            forgotten += 1
        }
    }
}

/// Documents without their files, and files without their documents.
private func brokenExports(_ db: Database) throws -> [String] {
    let sql = "SELECT w.key, \(Rows.wantColumns) FROM want w WHERE w.reason IS NOT NULL"
    var (documents, files): (Set<RemoteKey>, Set<RemoteKey>) = ([], [])
    for row in try Row.fetchAll(db, sql: sql) {
        let key = RemoteKey(row[0])
        switch try Rows.want(row, at: 1) {
        case .unavailable(_, .document(_, .exported?), _)?: documents.insert(key)
        case .export(_, let file)? where file.source != key: files.insert(file.source)
        default: break
        }
    }
    return documents.symmetricDifference(files).map { "\($0): an online document and its file do not belong together" }
}

private let differingSQL = """
    SELECT w.key AS key FROM want w LEFT JOIN have h ON h.key = w.key
    WHERE \(PendingTable.differsSQL) AND \(PendingTable.isDueIfDiffersSQL)
    """

/// The keys about which something is to be done and which are neither pending nor intended.
private let unlistedSQL = """
    SELECT k.key FROM (
        \(differingSQL)
        UNION ALL
        SELECT h.key FROM have h
        WHERE NOT EXISTS (SELECT 1 FROM want w WHERE w.key = h.key) AND \(PendingTable.isLeavingSQL)) k
    WHERE NOT EXISTS (SELECT 1 FROM pending p WHERE p.key = k.key)
        AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.key = k.key)
    """

/// What is not pending and should be, or is and should not.
private func brokenMarks(_ db: Database, _ selection: Selection) throws -> [String] {
    var found = try String.fetchAll(db, sql: unlistedSQL + " LIMIT 20").map {
        "\($0): want and have differ, and nobody knows"
    }
    if selection.isEverything { return found }
    let leftAlone = """
        SELECT p.key FROM pending p JOIN want w ON w.key = p.key WHERE \(PendingTable.matchOfWantSQL) = 0
        UNION ALL
        SELECT p.key FROM pending p JOIN have h ON h.key = p.key
        WHERE NOT EXISTS (SELECT 1 FROM want w WHERE w.key = p.key) AND verdict(h.key, h.kind = 0, h.size, NULL) = 0 LIMIT 20
        """
    found += try String.fetchAll(db, sql: leftAlone).map { "\($0): pending, but not selected" }
    let due = try String.fetchCursor(db, sql: differingSQL)
    let stands = """
        SELECT 1 WHERE EXISTS (SELECT 1 FROM have WHERE key = ?1 AND kind = 0)
            OR EXISTS (SELECT 1 FROM pending WHERE key = ?1) OR EXISTS (SELECT 1 FROM intent WHERE key = ?1)
        """
    let statement = try db.makeStatement(sql: stands)
    while let key = try due.next(), found.count < 40 {
        guard let parent = RemoteKey(key).parent, !parent.text.isEmpty else { continue }
        if try Int.fetchOne(statement, arguments: [parent.text]) == nil {
            found.append("\(key): its folder does not stand and is not pending")
        }
    }
    return found
}
