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
@Suite struct FailingPathTests {
    private func names(_ fixture: EngineFixture) throws -> [String] {
        try Tree(directory: fixture.mirror).lines.keys.sorted()
    }

    /// Waits until the mirror holds exactly `names`; gives up after some seconds.
    private func arrives(_ wanted: [String], in fixture: EngineFixture) async throws -> Bool {
        for _ in 0..<1000 {
            if (try? names(fixture)) == wanted { return true }  // what goes while it is read is looked at again
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
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
    private func held(small: String = "/gone/old", large: String = "/big") async throws -> (
        fixture: EngineFixture, rev: String, daemon: Task<Void, any Error>
    ) {
        let fixture = try EngineFixture()
        fixture.settings.interval = .milliseconds(20)
        fixture.settings.longpoll = false
        _ = try fixture.account.put(small, "small")
        try await fixture.pass()
        let big = try fixture.account.put(large, String(repeating: "big ", count: 100_000))
        fixture.remote.hold(big.rev)
        let engine = try await fixture.start().engine
        return (fixture, big.rev, Task { try await engine.run() })
    }

    @Test("while a download takes its time others arrive and deletions are done") func slowDownload() async throws {
        let (fixture, _, daemon) = try await held()
        #expect(try await arrives(["gone", "gone/old"], in: fixture))
        _ = try fixture.account.put("/new", "new")
        _ = try fixture.account.delete("/gone")
        #expect(try await arrives(["new"], in: fixture))
        _ = try fixture.account.move("/new", "/New folder/renamed")
        #expect(try await arrives(["New folder", "New folder/renamed"], in: fixture))
        fixture.remote.letGo()
        #expect(try await arrives(["New folder", "New folder/renamed", "big"], in: fixture))
        daemon.cancel()
        try await daemon.value
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a download of what is no longer wanted is given up for what is") func newerRevision() async throws {
        let (fixture, _, daemon) = try await held()
        _ = try fixture.account.put("/big", "small now")
        #expect(try await arrives(["big", "gone", "gone/old"], in: fixture))
        daemon.cancel()
        try await daemon.value
        #expect(try fixture.differences() == [])
    }

    @Test("a folder that takes the place of a file being downloaded does not wait for it") func kindFlip() async throws
    {
        let (fixture, _, daemon) = try await held()
        _ = try fixture.account.delete("/big")
        _ = try fixture.account.put("/big/inside", "x")
        #expect(try await arrives(["big", "big/inside", "gone", "gone/old"], in: fixture))
        daemon.cancel()
        try await daemon.value
        #expect(try fixture.differences() == [])
    }

    @Test("a download goes to the new path of its folder, renamed meanwhile") func renamedFolder() async throws {
        let (fixture, _, daemon) = try await held(small: "/Folder/small", large: "/Folder/big")
        while fixture.remote.downloads < 2 { try await Task.sleep(for: .milliseconds(5)) }
        _ = try fixture.account.move("/Folder", "/Other")
        while try !names(fixture).contains("Other/small") { try await Task.sleep(for: .milliseconds(5)) }
        fixture.remote.letGo()
        #expect(try await arrives(["Other", "Other/big", "Other/small"], in: fixture))
        daemon.cancel()
        try await daemon.value
        #expect(try fixture.differences() == [])
    }

    @Test("a reload that a failing pass has taken for news makes the next one begin at once") func reload() async throws
    {
        let (fixture, _, daemon) = try await held()
        while fixture.remote.downloads < 2 { try await Task.sleep(for: .milliseconds(5)) }
        await fixture.select(try Selection(excluding: ["*.tmp"]))
        fixture.remote.resetCounts()
        while fixture.remote.pages < 3 { try await Task.sleep(for: .milliseconds(5)) }  // the request is taken by then
        let isDue = Atomic(true)
        fixture.remote.onPage { _ in
            let isFirst = isDue.exchange(false, ordering: .relaxed)
            if isFirst { throw SandboxError(disposition: .retry(after: .seconds(100_000))) }
        }
        while isDue.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
        _ = try fixture.account.put("/new", "new")
        #expect(try await arrives(["gone", "gone/old", "new"], in: fixture))
        fixture.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }

    // MARK: Space

    @Test("a file that is too large for the disk is listed as failing, the others arrive", .enabled(if: geteuid() == 0))
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

    @Test("below the reserve downloads wait and deletions go on; it resumes by itself", .enabled(if: geteuid() == 0))
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
