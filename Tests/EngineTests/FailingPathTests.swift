import Engine
import Foundation
import Glibc
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// One failing path never delays another, and never stops deletions elsewhere.
@Suite(.timeLimit(.minutes(30)))
struct FailingPathTests {
    private func names(_ fixture: EngineFixture) throws -> [String] {
        try Tree(directory: fixture.mirror).lines.keys.sorted()
    }

    @Test("files that the server fails to hand out do not keep others waiting") func serverErrors() async throws {
        let fixture = try EngineFixture()
        fixture.settings.bulk = nil
        _ = try fixture.account.put("/old", "old")
        try await fixture.pass()
        var bad: Set<String> = []
        for number in 0..<60 { bad.insert(try fixture.account.put("/a/\(number)", "bad \(number)").rev) }
        for number in 0..<50 { _ = try fixture.account.put("/b/\(number)", "good \(number)") }
        _ = try fixture.account.delete("/old")
        fixture.remote.onDownload { [bad] rev in
            if bad.contains(rev) { throw SandboxError(disposition: .retry(after: nil)) }
        }
        let report = try await fixture.pass()
        #expect(report.failed == 60)
        #expect(try names(fixture).count { $0.hasPrefix("b/") } == 50)
        #expect(try !names(fixture).contains("old"))
        fixture.remote.onDownload(nil)
        fixture.time.advance(by: 60)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("without a network the pass ends, removals are done, and nothing waits for long afterwards")
    func offline() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/old", "old")
        try await fixture.pass()
        for number in 0..<40 { _ = try fixture.account.put("/a/\(number)", "text \(number)") }
        _ = try fixture.account.delete("/old")
        fixture.remote.onDownload { _ in throw SandboxError(disposition: .unreachable) }
        for _ in 0..<5 {
            let error = await #expect(throws: EngineError.self) { try await fixture.pass() }
            #expect(error?.disposition == .unreachable)
            fixture.time.advance(by: 16)
        }
        #expect(try names(fixture) == ["a"])
        fixture.remote.onDownload(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a file whose connection always breaks is listed as failing, the others arrive") func brokenLine()
        async throws
    {
        let fixture = try EngineFixture()
        let bad = try fixture.account.put("/bad", "bad")
        for number in 0..<40 { _ = try fixture.account.put("/good/\(number)", "text \(number)") }
        fixture.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .unreachable) } }
        fixture.settings.parallel = 1
        try await fixture.pass()
        #expect(try names(fixture).count { $0.hasPrefix("good/") } == 40)
        #expect(try await fixture.start().store.pathIssues(limit: 10).map(\.path) == ["/bad"])
    }

    @Test("what Dropbox does not hand out is parked") func restricted() async throws {
        let fixture = try EngineFixture()
        let bad = try fixture.account.put("/bad", "bad")
        _ = try fixture.account.put("/good", "good")
        fixture.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .parked) } }
        try await fixture.pass()
        #expect(try await fixture.start().store.pathIssues(limit: 10).map(\.isParked) == [true])
        #expect(try names(fixture) == ["good"])
        fixture.remote.resetCounts()
        fixture.time.advance(by: 3600)
        try await fixture.pass()
        #expect(fixture.remote.downloads == 0, "not before a day has passed, or a new revision has come")
        _ = try fixture.account.put("/bad", "better")
        fixture.remote.onDownload(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a server that refuses every cursor is not listed again and again") func endlessResets() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 30)), pageSize: 10)
        try await fixture.pass()
        fixture.remote.resetCounts()
        fixture.remote.onPage { number in
            if number % 2 == 1 { throw SandboxError(disposition: .cursorReset) }
        }
        let error = await #expect(throws: EngineError.self) { try await fixture.pass() }
        #expect(error?.disposition == .abortPass)
        #expect(fixture.remote.pages < 10)
        fixture.remote.onPage(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    // MARK: Slow downloads

    /// A running daemon that has placed `small`, and in which the download of `large` has begun and stands still.
    private func held(small: String = "/gone/old", large: String = "/big") async throws -> HeldDaemon {
        let fixture = try HeldDaemon.fixture()
        _ = try fixture.account.put(small, "small")
        try await fixture.pass()
        return try await HeldDaemon.begin(fixture, holding: [large])
    }

    @Test("while a download takes its time others arrive and deletions are done") func slowDownload() async throws {
        let held = try await held()
        let account = held.fixture.account
        try await held.arrive(["gone", "gone/old"])
        _ = try account.put("/new", "new")
        _ = try account.delete("/gone")
        try await held.arrive(["new"])
        _ = try account.move("/new", "/New folder/renamed")
        try await held.arrive(["New folder", "New folder/renamed"])
        held.fixture.remote.letGo()
        try await held.arrive(["New folder", "New folder/renamed", "big"])
        try await held.stop()
        #expect(try held.fixture.differences() == [])
        #expect(try await held.fixture.brokenInvariants() == [])
    }

    @Test("a download of what is no longer wanted is given up for what is") func newerRevision() async throws {
        let held = try await held()
        _ = try held.fixture.account.put("/big", "small now")
        try await held.arrive(["big", "gone", "gone/old"])
        try await held.stop()
        #expect(try held.fixture.differences() == [])
    }

    @Test("a folder that takes the place of a file being downloaded does not wait for it") func kindFlip() async throws
    {
        let held = try await held()
        _ = try held.fixture.account.delete("/big")
        _ = try held.fixture.account.put("/big/inside", "x")
        try await held.arrive(["big", "big/inside", "gone", "gone/old"])
        try await held.stop()
        #expect(try held.fixture.differences() == [])
    }

    @Test("a download goes to the new path of its folder, renamed meanwhile") func renamedFolder() async throws {
        let held = try await held(small: "/Folder/small", large: "/Folder/big")
        _ = try held.fixture.account.move("/Folder", "/Other")
        try await held.eventually("the rename") { held.stands("/Other/small") }
        held.fixture.remote.letGo()
        try await held.arrive(["Other", "Other/big", "Other/small"])
        try await held.stop()
        #expect(try held.fixture.differences() == [])
    }

    @Test("a reload that a failing pass has taken for news makes the next one begin at once") func reload() async throws
    {
        let held = try await held()
        let remote = held.fixture.remote
        await held.fixture.select(try Selection(excluding: ["*.tmp"]))
        remote.resetCounts()
        try await held.eventually("pages") { remote.pages >= 3 }  // the request is taken by then
        let isDue = Atomic(true)
        remote.onPage { _ in
            let isFirst = isDue.exchange(false, ordering: .relaxed)
            if isFirst { throw SandboxError(disposition: .retry(after: .seconds(100_000))) }
        }
        try await held.eventually("the failure") { !isDue.load(ordering: .relaxed) }
        _ = try held.fixture.account.put("/new", "new")
        try await held.arrive(["gone", "gone/old", "new"])
        remote.letGo()
        try await held.stop()
    }

    // MARK: Space

    @Test("a file that is too large for the disk is listed as failing, the others arrive", .needs(.mounting))
    func tooLarge() async throws {
        let fixture = try EngineFixture()
        try #require(mount("none", fixture.mirror, "tmpfs", 0, "size=24m") == 0)
        defer { umount2(fixture.mirror, Int32(MNT_DETACH)) }
        _ = try fixture.account.put("/old", "old")
        try await fixture.pass()
        _ = try fixture.account.put("/a.iso", String(repeating: "0123456789abcdef", count: 3 << 20))
        for number in 0..<40 { _ = try fixture.account.put("/b/\(number)", "text \(number)") }
        _ = try fixture.account.delete("/old")
        try await fixture.pass()
        #expect(try names(fixture).count { $0.hasPrefix("b/") } == 40)
        #expect(try !names(fixture).contains("old"))
        #expect(try await fixture.start().store.pathIssues(limit: 10).map(\.path) == ["/a.iso"])
    }

    @Test("below the reserve downloads wait and deletions go on; it resumes by itself", .needs(.mounting))
    func reserve() async throws {
        let fixture = try EngineFixture()
        try #require(mount("none", fixture.mirror, "tmpfs", 0, "size=24m") == 0)
        defer { umount2(fixture.mirror, Int32(MNT_DETACH)) }
        fixture.settings.minFreeSpace = 16 << 20
        _ = try fixture.account.put("/old", String(repeating: "0123456789abcdef", count: 1 << 18))
        try await fixture.pass()
        #expect(try names(fixture) == ["old"])
        try fixture.folder.write(String(repeating: "x", count: 10 << 20), to: "mirror/.dbxsync/ballast")
        _ = try fixture.account.put("/new", "new")
        _ = try fixture.account.delete("/old")
        fixture.remote.resetCounts()
        await #expect(throws: MirrorError.self) { try await fixture.pass() }
        #expect(try names(fixture) == [])
        #expect(fixture.remote.downloads == 0)
        try FileManager.default.removeItem(atPath: fixture.mirror + "/.dbxsync/ballast")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }
}
