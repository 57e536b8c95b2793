@testable import Store
import SyncModel
import TestSupport
import Testing

/// Entries that nobody can read: what stood at their place stays.
@Suite(.timeLimit(.minutes(15)))
struct UnreadTests {
    private func unreadable(_ key: String, _ what: String = "no size") -> RemoteChange {
        .put(RemoteKey(key), .unavailable(name: FileName("x"), .unreadable(what), rev: nil), parents: [])
    }

    private func record(_ fixture: StoreFixture, unread: [UnreadEntry], _ tree: String = "", isLast: Bool = true)
        async throws
    {
        try await fixture.store.record(
            PageFold.edits(for: try TreeText(tree).changes), unread: unread, cursor: Cursor("u"), isLast: isLast,
            now: StoreFixture.now)
    }

    @Test("a file is parked, what stands there stays in have, and a good entry heals it") func file() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/f=one b=two")
        try await fixture.applyAll()
        try await fixture.record([unreadable("/a/f"), unreadable("/new")])
        let items = try await fixture.store.additions(after: nil, limit: 10, now: StoreFixture.now)
        #expect(items.map(\.key.text) == ["/a/f", "/new"])
        #expect(Planner.clearing(items) == [])
        let why = Unavailable.unreadable("no size").description
        #expect(
            Planner.placing(items, candidates: ReuseIndex())
                == items.map { .park($0.key, reason: why) })
        #expect(try await fixture.entry() == ["a/", "a/f", "b"])
        #expect(try await fixture.store.hasUnreadable() == false)  // not before it is parked
        try await fixture.commit(items.map { .parked($0.key, reason: why) })
        #expect(try await fixture.store.hasUnreadable())
        #expect(try await fixture.store.backlog() == Backlog(parked: 2))
        try await fixture.record("a/f=one new=three")
        #expect(try await fixture.additions() == ["/new"])
        #expect(try await fixture.store.backlog().parked == 0)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a folder is kept with all that is below it, and told; a good entry, or its deletion, ends that")
    func folder() async throws {
        for end in ["a/", ""] {
            let fixture = try StoreFixture()
            try await fixture.record("A/ A/b/ A/b/f=one")
            try await fixture.applyAll()
            try await fixture.record([unreadable("/a", "no name")])
            #expect(try await fixture.additions() == [])
            #expect(try await fixture.removals() == [])
            #expect(try await fixture.wanted() == ["/a/", "/a/b/", "/a/b/f"])
            #expect(
                try await fixture.store.unread(limit: 9) == [
                    UnreadRow(what: "/A", reason: "no name", seenAt: StoreFixture.now)
                ])
            #expect(try await fixture.store.backlog() == Backlog(unread: 1))
            #expect(try await fixture.store.hasUnreadable())
            try await fixture.record(end, deleted: end.isEmpty ? ["a"] : [])
            #expect(try await fixture.store.unread(limit: 9) == [])
            #expect(try await fixture.removals().isEmpty == !end.isEmpty)
            #expect(try await fixture.store.brokenInvariants() == [])
        }
    }

    @Test("something unreadable that turns out to hold entries is a folder, and stays told") func turnsOut()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record([unreadable("/a", "no tag")])
        try await fixture.record("a/f=one")
        #expect(try await fixture.wanted() == ["/a/", "/a/f"])
        #expect(try await fixture.store.unread(limit: 9).map(\.reason) == ["no tag"])
        try await fixture.record("a/g=two")
        #expect(try await fixture.store.unread(limit: 9).map(\.reason) == ["no tag"])
        try await fixture.record("a/")
        #expect(try await fixture.store.unread(limit: 9) == [])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("what a listing with unreadable entries does not mention is kept as far as it may be one of them")
    func listing() async throws {
        let table: [(beginning: String?, gone: [String])] = [
            ("", []), ("/", []), ("/a/f", ["/b/", "/b/f", "/c"]), ("/a", ["/b/", "/b/f", "/c"]),
            ("/b/", ["/a/", "/a/f", "/a/fg", "/c"]), (nil, ["/a/", "/a/f", "/a/fg", "/b/", "/b/f", "/c"]),
        ]
        for (beginning, gone) in table {
            let fixture = try StoreFixture()
            try await fixture.record("a/ a/f=1 a/fg=2 b/ b/f=3 c=4 d=5")
            try await fixture.applyAll()
            let all = try await fixture.wanted()
            try await fixture.store.beginRelist()
            let entry = UnreadEntry(what: "x", reason: "y", beginning: beginning.map { RemoteKey($0) })
            try await record(fixture, unread: [entry], "d=5")
            #expect(try await fixture.wanted() == all.filter { !gone.contains($0) }, "\(beginning ?? "none")")
            #expect(try await fixture.store.backlog().unread == 1)
            #expect(try await fixture.store.brokenInvariants() == [])
            try await fixture.store.beginRelist()
            try await fixture.record("d=5")
            #expect(try await fixture.wanted() == ["/d"])
            #expect(try await fixture.store.backlog().unread == 0)
            #expect(try await fixture.store.brokenInvariants() == [])
        }
    }

    @Test("what is below an unreadable folder is kept although a listing does not mention it") func folderListed()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/f=1 b=2")
        try await fixture.applyAll()
        try await fixture.store.beginRelist()
        try await fixture.record([unreadable("/a")])
        #expect(try await fixture.wanted() == ["/a/", "/a/f"])
        #expect(try await fixture.removals() == ["/b"])
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("however many come, they are counted to a limit, and nothing is removed for want of a row") func flood()
        async throws
    {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.record("a=1")
        try await fixture.applyAll()
        try await fixture.store.beginRelist()
        let flood = (0..<10_500).map { UnreadEntry(what: "\($0)", reason: "y", beginning: RemoteKey("/z")) }
        try await record(fixture, unread: flood)
        #expect(try await fixture.store.backlog().unread == 10_000)
        #expect(try await fixture.wanted() == ["/a"])
    }

    @Test("sums of sizes stop at the largest number") func sums() async throws {
        let fixture = try StoreFixture()
        let version = FileVersion(
            rev: Rev("1"), size: .max, hash: ContentHasher().finish(), modified: Timestamp(seconds: 0))
        let changes = ["a", "b", "c"].map {
            RemoteChange.put(RemoteKey("/f/\($0)"), .file(name: FileName($0), version), parents: [FileName("f")])
        }
        #expect(try await fixture.record(changes).bytes == .max)
        #expect(try await fixture.store.extent().bytes == .max)
        #expect(try await fixture.store.backlog().pendingBytes == .max)
        let folder = RemoteKey("/f")
        #expect(try await fixture.store.extents(of: [folder], limit: 9)[folder]?.bytes == .max)
    }
}
