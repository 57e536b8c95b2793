@testable import Store
import SyncModel
import TestSupport
import Testing

/// Entries that nobody can read: what stood at their place stays.
@Suite struct UnreadTests {
    private func unreadable(_ key: String, _ what: String = "no size") -> RemoteChange {
        .put(RemoteKey(key), .unavailable(name: FileName("x"), .unreadable(what), rev: nil), parents: [])
    }

    private func record(_ desk: Desk, unread: [UnreadEntry], _ tree: String = "", isLast: Bool = true) async throws {
        try await desk.store.record(
            PageFold.edits(for: try TreeText(tree).changes), unread: unread, cursor: Cursor("u"), isLast: isLast,
            now: Desk.now)
    }

    @Test("a file is parked, what stands there stays in have, and a good entry heals it") func file() async throws {
        let desk = try Desk()
        try await desk.record("a/ a/f=one b=two")
        try await desk.applyAll()
        try await desk.record([unreadable("/a/f"), unreadable("/new")])
        let items = try await desk.store.additions(after: nil, limit: 10, now: Desk.now)
        #expect(items.map(\.key.text) == ["/a/f", "/new"])
        #expect(Planner.clearing(items) == [])
        let why = Unavailable.unreadable("no size").description
        #expect(
            Planner.filling(items, donors: Donors())
                == items.map { .park($0.key, reason: why) })
        #expect(try await desk.standing() == ["a/", "a/f", "b"])
        #expect(try await desk.store.hasUnreadable() == false)  // not before it is parked
        try await desk.commit(items.map { .parked($0.key, reason: why) })
        #expect(try await desk.store.hasUnreadable())
        #expect(try await desk.store.backlog() == Backlog(parked: 2))
        try await desk.record("a/f=one new=three")
        #expect(try await desk.additions() == ["/new"])
        #expect(try await desk.store.backlog().parked == 0)
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("a folder is kept with all that is below it, and told; a good entry, or its deletion, ends that")
    func folder() async throws {
        for end in ["a/", ""] {
            let desk = try Desk()
            try await desk.record("A/ A/b/ A/b/f=one")
            try await desk.applyAll()
            try await desk.record([unreadable("/a", "no name")])
            #expect(try await desk.additions() == [])
            #expect(try await desk.removals() == [])
            #expect(try await desk.wanted() == ["/a/", "/a/b/", "/a/b/f"])
            #expect(
                try await desk.store.unread(limit: 9) == [UnreadRow(what: "/A", reason: "no name", seenAt: Desk.now)])
            #expect(try await desk.store.backlog() == Backlog(unread: 1))
            #expect(try await desk.store.hasUnreadable())
            try await desk.record(end, deleted: end.isEmpty ? ["a"] : [])
            #expect(try await desk.store.unread(limit: 9) == [])
            #expect(try await desk.removals().isEmpty == !end.isEmpty)
            #expect(try await desk.store.brokenInvariants() == [])
        }
    }

    @Test("something unreadable that turns out to hold entries is a folder, and stays told") func turnsOut()
        async throws
    {
        let desk = try Desk()
        try await desk.record([unreadable("/a", "no tag")])
        try await desk.record("a/f=one")
        #expect(try await desk.wanted() == ["/a/", "/a/f"])
        #expect(try await desk.store.unread(limit: 9).map(\.reason) == ["no tag"])
        try await desk.record("a/g=two")
        #expect(try await desk.store.unread(limit: 9).map(\.reason) == ["no tag"])
        try await desk.record("a/")
        #expect(try await desk.store.unread(limit: 9) == [])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("what a listing with unreadable entries does not mention is kept as far as it may be one of them")
    func listing() async throws {
        let table: [(beginning: String?, gone: [String])] = [
            ("", []), ("/", []), ("/a/f", ["/b/", "/b/f", "/c"]), ("/a", ["/b/", "/b/f", "/c"]),
            ("/b/", ["/a/", "/a/f", "/a/fg", "/c"]), (nil, ["/a/", "/a/f", "/a/fg", "/b/", "/b/f", "/c"]),
        ]
        for (beginning, gone) in table {
            let desk = try Desk()
            try await desk.record("a/ a/f=1 a/fg=2 b/ b/f=3 c=4 d=5")
            try await desk.applyAll()
            let all = try await desk.wanted()
            try await desk.store.beginRelist()
            let entry = UnreadEntry(what: "x", reason: "y", beginning: beginning.map { RemoteKey($0) })
            try await record(desk, unread: [entry], "d=5")
            #expect(try await desk.wanted() == all.filter { !gone.contains($0) }, "\(beginning ?? "none")")
            #expect(try await desk.store.backlog().unread == 1)
            #expect(try await desk.store.brokenInvariants() == [])
            try await desk.store.beginRelist()
            try await desk.record("d=5")
            #expect(try await desk.wanted() == ["/d"])
            #expect(try await desk.store.backlog().unread == 0)
            #expect(try await desk.store.brokenInvariants() == [])
        }
    }

    @Test("what is below an unreadable folder is kept although a listing does not mention it") func folderListed()
        async throws
    {
        let desk = try Desk()
        try await desk.record("a/ a/f=1 b=2")
        try await desk.applyAll()
        try await desk.store.beginRelist()
        try await desk.record([unreadable("/a")])
        #expect(try await desk.wanted() == ["/a/", "/a/f"])
        #expect(try await desk.removals() == ["/b"])
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("however many come, they are counted to a limit, and nothing is removed for want of a row") func flood()
        async throws
    {
        let desk = try Desk(inMemory: true)
        try await desk.record("a=1")
        try await desk.applyAll()
        try await desk.store.beginRelist()
        let flood = (0..<10_500).map { UnreadEntry(what: "\($0)", reason: "y", beginning: RemoteKey("/z")) }
        try await record(desk, unread: flood)
        #expect(try await desk.store.backlog().unread == 10_000)
        #expect(try await desk.wanted() == ["/a"])
    }

    @Test("sums of sizes stop at the largest number") func sums() async throws {
        let desk = try Desk()
        let version = FileVersion(
            rev: Rev("1"), size: .max, hash: ContentHasher().finish(), modified: Timestamp(seconds: 0))
        let changes = ["a", "b", "c"].map {
            RemoteChange.put(RemoteKey("/f/\($0)"), .file(name: FileName($0), version), parents: [FileName("f")])
        }
        #expect(try await desk.record(changes).bytes == .max)
        #expect(try await desk.store.extent().bytes == .max)
        #expect(try await desk.store.backlog().pendingBytes == .max)
        let folder = RemoteKey("/f")
        #expect(try await desk.store.extents(of: [folder], limit: 9)[folder]?.bytes == .max)
    }
}
