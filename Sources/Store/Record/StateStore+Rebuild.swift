import GRDB
import GRDBSQLite
public import SyncModel

/// What was done about a damaged state file.
public struct Rebuild: Sendable {
    /// The file that was found damaged.
    public var kept: DamagedState
    /// What was wrong with it.
    public var cause: StoreError
}

extension StateStore {
    /// Opens the state file for writing and reads it whole; a damaged one is set aside, and an empty state made in its
    /// place.
    ///
    /// - Parameters:
    ///   - path: the state file.
    ///   - others: files that have to stay where they are as long as the state is open.
    ///   - now: the time.
    ///   - faults: for tests.
    /// - Throws: `StoreError`: a file of another program or of a later version is refused and left as it is, and so is
    ///   one that the disk does not give.
    public static func openOrRebuild(
        at path: String, beside others: [String] = [], now: Timestamp, faults: @escaping FaultHook = { _ in }
    ) async throws -> (store: StateStore, rebuild: Rebuild?) {
        do {
            return (try await openWhole(at: path, beside: others, faults: faults), nil)
        } catch let error as StoreError {
            guard error.code == .damaged else { throw error }
            let kept = try DamagedState.setAside(path, because: error, now: now)
            return (try open(at: path, beside: others, faults: faults), Rebuild(kept: kept, cause: error))
        }
    }

    /// Opens the state file for writing and reads it whole.
    ///
    /// - Throws: `StoreError`, with `.damaged` if something is not what was written.
    public static func openWhole(
        at path: String, beside others: [String] = [], faults: @escaping FaultHook = { _ in }
    ) async throws -> StateStore {
        let store = try open(at: path, beside: others, isAuditedLater: true, faults: faults)
        do {
            try await store.verifyChecksums()
            return store
        } catch {
            try? store.close()  // what is wrong with it is known
            throw error
        }
    }

    /// Closes the state after `error`; if that has found damage, sets its file aside, so that the next start begins anew.
    ///
    /// - Returns: the error that tells all of it.
    public func close(after error: any Error, now: Timestamp) -> any Error {
        try? close()  // what cannot be written back is lost anyway
        guard let damage = error as? StoreError, damage.code == .damaged else { return error }
        do {
            let kept = try DamagedState.setAside(path, because: damage, now: now)
            return StoreError(
                code: .setAside, message: "\(damage.message): it is kept as \(kept.path)",
                hint: "the next start lists the account anew and takes over the files that are there")
        } catch {
            return error
        }
    }
}

extension FileHeader {
    /// Whether a state file stands at `path`; false if nothing does.
    ///
    /// - Throws: `StoreError`: with `.damaged` if what stands there was one once, with `.foreign` if it never was.
    static func isPresent(_ path: String) throws -> Bool {
        do {
            return try check(path)
        } catch let error as StoreError {
            guard error.code == .foreign, !isForeign(path) else { throw error }
            throw StoreError(
                code: .damaged, message: "the header of the state file \(path) is damaged",
                hint: StoreError.rebuildHint)
        }
    }

    /// Whether an SQLite file is whole enough to tell its tables, and has none of ours.
    private static func isForeign(_ path: String) -> Bool {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        guard sqlite3_open_v2(immutableURI(path), &connection, flags, nil) == SQLITE_OK else { return false }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('want', 'have', 'pending', 'intent')"
        guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK,
            sqlite3_step(statement) == SQLITE_ROW
        else { return false }
        return sqlite3_column_int(statement, 0) == 0
    }
}
