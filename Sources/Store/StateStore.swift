import FoundationEssentials
import GRDB
public import SyncModel
import Synchronization

/// The state file: want, have, pending, intent and the cursor, in SQLite.
///
/// One writer process at a time (the instance lock sees to that); others may open it read-only at any time. Every
/// write is one transaction, durable when it returns (`synchronous = FULL`); `select` needs several, and is continued
/// after a crash. The file is a cache of facts: losing it costs a listing and local hashing, never data.
public final class StateStore: Sendable {
    private let opened: Mutex<DatabaseQueue>
    let path: String
    let faults: FaultHook
    let inEffect: SelectionInEffect
    let exported = ExportedContents()
    /// What a transaction changes of the checksums.
    let tallies: Tallies
    let recorded = Atomic<Int>(0)
    /// Whether nothing can be written.
    let isReadOnly: Bool

    /// Where it has to stay; nil for who only looks, and for a copy.
    let files: OpenFiles?

    private init(
        _ connection: Connection, path: String, isReadOnly: Bool, beside others: [String]? = nil,
        faults: @escaping FaultHook = { _ in }
    ) throws {
        opened = Mutex(connection.queue)
        self.path = path
        self.faults = faults
        self.isReadOnly = isReadOnly
        (inEffect, tallies) = (connection.selection, connection.tallies)
        try connection.queue.read { [inEffect] in try inEffect.load($0) }
        if !isReadOnly { try connection.queue.writeWithoutTransaction { [tallies] in try tallies.install(in: $0) } }
        files = try others.map { try OpenFiles(path, others: $0) }  // the first statement has made the logs
    }

    /// How often something was recorded of the account since the state was opened.
    public var recordings: Int { recorded.load(ordering: .acquiring) }

    var queue: DatabaseQueue { opened.withLock { $0 } }

    /// Opens the state file for writing; makes it if there is none.
    ///
    /// After an end that was no end – killed, no power – all of it is read and compared with its checksums.
    ///
    /// - Parameters:
    ///   - path: the state file.
    ///   - others: files that have to stay where they are as long as the state is open.
    ///   - faults: for tests.
    /// - Throws: `StoreError`: an existing file that is empty, cut short, damaged, foreign or of a later version is
    ///   refused and left as it is.
    public static func open(
        at path: String, beside others: [String] = [], faults: @escaping FaultHook = { _ in }
    ) throws -> StateStore {
        try open(at: path, beside: others, isAuditedLater: false, faults: faults)
    }

    /// The same.
    ///
    /// - Parameter isAuditedLater: whether the caller reads all of it in any case.
    static func open(
        at path: String, beside others: [String], isAuditedLater: Bool, faults: @escaping FaultHook
    ) throws -> StateStore {
        do {
            if try !FileHeader.isPresent(path) { try create(at: path) }
            // Whoever closes the file leaves no log beside it.
            let wasKilled = FileHeader.hasLog(path)
            let connection = try Connection(path, readOnly: false)
            try connection.queue.writeWithoutTransaction { _ = try checkVersion($0, path: path) }
            try Schema.refusingOther { try connection.queue.write { try Schema.migrate($0) } }
            try connection.queue.read { try Schema.check($0) }
            let store = try StateStore(connection, path: path, isReadOnly: false, beside: others, faults: faults)
            if wasKilled && !isAuditedLater {
                _ = try connection.queue.read { try Audit.run(PendingTable($0, store.inEffect)).unlisted.count }
            }
            return store
        } catch {
            throw StoreError.wrappingOpening(error, path: path)
        }
    }

    /// Opens the state file for reading, beside a running daemon or without one.
    ///
    /// - Throws: `StoreError`, with `code` `.missing` if there is no such file.
    public static func openReadOnly(at path: String) throws -> StateStore {
        do {
            guard try FileHeader.isPresent(path) else {
                throw StoreError(
                    code: .missing, message: "there is no state file \(path)", hint: "dbxsync has not run here yet")
            }
            let connection: Connection
            do {
                connection = try openForReading(path)
            } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
                // SQLite cannot make the shared memory of its log beside the file.
                let copy = try TemporaryCopy(of: path)
                defer { copy.remove() }
                connection = try openForReading(copy.path)
            }
            // An older file cannot be brought up to date by who only reads it; a copy can.
            if try connection.queue.read({ try checkVersion($0, path: path) }) < Schema.version {
                return try migratedCopy(of: connection.queue, path: path)
            }
            try connection.queue.read { try Schema.check($0) }
            return try StateStore(connection, path: path, isReadOnly: true)
        } catch {
            throw StoreError.wrappingOpening(error, path: path)
        }
    }

    /// Opens the state file for a look.
    ///
    /// - Parameter migrating: whether a file of an earlier version is read as a copy that is brought up to date.
    /// - Returns: the store, and whether it is safe from others who write; if not, what was read counts only if the file
    ///   has not changed meanwhile. `nil` if there is no such file, or without `migrating` one of an earlier version.
    /// - Throws: `StoreError`.
    static func openForLook(at path: String, migrating: Bool = false) throws -> (store: StateStore, isGuarded: Bool)? {
        do {
            guard try FileHeader.isPresent(path) else { return nil }
            let (connection, isGuarded) = try connectForLook(path)
            let version = try connection.queue.read { try checkVersion($0, path: path) }
            if version < Schema.version {
                return migrating ? (try migratedCopy(of: connection.queue, path: path), isGuarded) : nil
            }
            return (try StateStore(connection, path: path, isReadOnly: true), isGuarded)
        } catch {
            throw StoreError.wrappingOpening(error, path: path)
        }
    }

    /// Without a log nobody has the file open who has written to it: then it is read without one, and without SQLite's
    /// shared memory, which needs permission to write to the directory.
    private static func connectForLook(_ path: String) throws -> (Connection, isGuarded: Bool) {
        if !FileHeader.hasLog(path), let connection = try? openForReading(FileHeader.immutableURI(path)) {
            return (connection, false)
        }
        do {
            return (try openForReading(path), true)
        } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
            let copy = try TemporaryCopy(of: path)
            defer { copy.remove() }
            return (try openForReading(copy.path), true)
        }
    }

    private static func openForReading(_ path: String) throws -> Connection {
        let connection = try Connection(path, readOnly: true)
        // The first statement opens the log.
        _ = try connection.queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
        return connection
    }

    /// A private copy of the state for trying things out; it vanishes with the process.
    ///
    /// - Parameter path: the state file; an empty state if there is none.
    /// - Throws: `StoreError`, as `openReadOnly` does.
    public static func scratchCopy(of path: String) throws -> StateStore {
        do {
            guard try FileHeader.isPresent(path) else { return try migratedCopy(of: nil, path: path) }
            let original = try openReadOnly(at: path)
            defer { try? original.close() }  // read-only: nothing to lose
            return try migratedCopy(of: original.queue, path: path)
        } catch {
            throw StoreError.wrappingOpening(error, path: path)
        }
    }

    /// Gives back what SQLite keeps of the file in memory; it is read again when it is needed.
    public func releaseMemory() { queue.releaseMemory() }

    private static func migratedCopy(of original: DatabaseQueue?, path: String) throws -> StateStore {
        // An empty name makes SQLite keep the database in memory, and beyond its cache in a file without a name.
        let connection = try Connection("", readOnly: false)
        try original?.backup(to: connection.queue)
        try Schema.refusingOther { try connection.queue.write { try Schema.migrate($0) } }
        try connection.queue.read { try Schema.check($0) }
        return try StateStore(connection, path: "the copy of " + path, isReadOnly: false)
    }

    /// Makes sure that the files of the state are still where they were when it was opened.
    ///
    /// - Throws: `StoreError` with `.takenAway`; whatever is written says so by itself.
    public func checkPlace() throws { try files?.check() }

    /// Closes the file; later calls fail.
    ///
    /// - Throws: what SQLite reports.
    public func close() throws {
        guard files?.isLogOurs ?? true else {
            // SQLite would remove the log of the file that stands there now; what is open ends with the process.
            _ = Unmanaged.passRetained(queue)
            return
        }
        if !isReadOnly { emptyLog() }
        try queue.close()
    }

    /// Leaves an empty log where somebody else looks at the file just now: SQLite removes it with the last connection
    /// only, and one that holds something stands for an end that was no end.
    private func emptyLog() {
        // Who reads at this moment is not waited for long.
        try? queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA busy_timeout = 500; PRAGMA wal_checkpoint(TRUNCATE)")
        }
    }

    /// Makes the file under another name first: a crash leaves no empty state file behind.
    private static func create(at path: String) throws {
        let draft = path + ".new"
        try FileHeader.removeWithLogs(draft)  // what an earlier crash left, if anything
        try FileHeader.removeWithLogs(path)  // there is no such file, but perhaps its logs
        let queue = try DatabaseQueue(path: draft)
        try queue.write { try Schema.migrate($0) }
        try queue.close()
        try FileHeader.publish(draft, as: path)
    }

    private static func checkVersion(_ db: Database, path: String) throws -> Int {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard 0...Schema.lastThinkable ~= version else {
            throw StoreError(code: .damaged, message: "its version cannot be \(version)")
        }
        guard version <= Schema.version else {
            throw StoreError(
                code: .fromTheFuture,
                message: "state file \(path) has version \(version), this dbxsync knows \(Schema.version)",
                hint: "install the newer dbxsync again")
        }
        return version
    }

    func write<T: Sendable>(_ work: @escaping @Sendable (Database) throws -> T) async throws -> T {
        try files?.check()
        do {
            return try await queue.write { [tallies] db in
                tallies.clear()
                let result = try work(db)
                try tallies.save(in: db)
                return result
            }
        } catch {
            throw StoreError.wrapping(error, path: path)
        }
    }

    func read<T: Sendable>(_ work: @escaping @Sendable (Database) throws -> T) async throws -> T {
        do { return try await queue.read(work) } catch { throw StoreError.wrapping(error, path: path) }
    }
}

/// An open file, with what its SQL functions ask.
private struct Connection {
    let queue: DatabaseQueue
    let selection = SelectionInEffect()
    let tallies = Tallies()

    init(_ path: String, readOnly: Bool) throws {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.busyMode = .timeout(10)
        configuration.label = "state"
        configuration.prepareDatabase { [selection] db in
            if !readOnly {
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            // 8 MiB of pages: the process stays small however large the account is.
            try db.execute(sql: "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY")
            selection.register(in: db)
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }
}
