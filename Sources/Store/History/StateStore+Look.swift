import GRDB
import SyncModel

/// What numbers the rows of the history have.
public struct HistoryMarks: Hashable, Sendable {
    /// The number of the first row that is kept; `nil` if there is none.
    public var first: Int64?
    /// The last number that was given to a row, whether that is kept or not.
    public var last: Int64
    /// The number of the row that ended the last pass that changed something; everything up to it belongs together.
    public var settled: Int64?

    /// Creates marks.
    public init(first: Int64?, last: Int64, settled: Int64?) {
        self.first = first
        self.last = last
        self.settled = settled
    }
}

extension StateStore {
    /// How often a file that somebody writes to is looked at anew.
    private static let looks = 20

    /// Opens a state file for one short look, beside a daemon or without one, by whoever may read it.
    ///
    /// The file is open no longer than `work` takes, so that it hinders nobody who stops or starts.
    ///
    /// - Parameters:
    ///   - path: the state file.
    ///   - migrating: whether a file of an earlier version is read as a copy that is brought up to date.
    ///   - work: what is read; it may be done again if the file is written to meanwhile.
    /// - Returns: `nil` if there is no file, or without `migrating` one of an earlier version that no daemon has opened since.
    /// - Throws: `StoreError` if it cannot be read, and what `work` throws.
    public static func look<T: Sendable>(
        at path: String, migrating: Bool = false, _ work: @Sendable (StateStore) async throws -> T
    ) async throws -> T? {
        for _ in 1..<looks {
            let before = StateStamp(path)
            let found: Result<T?, any Error>
            var isGuarded = false
            do {
                guard let (store, guarded) = try openForLook(at: path, migrating: migrating) else { return nil }
                isGuarded = guarded
                defer { try? store.close() }  // nothing was written
                found = .success(try await work(store))
            } catch {
                found = .failure(error)
            }
            if isGuarded || StateStamp(path) == before { return try found.get() }
        }
        throw StoreError(code: .busy, message: "state file \(path) is written to all the time")
    }

    /// What numbers the rows of the history have.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func historyMarks() async throws -> HistoryMarks {
        try await read { db in
            HistoryMarks(
                first: try Int64.fetchOne(db, sql: "SELECT min(n) FROM history"),
                last: try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'history'") ?? 0,
                settled: try Int64.fetchOne(
                    db, sql: "SELECT n FROM history WHERE event = ? ORDER BY n DESC LIMIT 1",
                    arguments: [ChangeKind.passDone.rawValue]))
        }
    }
}
