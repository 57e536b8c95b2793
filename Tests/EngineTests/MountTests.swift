import Engine
import Foundation
import Glibc
import Sandbox
import Store
import TestSupport
import Testing

/// Other file systems that somebody mounts inside the mirror.
@Suite(.timeLimit(.minutes(30)), .needs(.mounting))
struct MountTests {
    @Test("files under a mount that are gone from the account are removed once it is unmounted, and not forgotten")
    func hidden() async throws {
        let fixture = try EngineFixture()
        for number in 0..<25 { _ = try fixture.account.put("/Folder/\(number)", "\(number)") }
        _ = try fixture.account.put("/other", "other")
        try await fixture.pass()
        let folder = fixture.mirror + "/Folder"
        try #require(mount("none", folder, "tmpfs", 0, "size=64k") == 0)
        defer { umount2(folder, Int32(MNT_DETACH)) }
        try "a stranger".write(toFile: folder + "/0", atomically: false, encoding: .utf8)
        for number in 0..<25 { _ = try fixture.account.delete("/Folder/\(number)") }
        _ = try fixture.account.put("/Folder/new", "new")
        _ = try fixture.account.put("/other", "changed")
        try await fixture.pass()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["0"])
        #expect(try String(contentsOfFile: fixture.mirror + "/other", encoding: .utf8) == "changed")
        let troubles = try await fixture.start().store.pathIssues(limit: 100)
        #expect(troubles.count == 26)
        #expect(troubles.allSatisfy { $0.reason.contains("on another file system") && !$0.isParked })
        #expect(try await fixture.repair() > 0)  // looks, and touches nothing
        try #require(umount2(folder, 0) == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 25)
        try await fixture.start().store.retryAll()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("what is mounted over a folder or a file of a running mirror is told without waiting for a sweep")
    func noticed() async throws {
        let fixture = try EngineFixture()
        for path in ["/a folder/in it", "/file"] { _ = try fixture.account.put(path, path) }
        fixture.settings.longpoll = false
        (fixture.settings.sweep, fixture.clock) = (nil, StandingClock())
        let (engine, store) = try await fixture.start()
        let over = try fixture.folder.folder("over")
        try fixture.folder.write("something else", to: "over/file")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await eventually("the first pass") {
                fixture.board.now.phase == .idle && fixture.board.now.watch != nil
            }
            for (source, name) in [(over, "a folder"), (over + "/file", "file")] {
                let place = fixture.mirror + "/" + name
                try #require(mount(source, place, nil, UInt(MS_BIND), nil) == 0)
                defer { umount2(place, Int32(MNT_DETACH)) }
                try await eventually("that it is told", within: .seconds(60)) {
                    let (found, failing) = (try await store.findings(limit: 10), try await store.backlog().failing)
                    return found.unproven.count + failing > 0
                }
                try #require(umount2(place, 0) == 0)
                fixture.time.advance(by: 10_000)
                await engine.reload(fixture.settings)
                try await eventually("that it is forgotten", within: .seconds(60)) {
                    let (found, backlog) = (try await store.findings(limit: 10), try await store.backlog())
                    return found.unproven.isEmpty && backlog.failing + backlog.pendingFiles == 0
                }
            }
            group.cancelAll()
        }
        #expect(try fixture.differences() == [])
    }
}
