import Foundation
import GRDB
@testable import Store
import SyncModel
import TestSupport
import Testing

/// What `status` reads, with and without a daemon that writes.
@Suite(.timeLimit(.minutes(15)))
struct ReportTests {
    @Test("counts of what there is and of what is left to do") func counts() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=one b=four! c=2 d!")
        #expect(try await fixture.store.extent() == Extent(files: 2, bytes: 4, folders: 1))
        try await fixture.applyAll()
        try await fixture.record("a/y=33333 e=1", deleted: ["c", "a/x"])
        try await fixture.commit([
            .parked(RemoteKey("/d"), reason: "a document"), .failed(RemoteKey("/e"), why: "no", retry: nil),
        ])
        let backlog = try await fixture.store.backlog()
        #expect(
            backlog
                == Backlog(
                    pendingFiles: 2, pendingBytes: 6, pendingFolders: 1, pendingRemovals: 2, failing: 1, parked: 1))
    }

    @Test("troubles are told by displayed path, failing ones first, no more than asked for") func troubles()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("Docs/ Docs/Plan.txt=1 Alpha! Docs/Sub/ Docs/Sub/\u{e9}=2")
        try await fixture.commit([
            .parked(RemoteKey("/alpha"), reason: "a document"),
            .failed(RemoteKey("/docs/plan.txt"), why: "cut", retry: nil),
            .failed(RemoteKey("/docs/sub/\u{e9}"), why: "cut", retry: nil),
        ])
        let troubles = try await fixture.store.pathIssues(limit: 10)
        #expect(troubles.map(\.path) == ["/Docs/Plan.txt", "/Docs/Sub/\u{e9}", "/Alpha"])
        #expect(troubles.map(\.isParked) == [false, false, true])
        #expect(troubles[0].nextTry == StoreFixture.now + 15)
        #expect(try await fixture.store.pathIssues(limit: 1).count == 1)
    }

    @Test("the last hundred passes are kept") func passes() async throws {
        let fixture = try StoreFixture()
        #expect(try await fixture.store.lastPass() == nil)
        for number in 0..<130 {
            try await fixture.store.log(
                PassRecord(
                    began: Timestamp(seconds: Int64(number)), ended: 1, outcome: "done", placed: 2, removed: 3,
                    bytes: 4, failed: 5))
        }
        #expect(try await fixture.store.lastPass()?.began == 129)
        let raw = try DatabaseQueue(path: fixture.path)
        #expect(try await raw.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM pass") } == 100)
        let types = try await raw.read { try String.fetchAll($0, sql: "SELECT DISTINCT typeof(began) FROM pass") }
        #expect(types == ["integer"])
    }

    @Test("reading goes on beside a writer, and sees only whole transactions") func besideWriter() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("f0=0 g0=0")
        let path = fixture.path
        async let written: Void = {
            for number in 1...60 { try await fixture.record("f\(number)=1 g\(number)=1") }
        }()
        for _ in 0..<60 {
            let reader = try StateStore.openReadOnly(at: path)
            let extent = try await reader.extent()
            #expect(extent.files % 2 == 0)
            _ = try await reader.backlog()
            _ = try await reader.progress()
            try reader.close()
        }
        try await written
        #expect(try await StateStore.openReadOnly(at: path).extent().files == 122)
    }

    @Test("a read-only store refuses to write") func readOnly() async throws {
        let fixture = try StoreFixture()
        let reader = try StateStore.openReadOnly(at: fixture.path)
        await #expect(throws: (any Error).self) { try await reader.beginRelist() }
        #expect(try await fixture.store.progress().isListing)
    }

    @Test("a scratch copy takes changes and the file does not") func scratch() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1")
        let copy = try StateStore.scratchCopy(of: fixture.path)
        try await copy.record(
            PageFold.edits(for: try TreeText("b=2").changes), cursor: Cursor("copy"), isLast: true, now: 0)
        #expect(try await copy.wantedKeys().count == 2)
        #expect(try await fixture.wanted() == ["/a"])
        #expect(try await fixture.store.progress().cursor == Cursor("c1"))
        let none = try StateStore.scratchCopy(of: fixture.folder("none.db"))
        #expect(try await none.progress().cursor == nil)
        #expect(!FileManager.default.fileExists(atPath: fixture.folder("none.db")))
    }

    @Test(
        "broken invariants are found",
        arguments: [
            ("DELETE FROM pending WHERE key = '/a/x'", "/a/x"), ("UPDATE have SET size = 7 WHERE key = '/b'", "/b"),
            ("UPDATE have SET name = 'B' WHERE key = '/b'", "/b"), ("DELETE FROM have WHERE key = '/b'", "/b"),
            ("DELETE FROM want WHERE key = '/b'", "/b"), ("UPDATE want SET kind = 1 WHERE key = '/a'", "/a/x"),
            ("UPDATE have SET kind = 1 WHERE key = '/c'", "/c/y"),
        ])
    func invariants(damage: String, key: String) async throws {
        let fixture = try StoreFixture()
        try await fixture.record("b=1 c/ c/y=2")
        try await fixture.applyAll()
        try await fixture.record("a/ a/x=1")
        #expect(try await fixture.store.brokenInvariants() == [])
        let raw = try DatabaseQueue(path: fixture.path)
        try await raw.write { try $0.execute(sql: damage) }
        let found = try await fixture.store.brokenInvariants()
        #expect(found.contains { $0.hasPrefix(key + ":") }, "\(found)")
    }

    @Test("a mirror and its origin are bound once and refuse another") func origin() async throws {
        let fixture = try StoreFixture()
        let origin = Origin(account: "dbid:1", accountName: "Ann", folder: "/a", folderID: "id:1")
        try await fixture.store.bind(origin)
        try await fixture.store.bind(origin)
        for other in [
            Origin(account: "dbid:2", accountName: "Bob", folder: "/a", folderID: "id:1"),
            Origin(account: "dbid:1", accountName: "Ann", folder: "/b", folderID: "id:2"),
        ] {
            do {
                try await fixture.store.bind(other)
                Issue.record("bound to \(other)")
            } catch let error as StoreError {
                #expect(error.code == .otherOwner)
                #expect(error.disposition == .fatal)
            }
        }
        #expect(try await fixture.store.progress().origin == origin)
    }
}
