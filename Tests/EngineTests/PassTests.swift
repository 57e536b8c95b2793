import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

@Suite struct PassTests {
    @Test("the first pass makes the mirror equal to the account") func firstPass() async throws {
        let rig = try Rig(Account(seed: Seed(files: 300)), pageSize: 40)
        let report = try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(report.placed == 300)
        #expect(try await rig.brokenInvariants() == [])
        #expect(try await rig.start().store.progress().inStepAsOf == rig.time.now)
    }

    @Test("an unchanged account costs one request and no effect") func unchanged() async throws {
        let rig = try Rig(Account(seed: Seed(files: 20)))
        try await rig.pass()
        rig.remote.resetCounts()
        rig.time.advance(by: 60)
        let report = try await rig.pass()
        #expect(report.isEmpty)
        #expect(rig.remote.pages == 1)
        #expect(rig.remote.downloads == 0)
        #expect(try await rig.start().store.progress().inStepAsOf == rig.time.now)
    }

    @Test("changes, removals and new files of a delta arrive") func delta() async throws {
        let rig = try Rig()
        let account = rig.account
        _ = try account.put("/a/One.txt", "one")
        _ = try account.put("/a/two.txt", "two")
        _ = try account.put("/b/deep/er/x", "x")
        try await rig.pass()
        _ = try account.put("/a/One.txt", "changed")
        _ = try account.delete("/b")
        _ = try account.put("/c/new", "n")
        _ = try account.makeFolder("/empty")
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a renamed folder is moved, not downloaded again") func folderRename() async throws {
        let rig = try Rig(Account(seed: Seed(files: 200)))
        for number in 0..<50 { _ = try rig.account.put("/src/sub/\(number).txt", "content \(number)") }
        try await rig.pass()
        rig.remote.resetCounts()
        _ = try rig.account.move("/src", "/dst")
        let report = try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(rig.remote.downloads == 0)
        #expect(report.moved == 50)
    }

    @Test("files and folders change places with each other") func kindFlips() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/x", "file")
        _ = try rig.account.put("/y/inner/deep", "folder")
        try await rig.pass()
        _ = try rig.account.delete("/x")
        _ = try rig.account.put("/x/child", "now a folder")
        _ = try rig.account.delete("/y")
        _ = try rig.account.put("/y", "now a file")
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a reset removes only what the complete new listing does not hold") func reset() async throws {
        let rig = try Rig(Account(seed: Seed(files: 60)), pageSize: 10)
        try await rig.pass()
        let victim = try #require(rig.account.tree().first { $0.isFile })
        _ = try rig.account.delete(victim.path)
        _ = try rig.account.put("/new file", "new")
        rig.account.expireCursors()
        rig.remote.resetCounts()
        let report = try await rig.pass()
        #expect(report.resets == 1)
        #expect(report.downloaded == 1)
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a listing that breaks off removes nothing and goes on where it was") func brokenListing() async throws {
        let rig = try Rig(Account(seed: Seed(files: 60)), pageSize: 10)
        try await rig.pass()
        let before = try Tree(directory: rig.mirror)
        rig.account.expireCursors()
        rig.remote.resetCounts()
        rig.remote.onPage { number in if number == 4 { throw SandboxError(disposition: .retry(after: nil)) } }
        await #expect(throws: SandboxError.self) { try await rig.pass() }
        #expect(try Tree(directory: rig.mirror) == before)
        rig.remote.onPage(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a case-only rename is found by the next listing") func caseRename() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/Docs/sub/File.txt", "x")
        _ = try rig.account.put("/Docs/other", "y")
        try await rig.pass()
        try rig.account.renameCase("/docs", to: "DOCS")
        try rig.account.renameCase("/docs/sub", to: "Sub")
        try rig.account.renameCase("/docs/sub/file.txt", to: "FILE.txt")
        rig.time.advance(by: 8 * 86_400)
        rig.remote.resetCounts()
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(rig.remote.downloads == 0)
    }

    @Test("what waits to be placed while a folder is renamed finds its donor under the new name")
    func renameWhileWaiting() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/B/donor", "content")
        try await rig.pass()
        try rig.crash()
        _ = try rig.account.move("/B/donor", "/a")
        try rig.account.renameCase("/B", to: "b")
        rig.time.advance(by: 8 * 86_400)
        rig.settings.window = 1
        rig.remote.resetCounts()
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(rig.remote.downloads == 0)
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("one failing file holds up nothing and is tried again later") func failingFile() async throws {
        let rig = try Rig()
        let bad = try rig.account.put("/bad", "bad")
        _ = try rig.account.put("/good", "good")
        _ = try rig.account.put("/old", "old")
        rig.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .item) } }
        try await rig.pass()
        _ = try rig.account.delete("/old")
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines.keys.sorted() == ["good"])
        let store = try await rig.start().store
        let troubles = try await store.troubles(limit: 10)
        #expect(troubles.map(\.path) == ["/bad"])
        #expect(troubles.map(\.isParked) == [false])
        rig.remote.onDownload(nil)
        rig.time.advance(by: 60)
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await store.troubles(limit: 10) == [])
    }

    @Test("files that are already there are adopted, strangers are set aside") func adopt() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/same.txt", "the same")
        _ = try rig.account.put("/differs.txt", "theirs")
        try rig.folder.write("the same", to: "mirror/same.txt")
        try rig.folder.write("mine", to: "mirror/differs.txt")
        let report = try await rig.pass()
        #expect(report.adopted == 1)
        #expect(report.setAside == 1)
        #expect(try rig.differences() == [])
        let attic = try Tree(directory: rig.mirror + "/.dbxsync/aside").lines.keys.filter {
            $0.hasSuffix("differs.txt")
        }
        #expect(attic.count == 1)
    }

    @Test("a part whose bytes a power cut has taken is fetched anew, in the same pass") func damagedPart() async throws
    {
        let rig = try Rig()
        let text = String(repeating: "the text that is wanted ", count: 20_000)  // what is small leaves no part
        let file = try rig.account.put("/a.txt", text)
        _ = try rig.account.put("/b.txt", "b")
        rig.remote.onDownload { rev in
            if rev == file.rev { throw SandboxError(disposition: .retry(after: nil)) }
        }
        try await rig.pass()
        let staging = rig.mirror + "/.dbxsync/staging/"
        let part = try #require(FileManager.default.contentsOfDirectory(atPath: staging).first)
        #expect(part.hasPrefix(file.rev))
        try Data(count: Int(file.size)).write(to: URL(fileURLWithPath: staging + part))
        rig.remote.onDownload(nil)
        rig.time.advance(by: 3600)
        let report = try await rig.pass()
        #expect(report.failed == 0)
        #expect(try rig.differences() == [])
    }

    @Test("changes that come to nothing leave the mirror in step") func nothingLeft() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "a")
        try await rig.pass()
        _ = try rig.account.put("/b", "b")
        _ = try rig.account.delete("/b")
        rig.time.advance(by: 100)
        let report = try await rig.pass()
        #expect(report.isEmpty && report.listed > 0)
        #expect(try await rig.start().store.progress().inStepAsOf == rig.time.now)
    }

    /// By access(2): Foundation's paths take a slash and the mark behind it for one character.
    @Test("names that begin with a combining mark are names like others") func combiningMarks() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/\u{301}folder/\u{301}file", "x")
        try await rig.pass()
        #expect(access(rig.mirror + "/\u{301}folder/\u{301}file", F_OK) == 0)
        _ = try rig.account.move("/\u{301}folder", "/\u{302}folder")
        try await rig.pass()
        #expect(access(rig.mirror + "/\u{302}folder/\u{301}file", F_OK) == 0)
        #expect(access(rig.mirror + "/\u{301}folder", F_OK) != 0)
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("what cannot be downloaded is parked and listed") func parked() async throws {
        let rig = try Rig()
        var commit = Commit(path: "/Notes.paper")
        commit.traits.isDownloadable = false
        _ = try rig.account.commit(commit, .text("x"))
        _ = try rig.account.put("/plain", "y")
        try await rig.pass()
        #expect(try rig.differences() == [])
        let troubles = try await rig.start().store.troubles(limit: 5)
        #expect(troubles.map(\.path) == ["/Notes.paper"])
        #expect(troubles.map(\.isParked) == [true])
    }

    @Test("a mirror without its marker is not touched") func missingMarker() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/a", "a")
        try await rig.pass()
        try rig.crash()
        try FileManager.default.removeItem(atPath: rig.mirror + "/.dbxsync")
        await #expect(throws: (any Error).self) { try await rig.pass() }
        #expect(try Tree(directory: rig.mirror).lines.keys.sorted() == ["a"])
    }
}
