import GRDB
import Glibc
import SyncModel
import TestSupport
import Testing

@testable import Store

/// What is told without reading all entries.
@Suite(.timeLimit(.minutes(5)))
struct GlanceTests {
    private func tamper(_ fixture: StoreFixture, _ sql: String) throws {
        let queue = try DatabaseQueue(path: fixture.path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test("how much there is in the account is counted as it is recorded, and so are absurd sizes that go again")
    func census() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b/c=22 b/d/e=333")
        #expect(try await fixture.store.extent() == Extent(files: 3, bytes: 6, folders: 2))
        try await fixture.record("a=4444", deleted: ["b/d"])
        #expect(try await fixture.store.extent() == Extent(files: 2, bytes: 6, folders: 1))
        let huge = FileVersion(rev: Rev("r"), size: .max, hash: TreeText.version("x").hash, modified: 0)
        let names = ["x", "y"]
        try await fixture.record(
            names.map { .put(RemoteKey("/" + $0), .file(name: FileName($0), huge), parents: []) })
        #expect(try await fixture.store.extent() == Extent(files: 4, bytes: .max, folders: 1))
        try await fixture.record(deleted: names)
        #expect(try await fixture.store.extent() == Extent(files: 2, bytes: 6, folders: 1))
        try await fixture.applyAll()
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a count that is wrong is put right when the state is read as a whole; without one the table is counted")
    func miscounted() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b/c=22")
        try await fixture.applyAll()
        try fixture.store.close()
        let right = Extent(files: 2, bytes: 3, folders: 1)
        for sql in [
            "UPDATE census SET files = 77, bytes = x'00'", "DELETE FROM census", "UPDATE census SET folders = -3",
        ] {
            try tamper(fixture, sql)
            let store = try StateStore.open(at: fixture.path)
            try await store.verifyChecksums()
            #expect(try await store.extent() == right, "\(sql)")
            #expect(try await store.brokenInvariants() == [], "\(sql)")
            try store.close()
        }
        try tamper(fixture, "DELETE FROM census")
        #expect(try await StateStore.look(at: fixture.path) { try await $0.extent() } == right)
    }

    @Test("an earlier version's entries and history are counted when it is opened")
    func migration() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b/c=22")
        let now = Timestamp(seconds: Int64(time(nil)))
        let changes = [
            MirrorChange(.filePlaced, path: "/a", size: 5), MirrorChange(.folderFilled, path: "/b", size: 7, files: 3),
            MirrorChange(.filePlaced, path: "/c", size: 9, reason: MirrorChange.stoodThere),
            MirrorChange(.fileRemoved, path: "/d", size: 11), MirrorChange(.moved, path: "/e", oldPath: "/f"),
            MirrorChange(.passDone, path: "/"), MirrorChange(.filePlaced, path: "/g", size: .max),
            MirrorChange(.filePlaced, path: "/h", size: .min),
        ]
        try await fixture.store.record(EffectRecord(pass: 1, changes: changes, kept: []), now: now)
        let kept = try await fixture.store.activity(since: now - 3600)
        let hour = Timestamp(seconds: now.seconds / 3600 * 3600)
        #expect(kept == [Activity(begin: hour, placed: 7, removed: 1, others: 1, bytes: .max / 4)])
        let extent = try await fixture.store.extent()
        try fixture.store.close()
        try tamper(
            fixture,
            "\(StoreFixture.dropVersion10) DROP TABLE census; DROP TABLE activity; PRAGMA user_version = 8"
        )
        let store = try StateStore.open(at: fixture.path)
        #expect(try await store.activity(since: now - 3600) == kept)
        #expect(try await store.extent() == extent)
    }

    @Test("changes are summed up by hours, for a month; sums that are absurd stop where numbers end")
    func activity() async throws {
        let fixture = try StoreFixture()
        func place(_ size: Int64, files: Int? = nil, at seconds: Int64) async throws {
            let change = MirrorChange(.folderFilled, path: "/a", size: size, files: files)
            try await fixture.store.record(
                EffectRecord(pass: 1, changes: [change], kept: []), now: Timestamp(seconds: seconds))
        }
        try await place(1, at: 7_200)
        try await place(2, files: 5, at: 10_799)
        try await place(4, at: 10_800)
        #expect(
            try await fixture.store.activity(since: 0) == [
                Activity(begin: 7_200, placed: 6, bytes: 3), Activity(begin: 10_800, placed: 1, bytes: 4),
            ])
        for _ in 0..<9 { try await place(.max, files: .max, at: 10_800) }
        #expect(try await fixture.store.activity(since: 10_800).first?.bytes == .max / 4)
        try await place(1, at: 10_800 + 33 * 86_400)
        #expect(try await fixture.store.activity(since: 0).count == 1)
    }

    @Test("a backlog is exact until it is long; then it is about right, and never nothing while something can be done")
    func backlog() async throws {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.record("a=1 b/c=22")
        #expect(try await fixture.store.backlogAtAGlance() == fixture.store.backlog())
        try await fixture.applyAll()
        #expect(try await fixture.store.backlogAtAGlance() == Backlog())
        let version = TreeText.version("x")
        let names = (0...StateStore.mostCounted).map { "file \($0)" }
        try await fixture.record(
            names.map { .put(RemoteKey("/" + $0), .file(name: FileName($0), version), parents: []) })
        let items = try await fixture.store.additions(after: nil, limit: 3, now: StoreFixture.now)
        try await fixture.commit([
            .failed(items[0].key, why: "broken", retry: .seconds(60)),
            .parked(items[1].key, reason: "no bytes"),
        ])
        let (glance, exact) = (try await fixture.store.backlogAtAGlance(), try await fixture.store.backlog())
        #expect(glance.pendingFiles == names.count && glance.pendingBytes == exact.pendingBytes)
        #expect(glance.failing == exact.failing && glance.parked == exact.parked)
        let issues = try await fixture.store.pathIssues(limit: 10, isGlance: true)
        #expect(Set(issues.map(\.path)) == Set(try await fixture.store.pathIssues(limit: 10).map(\.path)))
        // As much is to go as to come: the counts alone would show nothing.
        try await fixture.record(deleted: names)
        #expect(try await fixture.store.backlogAtAGlance() == fixture.store.backlog())
    }
}
