@testable import Store
import SyncModel
import TestSupport
import Testing

/// What the state knows of one path.
@Suite(.timeLimit(.minutes(5)))
struct ExplainTests {
    private func facts(_ fixture: StoreFixture, _ keys: String...) async throws -> [PathFacts] {
        try await fixture.store.facts(of: keys.map { RemoteKey($0) })
    }

    @Test("what is wanted, what stands, and what is still to be done")
    func parts() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("D/ D/a=1 D/b=2")
        let before = try await facts(fixture, "/d/a", "/d", "/none")
        #expect(before[1].path == "/D" && before[0].path == "/D/a")
        #expect(before[0].want != nil && before[0].have == nil)
        #expect(before[0].pending == .init(reason: nil, isParked: false, attempts: 0, nextTry: nil))
        #expect(before[1].pendingBelow == 2)
        #expect(before[2] == PathFacts(key: RemoteKey("/none"), path: "/none"))
        try await fixture.applyAll()
        let after = try await facts(fixture, "/d/a", "/d")
        #expect(after[0].have?.path.text == "D/a" && after[0].pending == nil && after[0].provenAt != nil)
        #expect(after[1].pendingBelow == 0 && after[1].have?.node.isFolder == true)
    }

    @Test("why something failed, when it is tried again, and what could not be looked at")
    func troubles() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("D/ D/a=1 D/b=2")
        try await fixture.applyAll()
        try await fixture.record("D/a=3")
        try await fixture.commit([.failed(RemoteKey("/d/a"), why: "no luck", retry: nil)])
        var finding = FolderFinding(folder: RemoteKey("/d"))
        finding.strangers = 1
        finding.names = ["Mine.txt"]
        finding.unproven = [.init(name: "b", reason: "no permission")]
        try await fixture.store.note([finding])
        let found = try await facts(fixture, "/d/a", "/d/b", "/d/mine.txt", "/d/other")
        #expect(found[0].pending?.reason == "no luck" && found[0].pending?.attempts == 1)
        #expect(found[0].pending?.nextTry != nil)
        #expect(found[1].unproven == "no permission")
        #expect(found.map(\.isStranger) == [false, false, true, false])
    }

    @Test("names near by are those of the folder alone, of what is wanted or stands")
    func names() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("D/ D/a=1 D/b=2 D/Sub/ D/Sub/deep=3 top=4")
        #expect(try await fixture.store.knownNames(in: RemoteKey("/d"), limit: 100) == ["Sub", "a", "b"])
        #expect(try await fixture.store.knownNames(in: .root, limit: 100) == ["D", "top"])
    }

    @Test("what is held is told with its hold, and for the folder above")
    func held() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("D/ D/a=1 D/b=2 D/c=3 x=4")
        try await fixture.applyAll()
        try await fixture.record(deleted: ["d"])
        let settings = GuardSettings(removals: 1, sharePercent: nil)
        let holds = try await fixture.store.guardAgainstLoss(.removing, settings, pass: 1, now: StoreFixture.now).holds
        #expect(holds.count == 1)
        let found = try await facts(fixture, "/d/a", "/d", "/x")
        #expect(found[0].hold?.id == holds.first?.id && found[2].hold == nil)
        #expect(found[1].heldBelow == 3)
    }
}
