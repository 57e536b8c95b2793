import Engine
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Crashes at every fault point of a scenario, one after the other, each followed by a restart with news in between.
@Suite(.timeLimit(.minutes(30)))
struct CrashSweepTests {
    @Test("a crash at any fault point converges after the restart") func everyFaultPoint() async throws {
        var point = 0
        while true {
            let wasReached = try await crash(at: point)
            if !wasReached { break }
            point += 1
        }
        #expect(point >= 40)
    }

    /// Whether the scenario has a fault point of that number.
    private func crash(at number: Int) async throws -> Bool {
        let fixture = try scenario()
        try await fixture.pass()
        try change(fixture.account)
        let crashed = try await fixture.crashes(at: number)
        try news(fixture.account)
        try await fixture.pass()
        fixture.time.advance(by: 86_400 * 2)
        try await fixture.pass()
        #expect(try fixture.differences() == [], "crash at fault point \(number)")
        #expect(try await fixture.brokenInvariants() == [], "crash at fault point \(number)")
        let own = try Tree(directory: fixture.mirror + "/.dbxsync")
        #expect(
            own.lines.keys.filter { !$0.hasPrefix("staging") && !$0.hasPrefix("trash") } == ["mirror-id"],
            "crash at fault point \(number)")
        #expect(try await fixture.trashDifferences() == [], "crash at fault point \(number)")
        return crashed
    }

    private func scenario() throws -> EngineFixture {
        let fixture = try EngineFixture(pageSize: 7, inMemory: true)
        fixture.settings.batch = 4
        fixture.settings.window = 8
        fixture.settings.parallel = 2
        fixture.settings.bulk = ZipGrouping(leastFiles: 3)
        for number in 0..<8 { _ = try fixture.account.put("/keep/\(number)", "k\(number)") }
        for number in 0..<6 { _ = try fixture.account.put("/move/sub/\(number)", "m\(number)") }
        _ = try fixture.account.put("/flip", "file")
        _ = try fixture.account.put("/flop/inner", "folder")
        for number in 0..<3 { _ = try fixture.account.put("/box/\(number)", "b\(number)") }
        return fixture
    }

    private func change(_ account: Account) throws {
        _ = try account.move("/move", "/moved")
        _ = try account.delete("/keep/3")
        _ = try account.put("/keep/4", "changed")
        _ = try account.delete("/flip")
        _ = try account.put("/flip/inside", "x")
        _ = try account.delete("/flop")
        _ = try account.put("/flop", "y")
        _ = try account.move("/box", "/box.old")
        _ = try account.put("/box", "z")
        for number in 0..<5 { _ = try account.put("/new/\(number)", "n\(number)") }
    }

    private func news(_ account: Account) throws {
        _ = try account.delete("/new/1")
        _ = try account.delete("/moved/sub/2")
        _ = try account.put("/moved/sub/3", "again")
        _ = try account.move("/flop", "/keep/flop")
    }
}
