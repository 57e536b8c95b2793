import Engine
import Foundation
import Logging
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// More removals than are allowed are held before the first one, until somebody decides.
@Suite(.timeLimit(.minutes(30)))
struct GuardTests {
    /// A mirror of 40 files, of which ten may go in an hour.
    private func fixture(_ settings: GuardSettings = GuardSettings(removals: 10, sharePercent: nil)) async throws
        -> EngineFixture
    {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.brake = settings
        fixture.settings.batch = 4
        for number in 0..<40 { _ = try fixture.account.put("/d\(number % 2)/\(number)", "text \(number)") }
        try await fixture.pass()
        return fixture
    }

    /// Files of the mirror.
    private func files(_ fixture: EngineFixture) throws -> Int {
        try Tree(directory: fixture.mirror).lines.values.count { $0 != "dir" }
    }

    private func holds(_ fixture: EngineFixture) async throws -> [Hold] { try await fixture.start().store.holds() }

    private func isInStep(_ fixture: EngineFixture) async throws -> Bool {
        let store = try await fixture.start().store
        return SyncSnapshot(
            progress: try await store.progress(), isSelected: true, backlog: try await store.backlog(), unproven: 0
        ).isInStep
    }

    private func decide(_ fixture: EngineFixture, _ id: Int64, _ verdict: Verdict) async throws {
        try await fixture.start().store.decisions.leave(.init(hold: id, verdict: verdict))
    }

    @Test("all of them are held, and nothing else; approved, they go") func approved() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        _ = try fixture.account.put("/new", "new")
        try await fixture.pass()
        #expect(try files(fixture) == 41)
        #expect(try await !isInStep(fixture))
        let hold = try #require(try await holds(fixture).first)
        #expect(hold.files == 20 && hold.status == .held)
        fixture.time.advance(by: 86_400)
        try fixture.crash()
        try await fixture.pass()
        #expect(try files(fixture) == 41)
        try await decide(fixture, hold.id, .approve)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await holds(fixture) == [])
        #expect(try await isInStep(fixture))
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("rejected, they stay as strangers, through restarts and relists") func rejected() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        try await fixture.pass()
        try await decide(fixture, try #require(try await holds(fixture).first).id, .reject)
        try await fixture.pass()
        #expect(try files(fixture) == 40)
        #expect(try await holds(fixture) == [])
        #expect(try await fixture.start().store.findings(limit: 10).strangers == 1, "they are counted at once")
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        try fixture.crash()
        try await fixture.pass()
        #expect(try files(fixture) == 40)
        #expect(try await isInStep(fixture))
        #expect(try await fixture.start().store.findings(limit: 10).strangers == 1)
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a relist, news and a restart change nothing of what is held") func relisted() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        try await fixture.pass()
        try await fixture.start().store.beginRelist()
        _ = try fixture.account.put("/d1/1", "edited")
        try await fixture.pass()
        #expect(try await holds(fixture).map(\.files) == [20])
        #expect(try files(fixture) == 40)
        _ = try fixture.account.put("/d0/0", "text 0")
        _ = try fixture.account.put("/d0/2", "another")
        try await fixture.pass()
        #expect(try await holds(fixture).map(\.files) == [18])
        #expect(try files(fixture) == 40)
    }

    @Test("moves are no removals, not even of a folder that makes way") func moves() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.move("/d0", "/elsewhere")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        _ = try fixture.account.move("/d1", "/d2")
        _ = try fixture.account.put("/d1", "a file")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await holds(fixture) == [])
    }

    @Test("what comes later is a new hold, and approved is the list that was shown") func later() async throws {
        let fixture = try await fixture()
        for number in stride(from: 0, to: 24, by: 2) { _ = try fixture.account.delete("/d0/\(number)") }
        try await fixture.pass()
        for number in 1..<8 where number % 2 == 1 { _ = try fixture.account.delete("/d1/\(number)") }
        try await fixture.pass()
        #expect(try await holds(fixture).map(\.files) == [12, 4])
        let first = try #require(try await holds(fixture).first)
        try await decide(fixture, first.id, .approve)
        try await fixture.pass()
        #expect(try files(fixture) == 28)
        #expect(try await holds(fixture).map(\.files) == [4])
    }

    @Test("a trickle is counted over the window, and approved removals are not") func window() async throws {
        let fixture = try await fixture()
        for number in 0..<8 {
            _ = try fixture.account.delete("/d\(number % 2)/\(number)")
            try await fixture.pass()
        }
        #expect(try files(fixture) == 32)
        for number in 8..<12 { _ = try fixture.account.delete("/d\(number % 2)/\(number)") }
        try await fixture.pass()
        #expect(try files(fixture) == 32)
        #expect(try await holds(fixture).map(\.files) == [4])
        try await decide(fixture, try #require(try await holds(fixture).first).id, .approve)
        try await fixture.pass()
        #expect(try files(fixture) == 28)
        fixture.time.advance(by: 3_700)
        for number in 12..<22 { _ = try fixture.account.delete("/d\(number % 2)/\(number)") }
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a share counts for a mirror of more than a hundred files only") func share() async throws {
        for count in [90, 200] {
            let fixture = try EngineFixture(inMemory: true)
            fixture.settings.brake = GuardSettings()
            for number in 0..<count { _ = try fixture.account.put("/\(number)", "text \(number)") }
            try await fixture.pass()
            for number in 0..<41 { _ = try fixture.account.delete("/\(number)") }
            try await fixture.pass()
            #expect(try files(fixture) == (count == 90 ? 49 : 200))
            #expect(try await holds(fixture).count == (count == 90 ? 0 : 1))
        }
    }

    @Test("replacements are held if they are counted; rejected, the file stays until the next revision")
    func replacements() async throws {
        let fixture = try await fixture(GuardSettings(removals: nil, sharePercent: nil, overwrites: 5))
        for number in 0..<12 { _ = try fixture.account.put("/d\(number % 2)/\(number)", "locked \(number)") }
        let before = try Tree(directory: fixture.mirror)
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).differences(from: before) == [])
        #expect(try await holds(fixture).map(\.replacements) == [12])
        try await decide(fixture, try #require(try await holds(fixture).first).id, .reject)
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).differences(from: before) == [])
        #expect(try await !isInStep(fixture))
        fixture.time.advance(by: 3_700)
        for number in 0..<4 { _ = try fixture.account.put("/d\(number % 2)/\(number)", "good \(number)") }
        try await fixture.pass()
        #expect(try fixture.differences().count == 8)
        for number in 4..<12 { _ = try fixture.account.put("/d\(number % 2)/\(number)", "text \(number)") }
        try await fixture.pass()
        #expect(try fixture.differences().count == 0)
        #expect(try await isInStep(fixture))
    }

    @Test("what has to make way for another kind is counted, too") func givesWay() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        _ = try fixture.account.put("/d0", "a file")
        try await fixture.pass()
        #expect(try files(fixture) == 40)
        let hold = try #require(try await holds(fixture).first)
        #expect(hold.files == 20)
        try await decide(fixture, hold.id, .approve)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a folder that was not to make way stays, and is told of") func stays() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        _ = try fixture.account.put("/d0", "a file")
        try await fixture.pass()
        try await decide(fixture, try #require(try await holds(fixture).first).id, .reject)
        try await fixture.pass()
        #expect(try files(fixture) == 40)
        let hold = try #require(try await holds(fixture).first)
        #expect(hold.status == .rejected && hold.files == 0 && hold.folders == 1, "\(hold)")
        #expect(hold.replacements == 1 && hold.removals == 0, "\(hold)")
        #expect(try await fixture.start().store.backlog().held == 1)
        #expect(try await !isInStep(fixture))
    }

    @Test("what was lost while the clock was ahead counts as lost now, with what is lost now") func clockBack()
        async throws
    {
        let fixture = try await fixture()
        let now = fixture.time.now
        func lose(_ number: Int) async throws {
            _ = try fixture.account.delete("/d\(number % 2)/\(number)")
            try await fixture.pass()
        }
        for number in 0..<4 { try await lose(number) }
        fixture.time.advance(by: 100_000)
        for number in 4..<8 { try await lose(number) }
        fixture.time.advance(by: now.seconds - fixture.time.now.seconds)
        for number in 8..<10 { try await lose(number) }
        #expect(try files(fixture) == 30)
        try await lose(10)
        #expect(try files(fixture) == 30)
        #expect(try await holds(fixture).map(\.files) == [1])
    }

    @Test("a rejection is an event of its own, in the journal and in the history") func rejectionEvent() async throws {
        let fixture = try await fixture()
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        try fixture.crash()
        for number in 0..<2 {
            _ = try fixture.account.delete("/d\(number)")
            try await fixture.pass()
            let hold = try #require(try await holds(fixture).last { $0.status == .held })
            try await decide(fixture, hold.id, number == 0 ? .reject : .approve)
            try await fixture.pass()
        }
        #expect(story.events.filter { ["released", "rejected"].contains($0) } == ["rejected", "released"])
        var query = HistoryQuery()
        query.kinds = [.released, .rejected]
        let kinds = try await fixture.start().store.history(query).map(\.change.kind)
        #expect(kinds == [.rejected, .released])
    }

    @Test("what is held long enough is approved, if that is wanted") func released() async throws {
        let fixture = try await fixture(
            GuardSettings(removals: 10, sharePercent: nil, releaseAfter: .seconds(7_200)))
        _ = try fixture.account.delete("/d0")
        try await fixture.pass()
        fixture.time.advance(by: 7_000)
        try await fixture.pass()
        #expect(try files(fixture) == 40)
        fixture.time.advance(by: 300)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a file that is touched while it is held stays held") func touched() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d0")
        try await fixture.pass()
        try Data("text 0".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/d0/0"))
        try fixture.crash()
        try await fixture.pass()
        #expect(try await holds(fixture).map(\.files).reduce(0, +) == 20)
        #expect(try files(fixture) == 40)
    }

    @Test("a crash at any point removes nothing that was not approved") func crashes() async throws {
        var point = 0
        while true {
            let fixture = try await fixture()
            _ = try fixture.account.delete("/d0")
            _ = try fixture.account.put("/d1/1", "edited")
            let wasReached = try await fixture.crashes(at: point)
            #expect(try files(fixture) == 40, "crash at fault point \(point)")
            try await fixture.pass()
            #expect(try files(fixture) == 40, "crash at fault point \(point)")
            let hold = try #require(try await holds(fixture).first)
            try await decide(fixture, hold.id, .approve)
            _ = try fixture.account.delete("/d1/3")
            if !wasReached { break }
            _ = try await fixture.crashes(at: point)
            try await fixture.pass()
            #expect(try fixture.differences() == [], "crash at fault point \(point)")
            point += 1
        }
        #expect(point > 5)
    }
}
