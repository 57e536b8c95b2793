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

/// A disk without room: what fits arrives, what does not waits and says so, and room that was made is used.
@Suite(.timeLimit(.minutes(30)), .needs(.mounting))
struct SpaceTests {
    /// Mounts a file system of `size` bytes in memory at the mirror of `fixture`.
    private static func mount(_ fixture: EngineFixture, size: String) throws {
        try #require(Glibc.mount("none", fixture.mirror, "tmpfs", 0, "size=\(size)") == 0)
    }

    private static func unmount(_ fixture: EngineFixture) {
        try? fixture.crash()
        umount2(fixture.mirror, Int32(MNT_DETACH))
    }

    private static func passes(_ fixture: EngineFixture, _ count: Int) async {
        for _ in 0..<count {
            _ = try? await fixture.pass()  // a lack of space breaks a pass off
            fixture.time.advance(by: 400)
        }
    }

    private static func body(_ number: Int, _ size: Int) -> String {
        String(repeating: "\(number % 10)", count: size)
    }

    @Test("what no longer has to go there makes room for what has, without a restart", arguments: [false, true])
    func clears(inZips: Bool) async throws {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "3m")
        defer { Self.unmount(fixture) }
        fixture.settings.parallel = 16
        fixture.settings.bulk = inZips ? ZipGrouping(leastFiles: 2) : nil
        for number in 0..<60 { _ = try fixture.account.put("/f\(number)", Self.body(number, 100_000 + number)) }
        await Self.passes(fixture, 2)
        // What fits is there, whole, and not in the staging folder.
        let placed = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror).count { $0.hasPrefix("f") }
        #expect(placed >= 25, "\(placed) of about 29 files")
        for number in 0..<45 { _ = try fixture.account.delete("/f\(number)") }
        await Self.passes(fixture, 4)
        #expect(try fixture.differences() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging") == [])
    }

    @Test("a disk that can hold no more files is called that, and goes on when some were removed") func inodes()
        async throws
    {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "8m,nr_inodes=40")
        defer { Self.unmount(fixture) }
        for number in 0..<60 { _ = try fixture.account.put("/f\(number)", Self.body(number, 100 + number)) }
        await Self.passes(fixture, 2)
        let placed = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror).count { $0.hasPrefix("f") }
        #expect(placed >= 25, "\(placed) of about 34 files")
        let store = try await fixture.start().store
        let told = try await store.pathIssues(limit: 100).map(\.reason) + [store.lastPass()?.outcome ?? ""]
        #expect(told.contains { $0.contains("out of inodes") }, "\(told)")
        for number in 0..<45 { _ = try fixture.account.delete("/f\(number)") }
        await Self.passes(fixture, 4)
        #expect(try fixture.differences() == [])
    }

    @Test("an export that does not fit waits alone, and comes when there is room") func export() async throws {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "16m")
        defer { Self.unmount(fixture) }
        fixture.settings.minFreeSpace = 2 << 20
        var large = Sandbox.OnlineDocument(.paper)
        large.exports["markdown"] = .generated(seed: 1, size: 15 << 20)
        try fixture.account.put("/large.paper", large)
        _ = try fixture.account.put("/small", "x")
        await Self.passes(fixture, 2)
        #expect(FileManager.default.fileExists(atPath: fixture.mirror + "/small"))
        let issues = try await fixture.start().store.pathIssues(limit: 9)
        #expect(issues.map(\.path) == ["/large.paper.md"])
        #expect(issues.first?.reason.contains("has to wait for space") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging") == [])
        large.exports["markdown"] = .generated(seed: 1, size: 5 << 20)
        try fixture.account.put("/large.paper", large)
        await Self.passes(fixture, 2)
        #expect(try fixture.differences() == [])
    }

    @Test("on a full disk an export waits as a file does: it is not failing, and comes as soon as there is space")
    func fullDisk() async throws {
        let fixture = try EngineFixture()
        try fixture.account.put("/a.paper", Sandbox.OnlineDocument(.paper))
        _ = try fixture.account.put("/b", "text")
        fixture.settings.minFreeSpace = 1 << 60
        let why = await #expect(throws: (any Error).self) { try await fixture.pass() }
        let (engine, store) = try await fixture.start()
        #expect(try await store.pathIssues(limit: 9).map(\.path) == [])
        #expect(try await store.nextRetry() == nil)
        let text = "\(why.map { "\($0)" } ?? "")"
        #expect(text.contains(" has to wait for space: ") && text.contains("min_free_space is 1.2 EB"), "\(text)")
        fixture.settings.minFreeSpace = 0
        await engine.reload(fixture.settings)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("the trash gives way to an export") func trash() async throws {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "16m")
        defer { Self.unmount(fixture) }
        fixture.settings.trash = TrashSettings(keep: .seconds(1 << 20), limit: .share(percent: 100))
        _ = try fixture.account.put("/old", .generated(seed: 1, size: 10 << 20))
        try await fixture.pass()
        _ = try fixture.account.delete("/old")
        var large = Sandbox.OnlineDocument(.paper)
        large.exports["markdown"] = .generated(seed: 2, size: 9 << 20)
        try await fixture.pass()
        try fixture.account.put("/large.paper", large)
        try await fixture.pass()
        let issues = try await fixture.start().store.pathIssues(limit: 9).map(\.reason)
        #expect(try fixture.differences() == [], "\(issues)")
    }

    @Test("downloads that run together leave free what is to stay free") func reserve() async throws {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "20m")
        defer { Self.unmount(fixture) }
        fixture.settings.parallel = 16
        fixture.settings.minFreeSpace = 5 << 20
        for number in 0..<40 { _ = try fixture.account.put("/f\(number)", Self.body(number, 1_500_000)) }
        let least = Atomic<Int64>(.max)
        let mirror = fixture.mirror
        let watching = Task {
            while !Task.isCancelled {
                var status = statvfs()
                if statvfs(mirror, &status) == 0 {
                    least.min(Int64(status.f_bavail) * Int64(status.f_frsize), ordering: .relaxed)
                }
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        await Self.passes(fixture, 3)
        watching.cancel()
        #expect(least.load(ordering: .relaxed) >= 5 << 20 - 256 << 10)
        let placed = try FileManager.default.contentsOfDirectory(atPath: mirror).count { $0.hasPrefix("f") }
        #expect(placed == 9 || placed == 10, "\(placed)")
        let store = try await fixture.start().store
        #expect(try await store.backlog().pendingFiles == 40 - placed)
        #expect(try await store.progress().inStepAsOf == nil)
    }

    @Test("parts of many files give way to one that fits") func partsGiveWay() async throws {
        let fixture = try EngineFixture()
        try Self.mount(fixture, size: "10m")
        defer { Self.unmount(fixture) }
        fixture.settings.bulk = nil
        for number in 0..<8 { _ = try fixture.account.put("/f\(number)", Self.body(number, 3_000_000)) }
        // Each breaks off after a part; their parts fill the disk.
        let breaks = Atomic<Bool>(true)
        fixture.remote.onDownload { _ in
            if breaks.load(ordering: .relaxed) { throw SandboxError(disposition: .skipItem) }
        }
        await Self.passes(fixture, 1)
        let staging = fixture.mirror + "/.dbxsync/staging"
        for name in try FileManager.default.contentsOfDirectory(atPath: staging) {
            try Data(repeating: 1, count: 1_000_000).write(to: URL(filePath: staging + "/" + name))
        }
        breaks.store(false, ordering: .relaxed)
        await Self.passes(fixture, 4)
        let placed = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror).count { $0.hasPrefix("f") }
        #expect(placed == 3, "\(placed)")
    }
}
