import Foundation
import GRDB
import Glibc
import Store
import SyncModel
import TestSupport
import Synchronization
import Testing

/// Looks at the history by others than the daemon.
@Suite(.timeLimit(.minutes(5)))
struct HistoryLookTests {
    private static let effects = EffectRecord(
        pass: 1,
        changes: ["/a", "/b", "/c"].map { MirrorChange(.filePlaced, path: $0, size: 1) }, kept: [])

    private func look(_ fixture: StoreFixture) async throws -> HistoryMarks? {
        try await StateStore.look(at: fixture.path) { try await $0.historyMarks() }
    }

    @Test("marks say where the history begins, ends, and what has settled, beside a writer and without one")
    func marks() async throws {
        let fixture = try StoreFixture()
        let empty = try #require(try await look(fixture))
        #expect(empty.first == nil && empty.settled == nil && empty.last > 0)
        try await fixture.store.record(Self.effects, now: StoreFixture.now)
        #expect(
            try await look(fixture) == HistoryMarks(first: empty.last + 1, last: empty.last + 3, settled: nil))
        try await fixture.store.settleHistory(pass: 1, now: StoreFixture.now)
        let settled = HistoryMarks(first: empty.last + 1, last: empty.last + 4, settled: empty.last + 4)
        #expect(try await look(fixture) == settled)
        try fixture.store.close()
        #expect(try await look(fixture) == settled)
    }

    @Test("a look leaves nothing beside the file, and needs no right to write there")
    func traceless() async throws {
        let fixture = try StoreFixture()
        try fixture.store.close()
        _ = try #require(try await look(fixture))
        for suffix in ["-wal", "-shm"] { #expect(access(fixture.path + suffix, F_OK) != 0) }
        var status = stat()
        #expect(stat(fixture.path, &status) == 0 && status.st_mode & 0o777 == 0o640)
    }

    @Test("who looks at the file while it is closed does not make that an end that was no end")
    func closing() async throws {
        let fixture = try StoreFixture()
        try await fixture.store.record(Self.effects, now: StoreFixture.now)
        let reader = try StateStore.openReadOnly(at: fixture.path)
        _ = try await reader.historyMarks()
        try fixture.store.close()
        var status = stat()
        #expect(stat(fixture.path + "-wal", &status) != 0 || status.st_size == 0)
        #expect(try await reader.historyMarks().first != nil)
    }

    @Test("the logs have the mode of the file: its group may read them")
    func modes() async throws {
        let fixture = try StoreFixture()
        try await fixture.store.record(Self.effects, now: StoreFixture.now)
        for suffix in ["", "-wal", "-shm"] {
            var status = stat()
            #expect(stat(fixture.path + suffix, &status) == 0 && status.st_mode & 0o777 == 0o640, "\(suffix)")
        }
    }

    @Test("without a file there is nothing to look at")
    func missing() async throws {
        let folder = try TemporaryFolder()
        #expect(try await StateStore.look(at: folder("state.db")) { try await $0.historyMarks() } == nil)
    }

    @Test("a look that a write has come into is made anew")
    func disturbed() async throws {
        let fixture = try StoreFixture()
        try fixture.store.close()
        let path = fixture.path
        let tries = Counter()
        let last = try await StateStore.look(at: path) { store in
            let last = try await store.historyMarks().last
            if tries.next() == 1 {
                let writer = try StateStore.open(at: path)
                try await writer.record(Self.effects, now: StoreFixture.now)
                try writer.close()
            }
            return last
        }
        let now = try #require(try await look(fixture))
        #expect(tries.count == 2 && last == now.last)
    }

    @Test("the last rows begin where so many of what is asked for are left")
    func beginnings() async throws {
        let fixture = try StoreFixture()
        try await fixture.store.record(Self.effects, now: StoreFixture.now)
        let first = try #require(try await look(fixture)?.first)
        var query = HistoryQuery()
        query.limit = 2
        #expect(try await fixture.store.historyBeginning(query) == first + 1)
        query.path = "/a"
        #expect(try await fixture.store.historyBeginning(query) == nil)
        query.limit = 1
        #expect(try await fixture.store.historyBeginning(query) == first)
    }

    @Test("what was written down under a path is found by its letters in either case, and by its bytes")
    func spellings() async throws {
        let fixture = try StoreFixture()
        let paths = ["/\u{c4}/f", "/\u{e4}", "/\u{e4}b", "/A\u{308}/f"]
        try await fixture.store.record(
            EffectRecord(
                pass: 1,
                changes: paths.map { MirrorChange(.filePlaced, path: $0) }
                    + [MirrorChange(.moved, path: "/x", oldPath: "/\u{c4}/old")],
                kept: paths.map { path in
                    KeptItem(path: path, place: "trash/1", reason: .removed, isFolder: true, version: nil, size: 0)
                }), now: StoreFixture.now)
        try await expectSpellings(fixture.store)
        try fixture.store.close()
        // As a file that was written by the version before.
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { db in
            try db.execute(
                sql: """
                    \(StoreFixture.dropVersion10) DROP INDEX history_key; DROP INDEX history_old_key; DROP INDEX trash_key;
                    ALTER TABLE history DROP COLUMN key; ALTER TABLE history DROP COLUMN old_key;
                    ALTER TABLE trash DROP COLUMN key;
                    CREATE INDEX history_path ON history(path);
                    CREATE INDEX history_old_path ON history(old_path) WHERE old_path IS NOT NULL;
                    CREATE INDEX trash_path ON trash(path);
                    DROP TABLE census; DROP TABLE activity;
                    PRAGMA user_version = 7;
                    """)
        }
        try queue.close()
        // Who looks sees it brought up to date, and leaves it as it is.
        let before = try Data(contentsOf: URL(filePath: fixture.path))
        #expect(try await StateStore.look(at: fixture.path) { _ in true } == nil)
        let looked: Void? = try await StateStore.look(at: fixture.path, migrating: true) {
            try await expectSpellings($0)
        }
        #expect(looked != nil)
        #expect(try Data(contentsOf: URL(filePath: fixture.path)) == before)
        try await expectSpellings(try StateStore.open(at: fixture.path))
    }

    private func expectSpellings(_ store: StateStore) async throws {
        for path in ["/\u{c4}", "/\u{e4}"] {
            var query = HistoryQuery()
            query.path = path
            let found = try await store.history(query).map { Array($0.change.path.utf8) }
            #expect(found == ["/\u{c4}/f", "/\u{e4}", "/x"].map { Array($0.utf8) })
            let kept = try await store.trash(at: path).map { Array($0.item.path.utf8) }
            #expect(kept == ["/\u{c4}/f", "/\u{e4}"].map { Array($0.utf8) })
        }
    }

    @Test("a file that has not changed is not looked at again")
    func watch() async throws {
        let fixture = try StoreFixture()
        var watch = StateWatch(fixture.path)
        func isDue(_ now: Timestamp) -> Bool { watch.isDue(now: now) }
        let now = Timestamp(seconds: Int64(time(nil)))
        #expect(isDue(now))
        #expect(isDue(now + 60), "two writes may have the same time")
        #expect(!isDue(now + 60))
        try await fixture.store.record(Self.effects, now: StoreFixture.now)
        #expect(isDue(now + 60))
        watch.forget()
        #expect(isDue(now + 60))
    }
}

/// Counts calls.
private final class Counter: Sendable {
    private let number = Mutex(0)

    var count: Int { number.withLock { $0 } }

    func next() -> Int {
        number.withLock {
            $0 += 1
            return $0
        }
    }
}
