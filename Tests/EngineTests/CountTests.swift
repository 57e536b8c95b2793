import Engine
import Foundation
import GRDB
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Store

/// What a pass costs, exactly: times differ from machine to machine, counts do not.
///
/// A count that has changed fails, also when it is lower. Lower is good news: write it down here, and say in the commit
/// what has saved it. Higher needs a reason that is worth it.
@Suite(.timeLimit(.minutes(30)))
struct CountTests {
    /// What a pass asks of the server.
    private struct Requests: Equatable {
        var pages = 1
        var downloads = 0
    }

    /// What a pass asks of SQLite and of the disk.
    ///
    /// The calls of `fsync` for folders are not counted: which of them is made durable first is up to chance, and a
    /// `syncfs` makes the others unnecessary.
    private struct Work: Equatable {
        /// Statements, those that begin and end transactions among them.
        var statements: Int
        /// Transactions.
        var commits: Int
        /// SQLite's waits for the disk.
        var fdatasync: Int
        var syncfs: Int
    }

    /// An account of 200 files in 20 folders.
    private func fixture() throws -> EngineFixture {
        let fixture = try EngineFixture()
        fixture.account.configure { $0.movesMakeRevisions = false }
        fixture.settings.parallel = 1
        fixture.settings.listensAfter = .seconds(3600)  // no page for a pass that takes long
        for number in 0..<200 { _ = try fixture.account.put("/folder \(number % 20)/\(number)", "text \(number)") }
        return fixture
    }

    /// Runs a pass and compares what it costs.
    ///
    /// - Parameter work: nothing if it depends on when downloads end.
    private func expect(
        _ requests: Requests, _ work: Work? = nil, for what: String, _ fixture: EngineFixture,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let queue = try await fixture.start().store.queue
        let statements = Atomic<Int>(0)
        let commits = Commits()
        try await queue.writeWithoutTransaction { db in
            // When the log is next written back depends on how the passes before were cut into batches.
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            db.trace(options: .statement) { _ in statements.wrappingAdd(1, ordering: .relaxed) }
            db.add(transactionObserver: commits, extent: .observerLifetime)
        }
        fixture.remote.resetCounts()
        SyncCalls.watch(fixture.folder.path)
        try await fixture.pass()
        let calls = SyncCalls.end(fixture.folder.path)
        try await queue.writeWithoutTransaction { db in
            db.trace(options: .statement, nil)
            db.remove(transactionObserver: commits)
        }
        #expect(try fixture.differences() == [], sourceLocation: sourceLocation)
        let asked = Requests(pages: fixture.remote.pages, downloads: fixture.remote.downloads)
        let done = Work(
            statements: statements.load(ordering: .relaxed), commits: commits.count,
            fdatasync: calls["fdatasync", default: 0], syncfs: calls["syncfs", default: 0])
        guard asked != requests || work.map({ $0 != done }) ?? false else { return }
        Issue.record(
            """
            \(what) does not cost what is written down here:
            written down: \(requests), \(work.map { "\($0)" } ?? "any work")
            found:        \(asked), \(done)
            A lower count is good news: write it down, and say in the commit what has saved it. A higher one needs a \
            reason that is worth it.
            """, sourceLocation: sourceLocation)
    }

    @Test("a pass without changes, ten edits, a renamed folder and removals have their exact price")
    func changes() async throws {
        let fixture = try fixture()
        try await expect(Requests(downloads: 200), for: "the first mirror of 200 files in 20 folders", fixture)
        // What is published together depends on when it is ready; one by one it does not.
        fixture.settings.batch = 1
        await fixture.select(.everything)
        try await expect(
            Requests(), Work(statements: 91, commits: 1, fdatasync: 2, syncfs: 0), for: "a pass without changes",
            fixture)
        for number in 0..<10 { _ = try fixture.account.put("/folder \(number)/\(number)", "edited \(number)") }
        try await expect(
            Requests(downloads: 10), Work(statements: 528, commits: 24, fdatasync: 24, syncfs: 10), for: "ten edits",
            fixture)
        _ = try fixture.account.move("/folder 7", "/renamed")
        try await expect(
            Requests(), Work(statements: 590, commits: 28, fdatasync: 28, syncfs: 0),
            for: "a renamed folder of ten files",
            fixture)
        _ = try fixture.account.delete("/folder 8")
        try await expect(
            Requests(), Work(statements: 432, commits: 26, fdatasync: 26, syncfs: 0),
            for: "a removed folder of ten files",
            fixture)
    }
}

/// Counts transactions that have written.
private final class Commits: TransactionObserver, Sendable {
    private let commits = Atomic<Int>(0)

    var count: Int { commits.load(ordering: .relaxed) }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }

    func databaseDidChange(with event: DatabaseEvent) {}

    func databaseDidCommit(_ db: Database) { commits.wrappingAdd(1, ordering: .relaxed) }

    func databaseDidRollback(_ db: Database) {}
}
