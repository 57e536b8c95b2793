import Engine
import Foundation
import Sandbox
import TestSupport
import Testing

/// Content that is on this disk already is never fetched again.
@Suite(.timeLimit(.minutes(30)))
struct MoveTests {
    private static let files = 2_000

    /// A mirror of `/d` with many files, of which some or none have the same content.
    private func mirrored(contents: Int) async throws -> EngineFixture {
        let fixture = try EngineFixture(inMemory: true)
        for number in 0..<Self.files {
            let content = "content \(number % contents)"
            _ = try fixture.account.put("/d/\(number % 40)/\(number)", content, clientModified: 1_500_000_000)
        }
        try await fixture.pass()
        fixture.remote.resetCounts()
        return fixture
    }

    private func expectEqual(_ fixture: EngineFixture, downloads: Int) async throws {
        let report = try await fixture.pass()
        #expect(fixture.remote.downloads == downloads)
        #expect(report.downloaded == downloads)
        #expect(report.failed == 0)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        let own = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync")
        #expect(own.sorted() == ["mirror-id", "staging"])
    }

    @Test("a renamed folder costs no download, however many of its files are equal", arguments: [files, 300, 1])
    func renamed(contents: Int) async throws {
        let fixture = try await mirrored(contents: contents)
        _ = try fixture.account.move("/d", "/e")
        try await expectEqual(fixture, downloads: 0)
    }

    @Test("a folder renamed to make way for a file costs no download but that of the file", arguments: [files, 300, 1])
    func makesWay(contents: Int) async throws {
        let fixture = try await mirrored(contents: contents)
        _ = try fixture.account.move("/d", "/d.old")
        _ = try fixture.account.put("/d", "a file")
        try await expectEqual(fixture, downloads: 1)
    }

    @Test("more equal files than there were come from those there were") func multiplied() async throws {
        let fixture = try await mirrored(contents: 3)
        _ = try fixture.account.copy("/d", "/e")
        _ = try fixture.account.copy("/d", "/f")
        _ = try fixture.account.delete("/d")
        try await expectEqual(fixture, downloads: 0)
    }

    @Test("files and folders that change places keep their content") func exchanged() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "the file")
        _ = try fixture.account.put("/b/inside", "in the folder")
        _ = try fixture.account.put("/c", "becomes what is in it")
        try await fixture.pass()
        fixture.remote.resetCounts()
        _ = try fixture.account.move("/a", "/x")
        _ = try fixture.account.move("/b", "/a")
        _ = try fixture.account.move("/x", "/b")
        _ = try fixture.account.move("/c", "/y")
        _ = try fixture.account.move("/y", "/c/c")
        try await expectEqual(fixture, downloads: 0)
    }

    @Test("what had to make way and is wanted at another time of its own is used, and has that time") func otherTime()
        async throws
    {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/x", "content", clientModified: 1_500_000_000)
        try await fixture.pass()
        fixture.remote.resetCounts()
        _ = try fixture.account.delete("/a")
        _ = try fixture.account.put("/a", "content", clientModified: 1_600_000_000)
        try await expectEqual(fixture, downloads: 0)
    }
}
