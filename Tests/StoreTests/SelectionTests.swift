import Foundation
import GRDB
import Store
import SyncModel
import TestSupport
import Testing

/// Pending keeps to the selection, whatever becomes of either.
@Suite(.timeLimit(.minutes(15)))
struct SelectionTests {
    @Test("what is outside is wanted and never pending") func record() async throws {
        let fixture = try StoreFixture()
        try await fixture.store.select(Selection(excluding: ["*.tmp", "/b"]))
        let recorded = try await fixture.record("a/ a/x=1 a/y.tmp=2 b/ b/c/ b/c/z=3 d=4")
        #expect(try await fixture.wanted() == ["/a/", "/a/x", "/a/y.tmp", "/b/", "/b/c/", "/b/c/z", "/d"])
        #expect(try await fixture.additions() == ["/a", "/a/x", "/d"])
        #expect(recorded.files == 2)
        #expect(try await fixture.store.leftOut(by: fixture.store.selection) == 4)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("folders on the way are pending where something needs them") func onTheWay() async throws {
        let fixture = try StoreFixture()
        try await fixture.store.select(Selection(including: ["*.pdf"]))
        try await fixture.record("a/ a/b/ a/b/x.pdf=1 a/c/ d/ d/y=2")
        #expect(try await fixture.additions() == ["/a", "/a/b", "/a/b/x.pdf"])
        #expect(try await fixture.store.leftOut(by: fixture.store.selection) == 3)
        try await fixture.applyAll()
        #expect(try await fixture.additions() == [])
        try await fixture.record("a/c/new.pdf=5", deleted: ["a/b"])
        #expect(try await fixture.additions() == ["/a/c", "/a/c/new.pdf"])
        #expect(try await fixture.removals() == ["/a/b/x.pdf", "/a/b"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a new selection marks what comes in and drops what goes out") func remark() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 b/ b/y=2 c=3")
        try await fixture.applyAll()
        try await fixture.record("a/x=8 b/y=9", deleted: ["c"])
        #expect(try await fixture.store.select(Selection(excluding: ["/a", "c"])))
        #expect(try await fixture.additions() == ["/b/y"])
        #expect(try await fixture.removals() == [])
        #expect(try await fixture.store.brokenInvariants() == [])
        #expect(try await !fixture.store.select(Selection(excluding: ["/a", "c"])))
        #expect(try await fixture.store.select(Selection(including: ["/a/x"])))
        #expect(try await fixture.additions() == ["/a/x"])
        #expect(try await fixture.store.brokenInvariants() == [])
        try await fixture.store.select(.everything)
        #expect(try await fixture.additions() == ["/a/x", "/b/y"])
        #expect(try await fixture.removals() == ["/c"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("what is outside stays outside through deltas, listings and repairs") func staysOutside() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 a/y=2 b=3")
        try await fixture.applyAll()
        try await fixture.store.select(Selection(excluding: ["x", "b"]))
        try await fixture.record("a/x=5", deleted: ["b"])
        try await fixture.store.beginRelist()
        try await fixture.record("a/ a/y=2")
        #expect(try await fixture.additions() + fixture.removals() == [])
        try await fixture.store.forget([RemoteKey("/a/x")])
        #expect(try await fixture.additions() + fixture.removals() == [])
        #expect(try await fixture.entry() == ["a/", "a/y", "b"])
        #expect(try await fixture.store.brokenInvariants() == [])
        #expect(try await fixture.store.markInStep(asOf: 5))
    }

    @Test("a folder that is gone is pending no more once only what is left alone is in it") func folderStays()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 a/b/y=2 a/z=3")
        try await fixture.applyAll()
        try await fixture.store.select(Selection(excluding: ["x"]))
        try await fixture.record(deleted: ["a"])
        let window = try await fixture.store.removals(before: nil, limit: 9, now: StoreFixture.now)
        #expect(window.map(\.key.text) == ["/a/z", "/a/b/y", "/a/b", "/a"])
        #expect(window.map(\.holdsLeftAlone) == [false, false, true, true])
        try await fixture.commit([
            .have(RemoteKey("/a/z"), nil), .have(RemoteKey("/a/b/y"), nil), .recheck(RemoteKey("/a/b")),
            .recheck(RemoteKey("/a")),
        ])
        #expect(try await fixture.removals() == [])
        #expect(try await fixture.store.brokenInvariants() == [])
        try await fixture.store.select(.everything)
        #expect(try await fixture.removals() == ["/a/b/x", "/a/b", "/a"])
    }

    @Test("what would have to make room says so if it holds something that is left alone") func blocked() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 f=2")
        try await fixture.applyAll()
        try await fixture.store.select(Selection(including: ["a", "!a/x", "/f/"]))
        try await fixture.record("a=3", deleted: ["a", "f"])
        try await fixture.record("a=3 f/ f/g=4")
        let window = try await fixture.store.additions(after: nil, limit: 9, now: StoreFixture.now)
        #expect(window.map(\.key.text) == ["/a", "/f", "/f/g"])
        #expect(window.map(\.holdsLeftAlone) == [true, true, false])
        #expect(Planner.clearing(window) == [])
        #expect(
            Planner.placing(window, candidates: ReuseIndex()).map(\.description) == [
                "park /a: \(PendingItem.leftAloneReason)", "park /f: \(PendingItem.leftAloneReason)",
                "park /f/g: the folder /f above it cannot be mirrored: \(PendingItem.leftAloneReason)",
            ])
    }

    @Test("a file that is left alone is copied from, not moved") func candidate() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("x=1 y=2")
        try await fixture.applyAll()
        try await fixture.store.select(Selection(excluding: ["x"]))
        try await fixture.record("new=1 other=2", deleted: ["x", "y"])
        let hashes = ["1", "2"].map { TreeText.version($0).hash }
        let candidates = try await fixture.store.reuseCandidates(
            for: Dictionary(uniqueKeysWithValues: hashes.map { ($0, 1) }))
        #expect(hashes.compactMap { candidates.byHash[$0]?.first?.isLeaving } == [false, true])
    }

    @Test("a marking that was cut off is finished, and nothing is in step before") func cutOff() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b=2 c=3")
        try await fixture.applyAll()
        try await fixture.record("a=4 b=5 c=6")
        try await fixture.store.select(Selection(excluding: ["?"]))
        #expect(try await fixture.additions() == [])
        try fixture.store.close()
        // As after the first transaction of select(.everything).
        let raw = try DatabaseQueue(path: fixture.path)
        try await raw.write { try $0.execute(sql: "UPDATE state SET selection = NULL, marked_up_to = '/a'") }
        try raw.close()
        let again = try StateStore.open(at: fixture.path)
        #expect(try await again.progress().isMarking)
        #expect(try await !again.markInStep(asOf: 1))
        #expect(try await again.select(.everything))
        #expect(try await again.additions(after: nil, limit: 9, now: StoreFixture.now).map(\.key.text) == ["/b", "/c"])
        #expect(try await !again.progress().isMarking)
    }

    @Test("the selection is kept, and one that cannot be read is put anew") func kept() async throws {
        let fixture = try StoreFixture()
        let selection = try Selection(including: ["a \"quoted\"\n", "ä/*"], excluding: ["!x"])
        try await fixture.store.select(selection)
        try fixture.store.close()
        let again = try StateStore.openReadOnly(at: fixture.path)
        #expect(again.selection == selection)
        try again.close()
        let raw = try DatabaseQueue(path: fixture.path)
        try await raw.write {
            try $0.execute(sql: "UPDATE state SET selection = '{\"include\":[\"[\"],\"exclude\":[]}'")
        }
        try raw.close()
        let third = try StateStore.open(at: fixture.path)
        #expect(third.selection == .everything)
        #expect(try await third.select(.everything))
        #expect(try await !third.select(.everything))
    }

    @Test("a million keys would be marked in the order of both tables, without sorting") func plan() async throws {
        let fixture = try StoreFixture()
        try fixture.store.close()
        let raw = try DatabaseQueue(path: fixture.path)
        let plan = try await raw.read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + StateStore.markingWindowSQL, arguments: ["", 9]).map {
                $0["detail"] as String
            }
        }
        #expect(plan.contains { $0.contains("MERGE") } && !plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
    }

    @Test("a file of version 1 is opened, and read without being changed") func version1() async throws {
        let folder = try TemporaryFolder()
        let path = folder("state.db")
        let raw = try DatabaseQueue(path: path)
        try await raw.write { db in
            try db.execute(sql: version1SQL)
            try db.execute(
                sql: """
                    INSERT INTO want (key, name, kind, generation) VALUES ('/a', 'A', 0, 1), ('/b', 'b', 0, 1);
                    INSERT INTO have (key, name, kind, inode) VALUES ('/a', 'A', 0, 7);
                    INSERT INTO pending (key) VALUES ('/b');
                    UPDATE state SET cursor = 'c', mirror_id = 'm', listing = 0, ever_listed = 1;
                    """)
        }
        try raw.close()
        let before = FileManager.default.contents(atPath: path)
        let reader = try StateStore.openReadOnly(at: path)
        #expect(try await reader.progress().mirrorID == "m")
        #expect(try await reader.brokenInvariants() == [])
        #expect(try await StateStore.scratchCopy(of: path).progress().cursor?.text == "c")
        try reader.close()
        #expect(FileManager.default.contents(atPath: path) == before)
        let store = try StateStore.open(at: path)
        #expect(store.selection == .everything)
        #expect(try await store.additions(after: nil, limit: 9, now: 0).map(\.key.text) == ["/b"])
        #expect(try await store.select(Selection(excluding: ["b"])))
        #expect(try await store.additions(after: nil, limit: 9, now: 0) == [])
        #expect(try await store.brokenInvariants() == [])
    }
}

/// What version 1 has made; it is in use and never changes.
private let version1SQL = """
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1), account TEXT, account_name TEXT, remote_root TEXT, root_id TEXT,
        mirror_id TEXT,
        cursor TEXT, listing INTEGER NOT NULL, ever_listed INTEGER NOT NULL, generation INTEGER NOT NULL,
        listed_at INTEGER, checked_at INTEGER, in_step_as_of INTEGER) STRICT;
    CREATE TABLE want (
        key TEXT PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, rev TEXT, size INTEGER, hash BLOB,
        modified INTEGER, reason TEXT, generation INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE have (
        key TEXT PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, rev TEXT, size INTEGER, hash BLOB,
        modified INTEGER, inode INTEGER NOT NULL, mtime_ns INTEGER) STRICT, WITHOUT ROWID;
    CREATE INDEX have_hash ON have(hash) WHERE hash IS NOT NULL;
    CREATE TABLE pending (
        key TEXT PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER, reason TEXT,
        parked INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
    CREATE INDEX pending_later ON pending(not_before) WHERE not_before IS NOT NULL;
    CREATE TABLE intent (
        key TEXT NOT NULL, path TEXT NOT NULL, name TEXT, kind INTEGER, rev TEXT, size INTEGER, hash BLOB,
        modified INTEGER, inode INTEGER, mtime_ns INTEGER, PRIMARY KEY (key, path)) STRICT, WITHOUT ROWID;
    CREATE TABLE pass (
        id INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER NOT NULL, outcome TEXT NOT NULL,
        placed INTEGER NOT NULL, removed INTEGER NOT NULL, bytes INTEGER NOT NULL, failed INTEGER NOT NULL
        ) STRICT;
    INSERT INTO state (id, listing, ever_listed, generation) VALUES (1, 1, 0, 1);
    PRAGMA application_id = 1684174963;
    PRAGMA user_version = 1;
    """
