@testable import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// Pages become want and cursor together; a listing removes only what it did not mention, and only when it is complete.
@Suite struct RecordTests {
    struct Fault: Error {}

    @Test("entries, their cursor and what they make pending are recorded together") func page() async throws {
        let desk = try Desk()
        let recorded = try await desk.record("a/ a/x=one b=two c!", isLast: false)
        let added = ["/a", "/a/x", "/b", "/c"].map { RemoteKey($0) }
        #expect(recorded == Recorded(changed: 4, files: 2, bytes: 6, added: added))
        let progress = try await desk.store.progress()
        #expect(progress.cursor == Cursor("c1"))
        #expect(progress.isListing && !progress.everListed)
        #expect(progress.checkedAt == Desk.now)
        #expect(try await desk.additions() == ["/a", "/a/x", "/b", "/c"])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("a page that fails leaves neither its entries nor its cursor") func atomic() async throws {
        let fails = Atomic(false)
        let desk = try Desk(faults: { if $0 == .record && fails.load(ordering: .relaxed) { throw Fault() } })
        try await desk.record("a=1", isLast: false)
        fails.store(true, ordering: .relaxed)
        await #expect(throws: Fault.self) { try await desk.record("b=2") }
        #expect(try await desk.wanted() == ["/a"])
        #expect(try await desk.store.progress().cursor == Cursor("c1"))
    }

    @Test("a page that breaks in its middle leaves nothing") func brokenInTheMiddle() async throws {
        let desk = try Desk()
        try await desk.record("a=1", isLast: false)
        let version = TreeText.version("1")
        let long = FileVersion(rev: version.rev, size: 1, hash: version.hash, modified: version.modified)
        let page: [RemoteChange] = [
            .put(RemoteKey("/b"), .file(name: FileName("b"), long), parents: []), .deleted(RemoteKey("/a")),
        ]
        let store = desk.store
        let edits = PageFold.edits(for: page)
        // A cancelled task's transaction is rolled back, wherever it was.
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await store.record(edits, cursor: Cursor("c2"), isLast: true, now: 0)
        }
        await #expect(throws: (any Error).self) { try await task.value }
        #expect(try await desk.wanted() == ["/a"])
        #expect(try await store.progress().cursor == Cursor("c1"))
        #expect(try await desk.additions() == ["/a"])
    }

    @Test("the first complete listing is known to be one") func firstListing() async throws {
        let desk = try Desk()
        try await desk.record("a=1", isLast: false)
        try await desk.record("b=2")
        let progress = try await desk.store.progress()
        #expect(!progress.isListing && progress.everListed)
        #expect(progress.listedAt == Desk.now)
    }

    @Test("an unchanged entry makes nothing pending") func unchanged() async throws {
        let desk = try Desk()
        try await desk.record("a/ a/x=1")
        try await desk.applyAll()
        #expect(try await desk.record("a/ a/x=1") == Recorded())
        #expect(try await desk.additions() == [])
    }

    @Test("missing folders are implied from the displayed path, their own entries correct the name") func implied()
        async throws
    {
        let desk = try Desk()
        try await desk.record("a/b/x=1", isLast: false)
        #expect(try await desk.wanted() == ["/a/", "/a/b/", "/a/b/x"])
        try await desk.record("A/B/ A/")
        try await desk.applyAll()
        #expect(try await desk.standing() == ["A/", "A/B/", "A/B/x"])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("what an entry displays of its folders does not rename them") func displayedCase() async throws {
        let desk = try Desk()
        try await desk.record("Docs/ Docs/x=1")
        try await desk.applyAll()
        try await desk.record([
            .put(RemoteKey("/docs/y"), .folder(name: FileName("y")), parents: [FileName("DOCS")])
        ])
        #expect(try await desk.additions() == ["/docs/y"])
    }

    @Test("a deletion takes the subtree: what stands is to be removed, what never stood is forgotten") func deletion()
        async throws
    {
        let desk = try Desk()
        try await desk.record("a/ a/x=1 ab=2")
        try await desk.applyAll()
        try await desk.record("a/y=3")
        try await desk.record(deleted: ["a"])
        #expect(try await desk.wanted() == ["/ab"])
        #expect(try await desk.removals() == ["/a/x", "/a"])
        #expect(try await desk.additions() == [])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("a folder replaced by a file and a file by a folder, on one page") func flips() async throws {
        let desk = try Desk()
        try await desk.record("a/ a/x=1 b=2")
        try await desk.applyAll()
        try await desk.record("a=3 b/y=4")
        #expect(try await desk.wanted() == ["/a", "/b/", "/b/y"])
        #expect(try await desk.removals() == ["/a/x"])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("a new listing removes nothing before it is complete, then only what it did not mention") func relist()
        async throws
    {
        let desk = try Desk()
        try await desk.record("a/ a/x=1 b=2 c/ c/d/ c/d/y=3 e=5")
        try await desk.applyAll()
        try await desk.store.beginRelist()
        #expect(try await desk.store.progress().cursor == nil)
        #expect(try await desk.store.progress().isListing)
        #expect(try await desk.store.progress().everListed)
        try await desk.record("c/d/y=3 a/", isLast: false)
        #expect(try await desk.removals() == [])
        try await desk.record("e=6")
        #expect(try await desk.wanted() == ["/a/", "/c/", "/c/d/", "/c/d/y", "/e"])
        #expect(try await desk.removals() == ["/b", "/a/x"])
        #expect(try await desk.additions() == ["/e"])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("a listing that is begun again and again removes nothing until one is complete") func relistTwice()
        async throws
    {
        let desk = try Desk()
        try await desk.record("a=1 b=2")
        try await desk.applyAll()
        try await desk.store.beginRelist()
        try await desk.record("a=1", isLast: false)
        try await desk.store.beginRelist()
        try await desk.record("b=2", isLast: false)
        #expect(try await desk.removals() == [])
        try await desk.record("")
        #expect(try await desk.wanted() == ["/b"])
        #expect(try await desk.removals() == ["/a"])
    }

    @Test("what fails is due again when its entry changes") func newVersion() async throws {
        let desk = try Desk()
        try await desk.record("a=1")
        try await desk.commit([.failed(RemoteKey("/a"), why: "no", retry: nil)])
        #expect(try await desk.additions() == [])
        try await desk.record("a=1")
        #expect(try await desk.additions() == [])
        try await desk.record("a=2")
        #expect(try await desk.additions() == ["/a"])
        #expect(try await desk.store.troubles(limit: 5) == [])
    }

    @Test("names that Swift takes for equal, quotes and percent signs are different keys") func oddKeys() async throws {
        let desk = try Desk()
        let names = ["e\u{301}", "\u{e9}", "%", "_", "'", "\"", "a\u{FFFF}", "👩‍👩‍👧‍👦", "\u{301}x", "-", "\r\n", "\u{2400}"]
        let version = TreeText.version("1")
        try await desk.record(
            names.map { .put(RemoteKey("/d/" + $0), .file(name: FileName($0), version), parents: [FileName("D")]) })
        try await desk.applyAll()
        #expect(try await desk.store.names(in: RemoteKey("/d")) == NameSet(names.map { FileName($0) }))
        #expect(try await desk.store.brokenInvariants() == [])
        try await desk.record(deleted: ["d/e\u{301}", "d/%"])
        #expect(try await desk.removals().count == 2)
    }
}
