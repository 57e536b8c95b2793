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
}
