import GRDB
import SyncModel
import TestSupport
import Testing

@testable import Store

/// When bytes were last seen to be right is known of every file, stays with it, and harms no checksum.
@Suite(.timeLimit(.minutes(15)))
struct ProofTests {
    private static let later = StoreFixture.now + 1000

    private func provenAt(_ fixture: StoreFixture) async throws -> [String: Timestamp] {
        try await fixture.store.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT key, proven_at FROM have WHERE proven_at IS NOT NULL")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] as String, $0[1] as Timestamp) })
        }
    }

    private func node(_ fixture: StoreFixture, _ key: String) async throws -> LocalNode {
        try #require(try await fixture.store.entry(of: RemoteKey(key))).node
    }

    private func outlook(_ fixture: StoreFixture, after: ScrubCandidate? = nil, limit: Int = 10, now: Timestamp = later)
        async throws -> ScrubOutlook
    {
        try await fixture.store.scrubOutlook(after: after, limit: limit, grain: 10, sparing: nil, now: now)
    }

    @Test("what is placed is proven then, what is moved keeps its proof, what is only doubted has its old one")
    func placing() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/x=one b=two")
        try await fixture.applyAll()
        #expect(try await provenAt(fixture) == ["/a/x": StoreFixture.now, "/b": StoreFixture.now])
        // The order of what leaves and what comes does not matter.
        for outcomes in [[("/a/x", "/m"), ("/b", "/n")], [("/m", "/a/x"), ("/n", "/b")]] {
            var moves: [Outcome] = []
            for (from, to) in outcomes {
                let move: [Outcome] = [
                    .have(RemoteKey(from), nil), .have(RemoteKey(to), try await node(fixture, from)),
                ]
                moves += from == "/b" || from == "/n" ? move : move.reversed()
            }
            try await fixture.commit(moves, now: Self.later)
        }
        #expect(try await provenAt(fixture) == ["/a/x": StoreFixture.now, "/b": StoreFixture.now])
        // The time of a file is set anew: nobody has read it.
        guard case .file(let name, let version, var print) = try await node(fixture, "/b") else { return }
        print.modifiedNanoseconds += 1
        try await fixture.commit([.have(RemoteKey("/b"), .file(name: name, version, print))], now: Self.later)
        #expect(try await provenAt(fixture)["/b"] == StoreFixture.now)
        try await fixture.store.markUnproven([RemoteKey("/b")])
        #expect(try await provenAt(fixture)["/b"] == StoreFixture.now)
        #expect(try await outlook(fixture).next.map(\.key.text) == ["/a/x"])
        try await fixture.commit([.have(RemoteKey("/b"), .file(name: name, version, print))], now: Self.later)
        #expect(try await provenAt(fixture)["/b"] == Self.later)
        #expect(try await fixture.store.verifyChecksums() == 0)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a proof is noted only of the bytes that were read") func guarded() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=one b=two")
        try await fixture.applyAll()
        let (a, b) = (
            try #require(try await fixture.store.entry(of: RemoteKey("/a"))),
            try #require(try await fixture.store.entry(of: RemoteKey("/b")))
        )
        try await fixture.record("b=three")
        try await fixture.applyAll()
        try await fixture.store.prove([a, b], at: Self.later)
        #expect(try await provenAt(fixture) == ["/a": Self.later, "/b": StoreFixture.now])
        await ProofTable(at: fixture.path).note([a, b], at: Self.later + 1)
        #expect(try await provenAt(fixture) == ["/a": Self.later + 1, "/b": StoreFixture.now])
        #expect(try await fixture.store.verifyChecksums() == 0)
        await ProofTable(at: fixture.folder("nothing")).note([a], at: Self.later)
        await ProofTable(at: "/dev/null").note([a], at: Self.later)
    }

    @Test("the oldest come first, page by page, with what was never read and what was read in the future before them")
    func order() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=1 b=2 c=3 d=4 f/ f/g=5")
        try await fixture.applyAll()
        try await fixture.store.write { db in
            try db.execute(
                sql: """
                    UPDATE have SET proven_at = CASE key WHEN '/a' THEN 300 WHEN '/b' THEN 200 WHEN '/c' THEN NULL
                        WHEN '/d' THEN 9000000000 ELSE 200 END WHERE kind = 1
                    """)
        }
        #expect(try await fixture.store.scrubBegan(now: 100) == 100)
        #expect(try await fixture.store.scrubBegan(now: Self.later) == 100)
        let all = try await outlook(fixture)
        #expect(all.next.map(\.key.text) == ["/c", "/d", "/b", "/f/g", "/a"])
        #expect(all.next.map(\.provenAt) == [100, 100, 200, 200, 300])
        #expect(all.loads.sorted { $0.provenAt < $1.provenAt }.map(\.provenAt) == [100, 200, 300])
        var keys: [String] = []
        var position: ScrubCandidate?
        while let next = try await outlook(fixture, after: position, limit: 2).next.last {
            keys += try await outlook(fixture, after: position, limit: 2).next.map(\.key.text)
            position = next
        }
        #expect(keys == ["/c", "/d", "/b", "/f/g", "/a"])
        for candidate in all.next {
            #expect(try await fixture.store.entry(of: candidate, now: Self.later)?.key == candidate.key)
        }
        let b = try #require(try await fixture.store.entry(of: RemoteKey("/b")))
        try await fixture.store.prove([b], at: Self.later)
        #expect(try await fixture.store.entry(of: all.next[2], now: Self.later) == nil)
        #expect(
            try await fixture.store.scrubOutlook(
                after: nil, limit: 9, grain: 1, sparing: RemoteKey("/f"), now: Self.later
            ).next.map(\.key.text) == ["/c", "/d", "/a", "/b"])
        #expect(try await fixture.store.proofs(now: Self.later) == Self.proofs(5, 2, 200))
        #expect(try await fixture.store.proofs(sparing: RemoteKey("/f"), now: Self.later) == Self.proofs(4, 2, 300))
        // The clock was ahead when the scrub began.
        #expect(try await fixture.store.scrubBegan(now: 10) == 10)
    }

    private static func proofs(_ files: Int, _ unknown: Int, _ oldest: Timestamp?) -> Proofs {
        var proofs = Proofs()
        (proofs.files, proofs.unknown, proofs.oldest) = (files, unknown, oldest)
        return proofs
    }

    @Test("a file that cannot be read is told once, survives a comparison of the disk, and is forgotten with its bytes")
    func unreadable() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a=one f/ f/b=two f/c=three d=four")
        try await fixture.applyAll()
        let entries = try await fixture.store.entries(after: nil, limit: 9).filter { !$0.node.isFolder }
        for entry in entries {
            #expect(try await fixture.store.noteUnreadable(entry, reason: "no"))
            #expect(try await !fixture.store.noteUnreadable(entry, reason: "no"))
        }
        #expect(try await fixture.store.markInStep(asOf: Self.later) == false)
        try await fixture.store.markSwept(asOf: Self.later)
        func paths() async throws -> [String] { try await fixture.store.findings(limit: 9).unproven.map(\.path) }
        #expect(try await paths() == ["/a", "/d", "/f/b", "/f/c"])
        let outlook = try await outlook(fixture)
        #expect(outlook.loads.isEmpty && outlook.next.count == 4, "they set no pace, and are tried again")
        try await fixture.store.prove([entries[0]], at: Self.later)
        #expect(try await paths() == ["/d", "/f/b", "/f/c"])
        try await fixture.store.forget([RemoteKey("/f")])
        #expect(try await paths() == ["/d"])
        try await fixture.record("d=five")
        try await fixture.applyAll()
        #expect(try await paths() == [])
        #expect(try await !fixture.store.noteUnreadable(entries[1], reason: "no"), "it is another one by now")
    }
}
