import Store
import SyncModel
import TestSupport
import Testing

/// What the planner is shown: due keys in order, with paths, standings and donors.
@Suite(.timeLimit(.minutes(15)))
struct WindowTests {
    private func keys(_ items: [PendingItem]) -> [String] { items.map(\.key.text) }

    @Test("additions come in ascending windows, removals in descending ones") func windows() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 b=2 c=3")
        try await fixture.applyAll()
        try await fixture.record("a/y=1 d=4 e=5", deleted: ["a/x", "b", "c"])
        let store = fixture.store
        let first = try await store.additions(after: nil, limit: 2, now: StoreFixture.now)
        #expect(keys(first) == ["/a/y", "/d"])
        #expect(keys(try await store.additions(after: first.last?.key, limit: 2, now: StoreFixture.now)) == ["/e"])
        #expect(keys(try await store.additions(after: RemoteKey("/e"), limit: 2, now: StoreFixture.now)) == [])
        let last = try await store.removals(before: nil, limit: 2, now: StoreFixture.now)
        #expect(keys(last) == ["/c", "/b"])
        #expect(keys(try await store.removals(before: last.last?.key, limit: 2, now: StoreFixture.now)) == ["/a/x"])
        #expect(keys(try await store.removals(before: RemoteKey("/a/x"), limit: 2, now: StoreFixture.now)) == [])
    }

    @Test("an item knows what is wanted, what stands and where its folder is") func items() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("Docs/ Docs/Old=1")
        try await fixture.applyAll()
        try await fixture.record("Docs/Old=2 New/ New/Deep/ New/Deep/x=3")
        let items = try await fixture.store.additions(after: nil, limit: 10, now: StoreFixture.now)
        #expect(keys(items) == ["/docs/old", "/new", "/new/deep", "/new/deep/x"])
        #expect(items[0].entry?.path.text == "Docs/Old")
        #expect(items[0].parent == .stands(try #require(MirrorPath(text: "Docs"))))
        #expect(items[1].parent == .stands(.root))
        #expect(items[3].parent == .wanted(try #require(MirrorPath(text: "New/Deep"))))
    }

    @Test("below a folder that becomes something else is all that stands there, deepest first") func below()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 a/y=2 ab=1")
        try await fixture.applyAll()
        try await fixture.record("a=3 ab/")
        let items = try await fixture.store.additions(after: nil, limit: 10, now: StoreFixture.now)
        #expect(keys(items) == ["/a", "/ab"])
        #expect(items[0].below.map(\.path.text) == ["a/y", "a/b/x", "a/b"])
        #expect(items[1].below == [])
        #expect(items.map(\.kindFlips) == [true, true])
    }

    @Test("of what stands below folders that become something else a limited number is told at a time")
    func limitedBelow() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b/ a/b/x=1 a/y=2 b/ b/z=1 c/ c/z=1")
        try await fixture.applyAll()
        try await fixture.record("a=3 b=3 c=3")
        func below(_ limit: Int) async throws -> [[String]] {
            try await fixture.store.additions(after: nil, limit: 10, now: StoreFixture.now, below: limit).map { item in
                item.below.map(\.path.text) + (item.hasMoreBelow ? ["…"] : [])
            }
        }
        #expect(try await below(2) == [["a/y", "a/b/x", "…"], ["…"], ["…"]])
        #expect(try await below(4) == [["a/y", "a/b/x", "a/b"], ["b/z"], ["…"]])
        #expect(try await below(5) == [["a/y", "a/b/x", "a/b"], ["b/z"], ["c/z"]])
    }

    @Test("below what cannot be mirrored the reason is the folder's") func impossible() async throws {
        let fixture = try StoreFixture()
        try await fixture.record(".dbxsync/x/y=1")
        let items = try await fixture.store.additions(after: nil, limit: 10, now: StoreFixture.now)
        for item in items.dropFirst() {
            guard case .impossible(let key, _) = item.parent else {
                Issue.record("\(item.key): \(item.parent)")
                continue
            }
            #expect(key == RemoteKey("/.dbxsync"))
        }
        #expect(items.count == 3)
    }

    @Test("donors are files that stand, leaving or staying, with where they stand") func candidates() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("A/ A/One=1 b=1 c=2")
        try await fixture.applyAll()
        try await fixture.record("d=1 e=3", deleted: ["b"])
        let version = TreeText.version("1")
        let candidates = try await fixture.store.reuseCandidates(for: [version.hash: 8, TreeText.version("3").hash: 1])
        #expect(candidates.byHash.count == 1)
        let found = try #require(candidates.byHash[version.hash]).sorted { $0.entry.key < $1.entry.key }
        #expect(found.map(\.entry.path.text) == ["A/One", "b"])
        #expect(found.map(\.isLeaving) == [false, true])
        #expect(try await fixture.store.reuseCandidates(for: [version.hash: 1]).byHash[version.hash]?.count == 1)
        #expect(try await fixture.store.reuseCandidates(for: [:]).byHash.isEmpty)
    }

    @Test("extents are of everything below a folder, and only of folders that are not too large") func extents()
        async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("A/ A/b/ A/b/x=1 A/b/y=22 A/z=3 A.txt=4 A0=5 c/")
        let keys = ["/a", "/a/b", "/c", "/none"].map { RemoteKey($0) }
        func extents(_ limit: Int) async throws -> [String: SubtreeExtent] {
            let found = try await fixture.store.extents(of: keys, limit: limit)
            return Dictionary(uniqueKeysWithValues: found.map { ($0.key.text, $0.value) })
        }
        let (one, two, three) = (TreeText.version("1").size, TreeText.version("22").size, TreeText.version("3").size)
        let all = try await extents(4)
        #expect(all["/a"] == SubtreeExtent(entries: 4, files: 3, bytes: one + two + three))
        #expect(all["/a/b"] == SubtreeExtent(entries: 2, files: 2, bytes: one + two))
        #expect(all["/c"] == SubtreeExtent(entries: 0, files: 0, bytes: 0))
        #expect(try await extents(3).keys.sorted() == ["/a/b", "/c", "/none"])
    }

    @Test("parts of downloads are kept for revisions that are pending") func revisions() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b=2")
        try await fixture.applyAll()
        try await fixture.record("a=3")
        let revisions = Set(["r1", "r2", "r3", "r4"].map { Rev($0) })
        #expect(try await fixture.store.pendingRevisions(among: revisions) == [Rev("r3")])
    }

    @Test("standings come in order and by key, names by folder") func entries() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("A/ A/b/ A/b/X=1 A/y=2 c=3")
        try await fixture.applyAll()
        let store = fixture.store
        #expect(try await fixture.entry() == ["A/", "A/b/", "A/b/X", "A/y", "c"])
        let window = try await store.entries(after: RemoteKey("/a/b"), limit: 2)
        #expect(window.map(\.path.text) == ["A/b/X", "A/y"])
        #expect(try await store.entry(of: RemoteKey("/a/b/x"))?.path.text == "A/b/X")
        #expect(try await store.entry(of: RemoteKey("/nothing")) == nil)
        #expect(try await store.names(in: .root) == NameSet(["A", "c"].map { FileName($0) }))
        #expect(try await store.names(in: RemoteKey("/a")) == NameSet(["b", "y"].map { FileName($0) }))
        #expect(try await store.names(in: RemoteKey("/c")) == NameSet())
    }

    @Test("the names of a folder leap over what is below its folders, and over nothing else") func leaps() async throws
    {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=1 a/y/ a/y/z=1 a!b=1 a0=1 b/ b/c/ b/c/d=1 c=1 é/ é/f=1")
        try await fixture.applyAll()
        let names = try await fixture.store.names(in: .root)
        #expect(names == NameSet(["a", "a!b", "a0", "b", "c", "é"].map { FileName($0) }))
        #expect(names.count == 6)
    }
}
