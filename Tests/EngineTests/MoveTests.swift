import Engine
import Foundation
import Sandbox
import TestSupport
import Testing

/// Content that is on this disk already is never fetched again.
@Suite struct MoveTests {
    private static let files = 2_000

    /// A mirror of `/d` with many files, of which some or none have the same content.
    private func mirrored(contents: Int) async throws -> Rig {
        let rig = try Rig(inMemory: true)
        for number in 0..<Self.files {
            let content = "content \(number % contents)"
            _ = try rig.account.put("/d/\(number % 40)/\(number)", content, clientModified: 1_500_000_000)
        }
        try await rig.pass()
        rig.remote.resetCounts()
        return rig
    }

    private func expectEqual(_ rig: Rig, downloads: Int) async throws {
        let report = try await rig.pass()
        #expect(rig.remote.downloads == downloads)
        #expect(report.downloaded == downloads)
        #expect(report.failed == 0)
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
        let own = try FileManager.default.contentsOfDirectory(atPath: rig.mirror + "/.dbxsync")
        #expect(own.sorted() == ["mirror-id", "staging"])
    }

    @Test("a renamed folder costs no download, however many of its files are equal", arguments: [files, 300, 1])
    func renamed(contents: Int) async throws {
        let rig = try await mirrored(contents: contents)
        _ = try rig.account.move("/d", "/e")
        try await expectEqual(rig, downloads: 0)
    }

    @Test("a folder renamed to make way for a file costs no download but that of the file", arguments: [files, 300, 1])
    func makesWay(contents: Int) async throws {
        let rig = try await mirrored(contents: contents)
        _ = try rig.account.move("/d", "/d.old")
        _ = try rig.account.put("/d", "a file")
        try await expectEqual(rig, downloads: 1)
    }

    @Test("more equal files than there were come from those there were") func multiplied() async throws {
        let rig = try await mirrored(contents: 3)
        _ = try rig.account.copy("/d", "/e")
        _ = try rig.account.copy("/d", "/f")
        _ = try rig.account.delete("/d")
        try await expectEqual(rig, downloads: 0)
    }

    @Test("files and folders that change places keep their content") func exchanged() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "the file")
        _ = try rig.account.put("/b/inside", "in the folder")
        _ = try rig.account.put("/c", "becomes what is in it")
        try await rig.pass()
        rig.remote.resetCounts()
        _ = try rig.account.move("/a", "/x")
        _ = try rig.account.move("/b", "/a")
        _ = try rig.account.move("/x", "/b")
        _ = try rig.account.move("/c", "/y")
        _ = try rig.account.move("/y", "/c/c")
        try await expectEqual(rig, downloads: 0)
    }

    @Test("what had to make way and is wanted at another time of its own is used, and has that time") func otherTime()
        async throws
    {
        let rig = try Rig()
        _ = try rig.account.put("/a/x", "content", clientModified: 1_500_000_000)
        try await rig.pass()
        rig.remote.resetCounts()
        _ = try rig.account.delete("/a")
        _ = try rig.account.put("/a", "content", clientModified: 1_600_000_000)
        try await expectEqual(rig, downloads: 0)
    }
}
