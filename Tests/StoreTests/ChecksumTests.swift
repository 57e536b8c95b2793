import Foundation
import GRDB
import SyncModel
import TestSupport
import Testing

@testable import Store

/// Every row counts in its table's checksum, whatever statement writes it; nothing that is damaged goes unseen.
@Suite(.timeLimit(.minutes(15)))
struct ChecksumTests {
    /// A state with something in every table that has a checksum, and nothing to be done.
    private func fixture() async throws -> StoreFixture {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.store.bind(
            Origin(account: "dbid:1", accountName: "Ann <ann@example.com>", folder: "/F", folderID: "id:1"))
        try await fixture.record("a/ a/x=one a/y=two b=three c!")
        try await fixture.applyAll()
        try await fixture.store.bindOutbox(directory: "/srv/outbox", remoteFolder: "/In")
        try await fixture.store.changeOutbox([OutboxPath("o")]) { file in
            let state = FileState(inode: 7, size: 3, modifiedNanoseconds: 1, changedNanoseconds: 2)
            file.seen = state
            file.receipt = OutboxReceipt(of: state, remote: "/In/o", rev: Rev("0123456789"), hash: .empty, id: "id:o")
        }
        let version = FileVersion(
            rev: Rev("0123456789"), size: 0, hash: .empty, modified: Timestamp(seconds: 1_600_000_000))
        try await fixture.store.note(
            UploadedHere(
                key: RemoteKey("/in/u"), name: FileName("u"), version: version,
                fingerprint: Fingerprint(inode: 9, size: 0, modifiedNanoseconds: 3), folders: []))
        return fixture
    }

    /// Runs SQL as another program would, while nobody else has the file open.
    private func tamper(_ fixture: StoreFixture, _ sql: String) throws {
        try raw(fixture.path) { try $0.execute(sql: sql) }.close()
    }

    private func raw(_ path: String, _ work: (Database) throws -> Void) throws -> DatabaseQueue {
        let queue = try DatabaseQueue(path: path)
        try queue.write(work)
        return queue
    }

    private func isFound(_ fixture: StoreFixture) async throws -> Bool {
        let store = try StateStore.open(at: fixture.path)
        defer { try? store.close() }  // nothing was written
        let broken = try await store.brokenInvariants()
        do {
            try await store.verifyChecksums()
            return false
        } catch let error as StoreError where error.code == .damaged {
            #expect(error.description.contains(fixture.path))
            #expect(broken.contains { $0.contains("checksum") })
            return true
        }
    }

    @Test("what was written is what is read") func right() async throws {
        let fixture = try await fixture()
        #expect(try await fixture.store.verifyChecksums() == 0)
        #expect(try await fixture.store.brokenInvariants() == [])
        try fixture.store.close()
        #expect(try await !isFound(fixture))
    }

    @Test(
        "a value that changes by itself is found",
        arguments: [
            "UPDATE want SET key = '/a/z' WHERE key = '/a/x'", "UPDATE want SET size = size + 1 WHERE key = '/b'",
            "UPDATE want SET hash = zeroblob(32) WHERE key = '/b'", "DELETE FROM want WHERE key = '/b'",
            "UPDATE have SET inode = inode + 1 WHERE key = '/b'", "UPDATE have SET rev = rev || 'x' WHERE key = '/b'",
            "DELETE FROM have WHERE key = '/a/y'", "INSERT INTO have (key, name, kind, inode) VALUES ('/d', 'd', 0, 1)",
            "UPDATE have SET name = 'A' WHERE key = '/a'", "UPDATE have SET mtime_ns = NULL WHERE key = '/b'",
            "UPDATE state SET cursor = 'c0'", "UPDATE state SET account = 'dbid:2'", "UPDATE state SET listing = 1",
            "UPDATE outbox SET remote = '/In/p'", "DELETE FROM outbox", "UPDATE upload SET inode = 10",
            "UPDATE checksum SET value = zeroblob(16) WHERE name = 'have'", "DELETE FROM checksum WHERE name = 'want'",
            "UPDATE checksum SET value = x'00' WHERE name = 'outbox'",
            // The same values, in other rows.
            "UPDATE want SET size = CASE key WHEN '/a/x' THEN 5 ELSE 3 END, hash = (SELECT hash FROM want x WHERE "
                + "x.key = CASE want.key WHEN '/a/x' THEN '/b' ELSE '/a/x' END) WHERE key IN ('/a/x', '/b')",
        ]) func tampered(sql: String) async throws
    {
        let fixture = try await fixture()
        try fixture.store.close()
        try tamper(fixture, sql)
        #expect(try await isFound(fixture))
    }

    @Test("what others may change at any time does not count") func leftOut() async throws {
        let fixture = try await fixture()
        try fixture.store.close()
        try tamper(
            fixture, "UPDATE want SET generation = 9; UPDATE have SET proven_at = 7; UPDATE state SET checked_at = 5")
        #expect(try await !isFound(fixture))
    }

    @Test("what is to be done and is not listed any more is listed again") func unlisted() async throws {
        let fixture = try await fixture()
        try await fixture.record("new=1", deleted: ["b"])
        try fixture.store.close()
        try tamper(fixture, "DELETE FROM pending")
        let reader = try StateStore.openReadOnly(at: fixture.path)
        #expect(try await reader.verifyChecksums() == 3)
        try reader.close()
        let store = try StateStore.open(at: fixture.path)
        #expect(try await store.verifyChecksums() == 3)
        #expect(
            try await store.additions(after: nil, limit: 10, now: StoreFixture.now).map(\.key.text) == ["/c", "/new"])
        #expect(try await store.removals(before: nil, limit: 10, now: StoreFixture.now).map(\.key.text) == ["/b"])
        #expect(try await store.brokenInvariants() == [])
    }

    @Test("a listing that ends on a damaged state is not recorded: nothing is removed for what it did not mention")
    func listing() async throws {
        let fixture = try await fixture()
        try fixture.store.close()
        try tamper(fixture, "UPDATE have SET key = '/e' WHERE key = '/b'")
        let store = try StateStore.open(at: fixture.path)
        try await store.beginRelist()
        let edits = PageFold.edits(for: try TreeText("a/ a/x=one").changes)
        await #expect(throws: StoreError.self) {
            try await store.record(edits, cursor: Cursor("new"), isLast: true, now: StoreFixture.now)
        }
        #expect(try await store.removals(before: nil, limit: 10, now: StoreFixture.now).isEmpty)
        #expect(try await store.progress().isListing)
    }

    @Test("after an end that was none the whole state is read before it is used") func killed() async throws {
        let fixture = try await fixture()
        let killed = try TemporaryFolder(inMemory: true)
        for name in ["state.db", "state.db-wal"] {
            try FileManager.default.copyItem(atPath: fixture.folder(name), toPath: killed(name))
        }
        let whole = try StateStore.open(at: killed("state.db"))
        #expect(try await whole.brokenInvariants() == [])
        let open = try raw(killed("state.db")) {
            try $0.execute(sql: "UPDATE have SET rev = 'other' WHERE key = '/b'")
        }
        defer { try? open.close() }  // its log stays as long as it is open
        #expect {
            try StateStore.open(at: killed("state.db"))
        } throws: {
            ($0 as? StoreError)?.code == .damaged
        }
    }

    @Test("what is rolled back does not count") func rolledBack() async throws {
        struct Fault: Error {}
        let fixture = try StoreFixture(inMemory: true, faults: { if $0 == .committed { throw Fault() } })
        try await fixture.record("a=1")
        let file = try #require(fixture.placed(TreeText("a=1").entries[0].node))
        let store = fixture.store
        await #expect(throws: Fault.self) {
            try await store.write { db in
                try HaveTable.set(RemoteKey("/x"), node: file, provenAt: nil, db: db)
                throw Fault()
            }
        }
        await #expect(throws: Fault.self) { try await fixture.commit([.have(RemoteKey("/a"), file)]) }
        #expect(try await store.brokenInvariants() == [])
    }

    @Test("the schema that damage has made another one is refused", arguments: ["kind", "have_hash", "attempts"])
    func schema(word: String) async throws {
        let fixture = try await fixture()
        try fixture.store.close()
        var bytes = try #require(FileManager.default.contents(atPath: fixture.path))
        let place = try #require(bytes.firstRange(of: Data(word.utf8)))
        bytes[place.lowerBound] ^= 2
        try bytes.write(to: URL(fileURLWithPath: fixture.path))
        for open in [StateStore.openReadOnly(at:), { try StateStore.open(at: $0) }] {
            #expect {
                try open(fixture.path)
            } throws: {
                ($0 as? StoreError)?.code == .damaged
            }
        }
    }

    /// What version 7 and later ones have brought.
    private static let dropVersion7 = """
        DROP INDEX want_reason; DROP INDEX pending_loss; ALTER TABLE pending DROP COLUMN loss; ALTER TABLE intent DROP COLUMN place;
        DROP TABLE history; DROP TABLE hold; DROP TABLE held; DROP TABLE loss; DROP TABLE trash;
        DROP TABLE census; DROP TABLE activity; DROP TABLE shared;
        """

    @Test("a file of version 3 gets its checksums when it is opened") func migrated() async throws {
        let fixture = try await fixture()
        try fixture.store.close()
        try tamper(
            fixture,
            """
            \(Self.dropVersion7) DROP TABLE listing; DROP TABLE checksum; DROP TABLE finding; DROP TABLE unread;
            ALTER TABLE have DROP COLUMN proven_at; ALTER TABLE state DROP COLUMN swept_at; ALTER TABLE state DROP COLUMN scrub_key;
            ALTER TABLE state DROP COLUMN scrub_began; ALTER TABLE state DROP COLUMN has_more;
            PRAGMA user_version = 3;
            """)
        let store = try StateStore.open(at: fixture.path)
        #expect(try await store.verifyChecksums() == 0)
        #expect(try await store.brokenInvariants() == [])
        try await store.forget([RemoteKey("/b")])
        #expect(try await store.brokenInvariants() == [])
    }

    @Test("a file of version 4 removes nothing before the next last page") func completeness() async throws {
        let fixture = try await fixture()
        // An online document would have the account listed anew.
        let document = TreeEdit.removeSubtree(RemoteKey("/c"))
        try await fixture.store.record(
            [document], cursor: SyncModel.Cursor("no document"), isLast: true, now: StoreFixture.now)
        let gone = TreeEdit.removeSubtree(RemoteKey("/b"))
        try await fixture.store.record([gone], cursor: SyncModel.Cursor("gone"), isLast: true, now: StoreFixture.now)
        func removals(_ store: StateStore) async throws -> Int {
            try await store.removals(before: nil, limit: 100, now: StoreFixture.now).count
        }
        let count = try await removals(fixture.store)
        #expect(count > 0)
        try fixture.store.close()
        try tamper(
            fixture,
            "\(Self.dropVersion7) DROP TABLE listing; ALTER TABLE state DROP COLUMN has_more; PRAGMA user_version = 4;")
        let store = try StateStore.open(at: fixture.path)
        #expect(try await removals(store) == 0)
        #expect(try await !store.progress().isComplete)
        try await store.record([], cursor: SyncModel.Cursor("more"), isLast: false, now: StoreFixture.now)
        #expect(try await removals(store) == 0)
        try await store.record([], cursor: SyncModel.Cursor("last"), isLast: true, now: StoreFixture.now)
        #expect(try await removals(store) == count)
    }

    /// Damages the file byte by byte: whatever then opens and is not found damaged is what was there before.
    @Test("bytes that change by themselves are found, or change nothing that counts", arguments: 0..<8)
    func flips(seed: UInt64) async throws {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.record((0..<60).map { "d\($0 % 7)/ d\($0 % 7)/f\($0)=\($0)" }.joined(separator: " "))
        try await fixture.applyAll()
        let right = try await Self.contents(fixture.store)
        try fixture.store.close()
        let whole = try #require(FileManager.default.contents(atPath: fixture.path))
        var random = SeededRandom(seed: seed)
        for _ in 0..<30 {
            var bytes = whole
            bytes[random.number(0...(bytes.count - 1))] ^= UInt8(1 << random.number(0...7))
            let folder = try TemporaryFolder(inMemory: true)
            try bytes.write(to: URL(fileURLWithPath: folder("state.db")))
            do {
                let store = try StateStore.open(at: folder("state.db"))
                try await store.verifyChecksums()
                #expect(try await Self.contents(store) == right)
            } catch let error as StoreError {
                #expect([.damaged, .foreign, .fromTheFuture].contains(error.code), "\(error)")
            }
        }
    }

    private static func contents(_ store: StateStore) async throws -> [String] {
        try await store.read { db in
            try Checksums.tables.flatMap { table in
                let columns = try Checksums.columns(of: table, db).map { "quote(\($0))" }.joined(
                    separator: " || ' ' || ")
                return try String.fetchAll(db, sql: "SELECT \(columns) FROM \(table.name)")
            }
        }
    }

    @Test("random histories keep the checksums what the tables are", arguments: 0..<6) func histories(seed: UInt64)
        async throws
    {
        var random = SeededRandom(seed: seed)
        let fixture = try StoreFixture(inMemory: true)
        let names = ["a", "b", "a/x", "a/y", "a/x/z", "b/x", "c"]
        for step in 0..<60 {
            switch random.number(0...9) {
            case 0...3:
                let path = random.pick(names)
                try await fixture.record(random.chance(40) ? path + "/" : "\(path)=\(random.number(0...9))")
            case 4: try await fixture.record(deleted: [random.pick(names)])
            case 5, 6: try await fixture.applyAll()
            case 7: try await fixture.store.forget([RemoteKey("/" + random.pick(names))])
            case 8: try await fixture.store.markUnproven([RemoteKey("/" + random.pick(names))])
            default:
                try await fixture.store.beginRelist()
                try await fixture.record("a/ a/x=\(step)", isLast: random.chance(70))
            }
            let broken = try await fixture.store.brokenInvariants()
            try #require(broken == [], "step \(step)")
        }
    }

    @Test("each bit of a row makes another digest") func digests() throws {
        let queue = try DatabaseQueue()
        let tallies = Tallies()
        try queue.write { db in
            try Schema.migrate(db)
            try tallies.install(in: db)
            var seen: Set<UInt128> = []
            var count = 0
            func add(_ hash: [UInt8], _ size: Int64) throws {
                tallies.clear()
                try db.execute(
                    sql: """
                        INSERT OR REPLACE INTO want (key, name, kind, rev, size, hash, modified, generation)
                        VALUES ('/k', 'k', 1, 'r', ?, ?, 0, 1)
                        """, arguments: [size, Data(hash)])
                try tallies.save(in: db)
                seen.insert(try #require(try Checksums.stored("want", db)))
                count += 1
            }
            try add([UInt8](repeating: 0, count: 37), 0)
            for bit in 0..<(37 * 8) {
                var hash = [UInt8](repeating: 0, count: 37)
                hash[bit / 8] = UInt8(1 << (bit % 8))
                try add(hash, 0)
            }
            for bit in 0..<63 { try add([UInt8](repeating: 0, count: 37), 1 << bit) }
            for length in 0..<37 { try add([UInt8](repeating: 0, count: length), 0) }
            #expect(seen.count == count)
        }
    }
}
