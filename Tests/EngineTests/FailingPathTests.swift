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
    private func names(_ rig: Rig) throws -> [String] { try Tree(directory: rig.mirror).lines.keys.sorted() }

    /// Waits until the mirror holds exactly `names`; gives up after some seconds.
    private func arrives(_ wanted: [String], in rig: Rig) async throws -> Bool {
        for _ in 0..<1000 {
            if (try? names(rig)) == wanted { return true }  // what goes while it is read is looked at again
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    @Test("files that the server fails to hand out do not keep others waiting") func serverErrors() async throws {
        let rig = try Rig()
        rig.settings.bulk = nil
        _ = try rig.account.put("/old", "old")
        try await rig.pass()
        var bad: Set<String> = []
        for number in 0..<60 { bad.insert(try rig.account.put("/a/\(number)", "bad \(number)").rev) }
        for number in 0..<50 { _ = try rig.account.put("/b/\(number)", "good \(number)") }
        _ = try rig.account.delete("/old")
        rig.remote.onDownload { [bad] rev in
            if bad.contains(rev) { throw SandboxError(disposition: .retry(after: nil)) }
        }
        let report = try await rig.pass()
        #expect(report.failed == 60)
        #expect(try names(rig).count { $0.hasPrefix("b/") } == 50)
        #expect(try !names(rig).contains("old"))
        rig.remote.onDownload(nil)
        rig.time.advance(by: 60)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("without a network the pass ends, removals are done, and nothing waits for long afterwards")
    func offline() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/old", "old")
        try await rig.pass()
        for number in 0..<40 { _ = try rig.account.put("/a/\(number)", "text \(number)") }
        _ = try rig.account.delete("/old")
        rig.remote.onDownload { _ in throw SandboxError(disposition: .unreachable) }
        for _ in 0..<5 {
            let error = await #expect(throws: EngineError.self) { try await rig.pass() }
            #expect(error?.disposition == .unreachable)
            rig.time.advance(by: 16)
        }
        #expect(try names(rig) == ["a"])
        rig.remote.onDownload(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a file whose connection always breaks is listed as failing, the others arrive") func brokenLine()
        async throws
    {
        let rig = try Rig()
        let bad = try rig.account.put("/bad", "bad")
        for number in 0..<40 { _ = try rig.account.put("/good/\(number)", "text \(number)") }
        rig.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .unreachable) } }
        rig.settings.parallel = 1
        try await rig.pass()
        #expect(try names(rig).count { $0.hasPrefix("good/") } == 40)
        #expect(try await rig.start().store.troubles(limit: 10).map(\.path) == ["/bad"])
    }

    @Test("what Dropbox does not hand out is parked") func restricted() async throws {
        let rig = try Rig()
        let bad = try rig.account.put("/bad", "bad")
        _ = try rig.account.put("/good", "good")
        rig.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .parked) } }
        try await rig.pass()
        #expect(try await rig.start().store.troubles(limit: 10).map(\.isParked) == [true])
        #expect(try names(rig) == ["good"])
        rig.remote.resetCounts()
        rig.time.advance(by: 3600)
        try await rig.pass()
        #expect(rig.remote.downloads == 0, "not before a day has passed, or a new revision has come")
        _ = try rig.account.put("/bad", "better")
        rig.remote.onDownload(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a server that refuses every cursor is not listed again and again") func endlessResets() async throws {
        let rig = try Rig(Account(seed: Seed(files: 30)), pageSize: 10)
        try await rig.pass()
        rig.remote.resetCounts()
        rig.remote.onPage { number in
            if number % 2 == 1 { throw SandboxError(disposition: .cursorReset) }
        }
        let error = await #expect(throws: EngineError.self) { try await rig.pass() }
        #expect(error?.disposition == .pass)
        #expect(rig.remote.pages < 10)
        rig.remote.onPage(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    // MARK: Slow downloads

    /// A running daemon in which the download of /big has begun and stands still.
    private func held() async throws -> (rig: Rig, rev: String, daemon: Task<Void, any Error>) {
        let rig = try Rig()
        rig.settings.interval = .milliseconds(20)
        rig.settings.longpoll = false
        _ = try rig.account.put("/gone/old", "old")
        try await rig.pass()
        let big = try rig.account.put("/big", String(repeating: "big ", count: 100_000))
        rig.remote.hold(big.rev)
        let engine = try await rig.start().engine
        return (rig, big.rev, Task { try await engine.run() })
    }

    @Test("while a download takes its time others arrive and deletions are done") func slowDownload() async throws {
        let (rig, _, daemon) = try await held()
        #expect(try await arrives(["gone", "gone/old"], in: rig))
        _ = try rig.account.put("/new", "new")
        _ = try rig.account.delete("/gone")
        #expect(try await arrives(["new"], in: rig))
        _ = try rig.account.move("/new", "/New folder/renamed")
        #expect(try await arrives(["New folder", "New folder/renamed"], in: rig))
        rig.remote.letGo()
        #expect(try await arrives(["New folder", "New folder/renamed", "big"], in: rig))
        daemon.cancel()
        try await daemon.value
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a download of what is no longer wanted is given up for what is") func newerRevision() async throws {
        let (rig, _, daemon) = try await held()
        _ = try rig.account.put("/big", "small now")
        #expect(try await arrives(["big", "gone", "gone/old"], in: rig))
        daemon.cancel()
        try await daemon.value
        #expect(try rig.differences() == [])
    }

    @Test("a folder that takes the place of a file being downloaded does not wait for it") func kindFlip() async throws
    {
        let (rig, _, daemon) = try await held()
        _ = try rig.account.delete("/big")
        _ = try rig.account.put("/big/inside", "x")
        #expect(try await arrives(["big", "big/inside", "gone", "gone/old"], in: rig))
        daemon.cancel()
        try await daemon.value
        #expect(try rig.differences() == [])
    }

    @Test("a download goes to the new path of its folder, renamed meanwhile") func renamedFolder() async throws {
        let rig = try Rig()
        rig.settings.interval = .milliseconds(20)
        rig.settings.longpoll = false
        _ = try rig.account.put("/Folder/small", "small")
        try await rig.pass()
        let big = try rig.account.put("/Folder/big", String(repeating: "big ", count: 100_000))
        rig.remote.hold(big.rev)
        let engine = try await rig.start().engine
        let daemon = Task { try await engine.run() }
        while rig.remote.downloads < 2 { try await Task.sleep(for: .milliseconds(5)) }
        _ = try rig.account.move("/Folder", "/Other")
        while try !names(rig).contains("Other/small") { try await Task.sleep(for: .milliseconds(5)) }
        rig.remote.letGo()
        #expect(try await arrives(["Other", "Other/big", "Other/small"], in: rig))
        daemon.cancel()
        try await daemon.value
        #expect(try rig.differences() == [])
    }

    @Test("a reload that a failing pass has taken for news makes the next one begin at once") func reload() async throws
    {
        let (rig, _, daemon) = try await held()
        while rig.remote.downloads < 2 { try await Task.sleep(for: .milliseconds(5)) }
        await rig.select(try Selection(excluding: ["*.tmp"]))
        rig.remote.resetCounts()
        while rig.remote.pages < 3 { try await Task.sleep(for: .milliseconds(5)) }  // the request is taken by then
        let isDue = Atomic(true)
        rig.remote.onPage { _ in
            let isFirst = isDue.exchange(false, ordering: .relaxed)
            if isFirst { throw SandboxError(disposition: .retry(after: .seconds(100_000))) }
        }
        while isDue.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(5)) }
        _ = try rig.account.put("/new", "new")
        #expect(try await arrives(["gone", "gone/old", "new"], in: rig))
        rig.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }

    // MARK: Space

    @Test("a file that is too large for the disk is listed as failing, the others arrive", .enabled(if: geteuid() == 0))
    func tooLarge() async throws {
        let rig = try Rig()
        try #require(mount("none", rig.mirror, "tmpfs", 0, "size=24m") == 0)
        defer { umount2(rig.mirror, Int32(MNT_DETACH)) }
        _ = try rig.account.put("/old", "old")
        try await rig.pass()
        _ = try rig.account.put("/a.iso", String(repeating: "0123456789abcdef", count: 3 << 20))
        for number in 0..<40 { _ = try rig.account.put("/b/\(number)", "text \(number)") }
        _ = try rig.account.delete("/old")
        try await rig.pass()
        #expect(try names(rig).count { $0.hasPrefix("b/") } == 40)
        #expect(try !names(rig).contains("old"))
        #expect(try await rig.start().store.troubles(limit: 10).map(\.path) == ["/a.iso"])
    }

    @Test("below the reserve downloads wait and deletions go on; it resumes by itself", .enabled(if: geteuid() == 0))
    func reserve() async throws {
        let rig = try Rig()
        try #require(mount("none", rig.mirror, "tmpfs", 0, "size=24m") == 0)
        defer { umount2(rig.mirror, Int32(MNT_DETACH)) }
        rig.settings.minFreeSpace = 16 << 20
        _ = try rig.account.put("/old", String(repeating: "0123456789abcdef", count: 1 << 18))
        try await rig.pass()
        #expect(try names(rig) == ["old"])
        try rig.folder.write(String(repeating: "x", count: 10 << 20), to: "mirror/.dbxsync/ballast")
        _ = try rig.account.put("/new", "new")
        _ = try rig.account.delete("/old")
        rig.remote.resetCounts()
        await #expect(throws: MirrorError.self) { try await rig.pass() }
        #expect(try names(rig) == [])
        #expect(rig.remote.downloads == 0)
        try FileManager.default.removeItem(atPath: rig.mirror + "/.dbxsync/ballast")
        try await rig.pass()
        #expect(try rig.differences() == [])
    }
}
