import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct PassTests {
    @Test("the first pass makes the mirror equal to the account") func firstPass() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 300)), pageSize: 40)
        let report = try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(report.placed == 300)
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try await fixture.start().store.progress().inStepAsOf == fixture.time.now)
    }

    @Test("an unchanged account costs one request and no effect") func unchanged() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 20)))
        try await fixture.pass()
        fixture.remote.resetCounts()
        fixture.time.advance(by: 60)
        let report = try await fixture.pass()
        #expect(report.isEmpty)
        #expect(fixture.remote.pages == 1)
        #expect(fixture.remote.downloads == 0)
        #expect(try await fixture.start().store.progress().inStepAsOf == fixture.time.now)
    }

    @Test("changes, removals and new files of a delta arrive") func delta() async throws {
        let fixture = try EngineFixture()
        let account = fixture.account
        _ = try account.put("/a/One.txt", "one")
        _ = try account.put("/a/two.txt", "two")
        _ = try account.put("/b/deep/er/x", "x")
        try await fixture.pass()
        _ = try account.put("/a/One.txt", "changed")
        _ = try account.delete("/b")
        _ = try account.put("/c/new", "n")
        _ = try account.makeFolder("/empty")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a renamed folder is moved, not downloaded again") func folderRename() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 200)))
        for number in 0..<50 { _ = try fixture.account.put("/src/sub/\(number).txt", "content \(number)") }
        try await fixture.pass()
        fixture.remote.resetCounts()
        _ = try fixture.account.move("/src", "/dst")
        let report = try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 0)
        #expect(report.moved == 50)
    }

    @Test("files and folders change places with each other") func kindFlips() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/x", "file")
        _ = try fixture.account.put("/y/inner/deep", "folder")
        try await fixture.pass()
        _ = try fixture.account.delete("/x")
        _ = try fixture.account.put("/x/child", "now a folder")
        _ = try fixture.account.delete("/y")
        _ = try fixture.account.put("/y", "now a file")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a reset removes only what the complete new listing does not hold") func reset() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 60)), pageSize: 10)
        try await fixture.pass()
        let victim = try #require(fixture.account.tree().first { $0.isFile })
        _ = try fixture.account.delete(victim.path)
        _ = try fixture.account.put("/new file", "new")
        fixture.account.expireCursors()
        fixture.remote.resetCounts()
        let report = try await fixture.pass()
        #expect(report.resets == 1)
        #expect(report.downloaded == 1)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a listing that breaks off removes nothing and goes on where it was") func brokenListing() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 60)), pageSize: 10)
        try await fixture.pass()
        let before = try Tree(directory: fixture.mirror)
        fixture.account.expireCursors()
        fixture.remote.resetCounts()
        fixture.remote.onPage { number in if number == 4 { throw SandboxError(disposition: .retry(after: nil)) } }
        await #expect(throws: SandboxError.self) { try await fixture.pass() }
        #expect(try Tree(directory: fixture.mirror) == before)
        fixture.remote.onPage(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a case-only rename is found by the next listing") func caseRename() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/Docs/sub/File.txt", "x")
        _ = try fixture.account.put("/Docs/other", "y")
        try await fixture.pass()
        try fixture.account.renameCase("/docs", to: "DOCS")
        try fixture.account.renameCase("/docs/sub", to: "Sub")
        try fixture.account.renameCase("/docs/sub/file.txt", to: "FILE.txt")
        fixture.time.advance(by: 8 * 86_400)
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 0)
    }

    @Test("what waits to be placed while a folder is renamed finds its donor under the new name")
    func renameWhileWaiting() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/B/donor", "content")
        try await fixture.pass()
        try fixture.crash()
        _ = try fixture.account.move("/B/donor", "/a")
        try fixture.account.renameCase("/B", to: "b")
        fixture.time.advance(by: 8 * 86_400)
        fixture.settings.window = 1
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 0)
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("one failing file holds up nothing and is tried again later") func failingFile() async throws {
        let fixture = try EngineFixture()
        let bad = try fixture.account.put("/bad", "bad")
        _ = try fixture.account.put("/good", "good")
        _ = try fixture.account.put("/old", "old")
        fixture.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .skipItem) } }
        try await fixture.pass()
        _ = try fixture.account.delete("/old")
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.keys.sorted() == ["good"])
        let store = try await fixture.start().store
        let troubles = try await store.pathIssues(limit: 10)
        #expect(troubles.map(\.path) == ["/bad"])
        #expect(troubles.map(\.isParked) == [false])
        fixture.remote.onDownload(nil)
        fixture.time.advance(by: 60)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await store.pathIssues(limit: 10) == [])
    }

    @Test("files that are already there are adopted, strangers are set aside") func adopt() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/same.txt", "the same")
        _ = try fixture.account.put("/differs.txt", "theirs")
        try fixture.folder.write("the same", to: "mirror/same.txt")
        try fixture.folder.write("mine", to: "mirror/differs.txt")
        let report = try await fixture.pass()
        #expect(report.adopted == 1)
        #expect(report.setAside == 1)
        #expect(try fixture.differences() == [])
        let attic = try Tree(directory: fixture.mirror + "/.dbxsync/aside").lines.keys.filter {
            $0.hasSuffix("differs.txt")
        }
        #expect(attic.count == 1)
    }

    @Test("a part whose bytes a power cut has taken is fetched anew, in the same pass") func damagedPart() async throws
    {
        let fixture = try EngineFixture()
        let text = String(repeating: "the text that is wanted ", count: 20_000)  // what is small leaves no part
        let file = try fixture.account.put("/a.txt", text)
        _ = try fixture.account.put("/b.txt", "b")
        fixture.remote.onDownload { rev in
            if rev == file.rev { throw SandboxError(disposition: .retry(after: nil)) }
        }
        try await fixture.pass()
        let staging = fixture.mirror + "/.dbxsync/staging/"
        let part = try #require(FileManager.default.contentsOfDirectory(atPath: staging).first)
        #expect(part.hasPrefix(file.rev))
        try Data(count: Int(file.size)).write(to: URL(fileURLWithPath: staging + part))
        fixture.remote.onDownload(nil)
        fixture.time.advance(by: 3600)
        let report = try await fixture.pass()
        #expect(report.failed == 0)
        #expect(try fixture.differences() == [])
    }

    @Test("changes that come to nothing leave the mirror in step") func nothingLeft() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "a")
        try await fixture.pass()
        _ = try fixture.account.put("/b", "b")
        _ = try fixture.account.delete("/b")
        fixture.time.advance(by: 100)
        let report = try await fixture.pass()
        #expect(report.isEmpty && report.listed > 0)
        #expect(try await fixture.start().store.progress().inStepAsOf == fixture.time.now)
    }

    /// By access(2): Foundation's paths take a slash and the mark behind it for one character.
    @Test("names that begin with a combining mark are names like others") func combiningMarks() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/\u{301}folder/\u{301}file", "x")
        try await fixture.pass()
        #expect(access(fixture.mirror + "/\u{301}folder/\u{301}file", F_OK) == 0)
        _ = try fixture.account.move("/\u{301}folder", "/\u{302}folder")
        try await fixture.pass()
        #expect(access(fixture.mirror + "/\u{302}folder/\u{301}file", F_OK) == 0)
        #expect(access(fixture.mirror + "/\u{301}folder", F_OK) != 0)
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("what cannot be downloaded is parked and listed") func parked() async throws {
        let fixture = try EngineFixture()
        var commit = Commit(path: "/Notes.paper")
        commit.traits.isDownloadable = false
        _ = try fixture.account.commit(commit, .text("x"))
        _ = try fixture.account.put("/plain", "y")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        let troubles = try await fixture.start().store.pathIssues(limit: 5)
        #expect(troubles.map(\.path) == ["/Notes.paper"])
        #expect(troubles.map(\.isParked) == [true])
    }

    @Test("a mirror without its marker is not touched") func missingMarker() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a", "a")
        try await fixture.pass()
        try fixture.crash()
        try FileManager.default.removeItem(atPath: fixture.mirror + "/.dbxsync")
        await #expect(throws: (any Error).self) { try await fixture.pass() }
        #expect(try Tree(directory: fixture.mirror).lines.keys.sorted() == ["a"])
    }
}
