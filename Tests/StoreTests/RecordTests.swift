@testable import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// Pages become want and cursor together; a listing removes only what it did not mention, and only when it is complete.
@Suite(.timeLimit(.minutes(15)))
struct RecordTests {
    struct Fault: Error {}

    @Test("entries, their cursor and what they make pending are recorded together") func page() async throws {
        let fixture = try StoreFixture()
        let recorded = try await fixture.record("a/ a/x=one b=two c!", isLast: false)
        let added = ["/a", "/a/x", "/b", "/c"].map { RemoteKey($0) }
        #expect(recorded == Recorded(changed: 4, files: 2, bytes: 6, added: added))
        let progress = try await fixture.store.progress()
        #expect(progress.cursor == Cursor("c1"))
        #expect(progress.isListing && !progress.everListed)
        #expect(progress.checkedAt == StoreFixture.now)
        #expect(try await fixture.additions() == ["/a", "/a/x", "/b", "/c"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a page that fails leaves neither its entries nor its cursor") func atomic() async throws {
        let fails = Atomic(false)
        let fixture = try StoreFixture(faults: { if $0 == .record && fails.load(ordering: .relaxed) { throw Fault() } })
        try await fixture.record("a=1", isLast: false)
        fails.store(true, ordering: .relaxed)
        await #expect(throws: Fault.self) { try await fixture.record("b=2") }
        #expect(try await fixture.wanted() == ["/a"])
        #expect(try await fixture.store.progress().cursor == Cursor("c1"))
    }

    @Test("a page that breaks in its middle leaves nothing") func brokenInTheMiddle() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1", isLast: false)
        let version = TreeText.version("1")
        let long = FileVersion(rev: version.rev, size: 1, hash: version.hash, modified: version.modified)
        let page: [RemoteChange] = [
            .put(RemoteKey("/b"), .file(name: FileName("b"), long), parents: []), .deleted(RemoteKey("/a")),
        ]
        let store = fixture.store
        let edits = PageFold.edits(for: page)
        // A cancelled task's transaction is rolled back, wherever it was.
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await store.record(edits, cursor: Cursor("c2"), isLast: true, now: 0)
        }
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(try await fixture.wanted() == ["/a"])
        #expect(try await store.progress().cursor == Cursor("c1"))
        #expect(try await fixture.additions() == ["/a"])
    }

    @Test("the first complete listing is known to be one") func firstListing() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1", isLast: false)
        try await fixture.record("b=2")
        let progress = try await fixture.store.progress()
        #expect(!progress.isListing && progress.everListed)
        #expect(progress.listedAt == StoreFixture.now)
    }

    @Test("an unchanged entry makes nothing pending") func unchanged() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1")
        try await fixture.applyAll()
        #expect(try await fixture.record("a/ a/x=1") == Recorded())
        #expect(try await fixture.additions() == [])
    }

    @Test("missing folders are implied from the displayed path, their own entries correct the name") func implied()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/b/x=1", isLast: false)
        #expect(try await fixture.wanted() == ["/a/", "/a/b/", "/a/b/x"])
        try await fixture.record("A/B/ A/")
        try await fixture.applyAll()
        #expect(try await fixture.entry() == ["A/", "A/B/", "A/B/x"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("what an entry displays of its folders does not rename them") func displayedCase() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("Docs/ Docs/x=1")
        try await fixture.applyAll()
        try await fixture.record([
            .put(RemoteKey("/docs/y"), .folder(name: FileName("y")), parents: [FileName("DOCS")])
        ])
        #expect(try await fixture.additions() == ["/docs/y"])
    }

    @Test("a deletion takes the subtree: what stands is to be removed, what never stood is forgotten") func deletion()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 ab=2")
        try await fixture.applyAll()
        try await fixture.record("a/y=3")
        try await fixture.record(deleted: ["a"])
        #expect(try await fixture.wanted() == ["/ab"])
        #expect(try await fixture.removals() == ["/a/x", "/a"])
        #expect(try await fixture.additions() == [])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a folder replaced by a file and a file by a folder, on one page") func flips() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 b=2")
        try await fixture.applyAll()
        try await fixture.record("a=3 b/y=4")
        #expect(try await fixture.wanted() == ["/a", "/b/", "/b/y"])
        #expect(try await fixture.removals() == ["/a/x"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a new listing removes nothing before it is complete, then only what it did not mention") func relist()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 b=2 c/ c/d/ c/d/y=3 e=5")
        try await fixture.applyAll()
        try await fixture.store.beginRelist()
        #expect(try await fixture.store.progress().cursor == nil)
        #expect(try await fixture.store.progress().isListing)
        #expect(try await fixture.store.progress().everListed)
        try await fixture.record("c/d/y=3 a/", isLast: false)
        #expect(try await fixture.removals() == [])
        try await fixture.record("e=6")
        #expect(try await fixture.wanted() == ["/a/", "/c/", "/c/d/", "/c/d/y", "/e"])
        #expect(try await fixture.removals() == ["/b", "/a/x"])
        #expect(try await fixture.additions() == ["/e"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a listing that is begun again and again removes nothing until one is complete") func relistTwice()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b=2")
        try await fixture.applyAll()
        try await fixture.store.beginRelist()
        try await fixture.record("a=1", isLast: false)
        try await fixture.store.beginRelist()
        try await fixture.record("b=2", isLast: false)
        #expect(try await fixture.removals() == [])
        try await fixture.record("")
        #expect(try await fixture.wanted() == ["/b"])
        #expect(try await fixture.removals() == ["/a"])
    }

    @Test("what fails is due again when its entry changes") func newVersion() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1")
        try await fixture.commit([.failed(RemoteKey("/a"), why: "no", retry: nil)])
        #expect(try await fixture.additions() == [])
        try await fixture.record("a=1")
        #expect(try await fixture.additions() == [])
        try await fixture.record("a=2")
        #expect(try await fixture.additions() == ["/a"])
        #expect(try await fixture.store.pathIssues(limit: 5) == [])
    }

    @Test("names that Swift takes for equal, quotes and percent signs are different keys") func oddKeys() async throws {
        let fixture = try StoreFixture()
        let names = ["e\u{301}", "\u{e9}", "%", "_", "'", "\"", "a\u{FFFF}", "👩‍👩‍👧‍👦", "\u{301}x", "-", "\r\n", "\u{2400}"]
        let version = TreeText.version("1")
        try await fixture.record(
            names.map { .put(RemoteKey("/d/" + $0), .file(name: FileName($0), version), parents: [FileName("D")]) })
        try await fixture.applyAll()
        #expect(try await fixture.store.names(in: RemoteKey("/d")) == NameSet(names.map { FileName($0) }))
        #expect(try await fixture.store.brokenInvariants() == [])
        try await fixture.record(deleted: ["d/e\u{301}", "d/%"])
        #expect(try await fixture.removals().count == 2)
    }
}
