import GRDB
public import SyncModel

// Which part of the want is mirrored. The want is always whole; what is outside is never pending.
extension StateStore {
    /// Keys that are marked anew in one transaction: memory and log stay small however large the account is.
    static let markedAtATime = 10_000

    /// The keys whose want and have differ; both halves are read in the order of their keys, as far as needed.
    package static let markingWindowSQL = """
        SELECT w.key AS key FROM want w LEFT JOIN have h ON h.key = w.key WHERE w.key > ?1 AND \(PendingTable.differsSQL)
        UNION ALL
        SELECT h.key FROM have h WHERE h.key > ?1 AND NOT EXISTS (SELECT 1 FROM want w WHERE w.key = h.key)
        ORDER BY key LIMIT ?2
        """

    /// The selection that pending keeps to.
    public var selection: Selection { inEffect.selection }

    /// Has pending keep to `selection` from now on; what comes in and differs becomes pending, what goes out is not
    /// pending any more.
    ///
    /// A marking that a crash has cut off is brought to its end.
    ///
    /// - Parameters:
    ///   - selection: what is mirrored from now on.
    ///   - progress: is called now and then while keys are marked.
    /// - Returns: whether there was anything to change.
    @discardableResult
    public func select(_ selection: Selection, progress: () -> Void = {}) async throws -> Bool {
        let stored = try selection.stored
        let isSettled = try await read { db in
            try Bool.fetchOne(
                db, sql: "SELECT selection IS ? AND marked_up_to IS NULL FROM state", arguments: [stored]) ?? false
        }
        if isSettled { return false }
        try await write {
            try $0.execute(
                sql: "UPDATE state SET selection = ?1, marked_up_to = '' WHERE selection IS NOT ?1",
                arguments: [stored])
        }
        inEffect.selection = selection
        let (inEffect, exported) = (inEffect, exported)
        try await write { db in
            // It notes nothing that has a time.
            var recorder = try Recorder(PendingTable(db, inEffect), exported, now: .epoch)
            try recorder.decideAgain()
        }
        while try await write({ try Marking(pending: PendingTable($0, inEffect)).markNext(StateStore.markedAtATime) }) {
            progress()
        }
        return true
    }
}

/// Marks keys anew, in their order.
private struct Marking {
    let pending: PendingTable

    /// Marks the next keys.
    ///
    /// - Returns: whether there may be more.
    func markNext(_ limit: Int) throws -> Bool {
        let db = pending.db
        guard let position = try String.fetchOne(db, sql: "SELECT marked_up_to FROM state") else { return false }
        let keys = try String.fetchAll(db, sql: StateStore.markingWindowSQL, arguments: [position, limit])
        // A folder on the way is pending only because of what is below it, which comes after it.
        for key in keys {
            try db.cachedStatement(sql: "DELETE FROM pending WHERE key = ? AND verdict(key, 1, NULL, NULL) = 2")
                .execute(arguments: [key])
        }
        for key in keys { try pending.refresh(RemoteKey(key)) }
        let isLast = keys.count < limit
        try db.execute(sql: "UPDATE state SET marked_up_to = ?", arguments: [isLast ? nil : keys.last])
        return !isLast
    }
}
