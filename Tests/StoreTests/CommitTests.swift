import GRDB
import SyncModel
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Intents before effects, outcomes after them; nothing that is unfinished is unlisted.
@Suite(.timeLimit(.minutes(15)))
struct CommitTests {
    struct Fault: Error {}

    private let a = RemoteKey("/a")

    @Test("intents survive until their key has an outcome") func intents() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b/")
        let file = try #require(fixture.placed(TreeText("a=1").entries[0].node))
        let intents = [
            Intent(key: a, path: try #require(MirrorPath(text: "a")), after: file),
            Intent(key: RemoteKey("/b"), path: try #require(MirrorPath(text: "x/\u{301}b")), after: nil),
            Intent(
                key: RemoteKey("/c"), path: try #require(MirrorPath(text: "c")),
                after: .folder(name: FileName("c"), inode: 0)),
        ]
        try await fixture.store.intend(intents)
        let again = try StateStore.open(at: fixture.path)
        #expect(try await again.intents() == intents)
        try await fixture.commit([.have(a, file), .recheck(RemoteKey("/c"))])
        #expect(try await fixture.store.intents() == [intents[1]])
    }

    @Test("what failed before it was durable has not happened") func faults() async throws {
        let failing = Mutex<FaultPoint?>(nil)
        let fixture = try StoreFixture(faults: { point in if failing.withLock({ $0 }) == point { throw Fault() } })
        try await fixture.record("a=1")
        let file = try #require(fixture.placed(TreeText("a=1").entries[0].node))
        let intent = Intent(key: a, path: try #require(MirrorPath(text: "a")), after: file)
        failing.withLock { $0 = .intend }
        await #expect(throws: Fault.self) { try await fixture.store.intend([intent]) }
        #expect(try await fixture.store.intents() == [])
        failing.withLock { $0 = .intended }
        await #expect(throws: Fault.self) { try await fixture.store.intend([intent]) }
        #expect(try await fixture.store.intents() == [intent])
        failing.withLock { $0 = .commit }
        await #expect(throws: Fault.self) { try await fixture.commit([.have(a, file)]) }
        #expect(try await fixture.entry() == [])
        #expect(try await fixture.store.intents() == [intent])
        failing.withLock { $0 = .committed }
        await #expect(throws: Fault.self) { try await fixture.commit([.have(a, file)]) }
        #expect(try await fixture.entry() == ["a"])
        #expect(try await fixture.store.intents() == [])
    }

    @Test("a key is done with only if what stands is what is wanted now") func changedMeanwhile() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1")
        let old = try #require(fixture.placed(TreeText("a=1").entries[0].node))
        try await fixture.record("a=2")
        try await fixture.commit([.have(a, old)])
        #expect(try await fixture.additions() == ["/a"])
        try await fixture.record(deleted: ["a"])
        #expect(try await fixture.removals() == ["/a"])
        try await fixture.commit([.have(a, nil)])
        #expect(try await fixture.removals() == [])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("failures wait longer each time, at least as long as asked") func backOff() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1")
        var now = StoreFixture.now
        for wait in [15, 30, 60, 120] as [Int64] {
            try await fixture.commit([.failed(a, why: "no", retry: nil)], now: now)
            #expect(try await fixture.additions(now: now + wait - 1) == [])
            #expect(try await fixture.additions(now: now + wait) == ["/a"])
            #expect(try await fixture.store.nextRetry() == now + wait)
            now = now + wait
        }
        try await fixture.commit([.failed(a, why: "no", retry: .seconds(5_000))], now: now)
        #expect(try await fixture.additions(now: now + 4_999) == [])
        #expect(try await fixture.additions(now: now + 5_000) == ["/a"])
        #expect(try await fixture.store.pathIssues(limit: 5).map(\.attempts) == [5])
        try await fixture.store.retryAll()
        #expect(try await fixture.additions(now: now) == ["/a"])
    }

    @Test("something parked is looked at again after a day, and retrying all leaves it alone") func parked()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a! b=1")
        try await fixture.commit([.parked(a, reason: "a document")])
        try await fixture.store.retryAll()
        #expect(try await fixture.additions() == ["/b"])
        #expect(try await fixture.additions(now: StoreFixture.now + 86_399) == ["/b"])
        #expect(try await fixture.additions(now: StoreFixture.now + 86_400) == ["/a", "/b"])
        let trouble = try #require(try await fixture.store.pathIssues(limit: 5).first)
        #expect(trouble.isParked && trouble.path == "/a" && trouble.reason == "a document")
        #expect(try await fixture.store.backlog().parked == 1)
    }

    @Test("a trouble is news once, and again when its reason changes") func news() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1")
        #expect(try await fixture.commit([.failed(a, why: "no", retry: nil)]) == [a])
        #expect(try await fixture.commit([.failed(a, why: "no", retry: nil)]) == [])
        #expect(try await fixture.commit([.failed(a, why: "never", retry: nil)]) == [a])
        #expect(try await fixture.commit([.failed(RemoteKey("/gone"), why: "no", retry: nil)]) == [])
        #expect(try await fixture.store.pathIssues(limit: 5).map(\.path) == ["/a"])
    }

    @Test("in step only when nothing but parked entries is left") func inStep() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b!", isLast: false)
        #expect(try await !fixture.store.markInStep(asOf: 5))
        try await fixture.record("")
        #expect(try await !fixture.store.markInStep(asOf: 6))
        try await fixture.applyAll()
        #expect(try await !fixture.store.markInStep(asOf: 7))
        try await fixture.commit([.parked(RemoteKey("/b"), reason: "a document")])
        #expect(try await fixture.store.markInStep(asOf: 8))
        #expect(try await fixture.store.progress().inStepAsOf == 8)
        // An empty page says so by itself.
        try await fixture.record("")
        #expect(try await fixture.store.progress().inStepAsOf == StoreFixture.now)
        try await fixture.store.beginRelist()
        #expect(try await !fixture.store.markInStep(asOf: 9))
    }

    @Test("what is forgotten is placed again, with all that is below") func forget() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 ab=2 c=3")
        try await fixture.applyAll()
        try await fixture.record(deleted: ["c"])
        try await fixture.store.forget([a, RemoteKey("/c")])
        #expect(try await fixture.entry() == ["ab"])
        #expect(try await fixture.additions() == ["/a", "/a/b", "/a/b/x"])
        #expect(try await fixture.removals() == [])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a folder that does not stand has nothing standing below it") func below() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 ab=2")
        try await fixture.applyAll()
        try await fixture.record(deleted: ["a"])
        try await fixture.commit([.failed(RemoteKey("/a/b/x"), why: "kept", retry: nil), .have(a, nil)])
        #expect(try await fixture.entry() == ["ab"])
        #expect(try await fixture.store.backlog().pendingRemovals == 0)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a state whose rows have lost their folder or their place on the list is cured") func cure() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 c=2 d=3")
        try await fixture.applyAll()
        try await fixture.record(deleted: ["a"])
        try await fixture.store.write { db in
            try db.execute(sql: "DELETE FROM have WHERE key = '/a'")
            try db.execute(sql: "UPDATE have SET rev = 'old' WHERE key = '/c'")
            try db.execute(sql: "DELETE FROM want WHERE key = '/d'")
        }
        #expect(try await !fixture.store.brokenInvariants().isEmpty)
        #expect(try await fixture.store.restoreInvariants() == 4)
        #expect(try await fixture.store.brokenInvariants() == [])
        #expect(try await fixture.additions() == ["/c"])
        #expect(try await fixture.removals() == ["/d", "/a"])
        #expect(try await fixture.store.restoreInvariants() == 0)
    }

    @Test("an inode beyond the signed range, a time before 1970 and a huge size come back as they are") func extremes()
        async throws
    {
        let fixture = try StoreFixture()
        let version = FileVersion(
            rev: Rev("r"), size: 1 << 45, hash: TreeText.version("1").hash,
            modified: Timestamp(seconds: -62_135_596_800))
        try await fixture.record([.put(a, .file(name: FileName("a"), version), parents: [])])
        let print = Fingerprint(inode: .max, size: 1 << 45, modifiedNanoseconds: .min)
        let node = LocalNode.file(name: FileName("a"), version, print)
        try await fixture.commit([.have(a, node)])
        #expect(try await fixture.store.entry(of: a)?.node == node)
        #expect(try await fixture.additions() == [])
    }
}
