import Engine
import Foundation
import Logging
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// What is outside of the selection is left alone, what comes back in becomes exact; whole trees are compared.
@Suite(.timeLimit(.minutes(30)))
struct SelectionTests {
    private func mirror(_ fixture: EngineFixture) throws -> [String] {
        try Tree(directory: fixture.mirror).lines.keys.sorted()
    }

    private func text(_ fixture: EngineFixture, _ path: String) throws -> String {
        try String(contentsOfFile: fixture.mirror + "/" + path, encoding: .utf8)
    }

    private func expectSound(_ fixture: EngineFixture, _ place: SourceLocation = #_sourceLocation) async throws {
        let store = try await fixture.start().store
        #expect(try await store.brokenInvariants() == [], sourceLocation: place)
        let left = try await store.backlog()
        #expect(left.pendingFiles + left.pendingRemovals + left.failing + left.parked == 0, sourceLocation: place)
        #expect(try await store.progress().inStepAsOf == fixture.time.now, sourceLocation: place)
        fixture.remote.resetCounts()
        #expect(try await fixture.pass().isEmpty, sourceLocation: place)
        #expect(fixture.remote.downloads == 0, sourceLocation: place)
    }

    @Test("what is excluded before the first pass is never fetched") func excludedFirst() async throws {
        let fixture = try EngineFixture()
        for path in ["/a/x.txt", "/a/y.tmp", "/Build/out.bin", "/c/build/deep/z", "/keep.tmp"] {
            _ = try fixture.account.put(path, path)
        }
        await fixture.select(try Selection(excluding: ["*.TMP", "!keep.tmp", "build/"]))
        let report = try await fixture.pass()
        #expect(try mirror(fixture) == ["a", "a/x.txt", "c", "keep.tmp"])
        #expect(report.downloaded == 2)
        #expect(try await fixture.start().store.leftOut(by: fixture.settings.selection) == 6)
        try await expectSound(fixture)
    }

    @Test("what is included is mirrored with the folders above it, and nothing else") func included() async throws {
        let fixture = try EngineFixture()
        for path in ["/Docs/2024/a.pdf", "/Docs/2024/a.txt", "/Docs/empty/b.txt", "/Music/x/y.mp3", "/z.pdf"] {
            _ = try fixture.account.put(path, path)
        }
        await fixture.select(try Selection(including: ["*.pdf", "/music/x"]))
        try await fixture.pass()
        #expect(
            try mirror(fixture) == [
                "Docs", "Docs/2024", "Docs/2024/a.pdf", "Music", "Music/x", "Music/x/y.mp3", "z.pdf",
            ])
        _ = try fixture.account.move("/Docs/2024", "/Docs/old")
        _ = try fixture.account.put("/Docs/empty/c.pdf", "c")
        _ = try fixture.account.delete("/Music")
        try await fixture.pass()
        #expect(
            try mirror(fixture) == ["Docs", "Docs/empty", "Docs/empty/c.pdf", "Docs/old", "Docs/old/a.pdf", "z.pdf"])
        try await expectSound(fixture)
    }

    @Test("excluding deletes nothing, and changes in the account to what is excluded are ignored")
    func excludedLater() async throws {
        let fixture = try EngineFixture()
        for path in ["/a/x", "/a/y", "/b/z", "/b/gone", "/c"] { _ = try fixture.account.put(path, "old") }
        try await fixture.pass()
        let before = try Tree(directory: fixture.mirror)
        await fixture.select(try Selection(excluding: ["/b", "y"]))
        #expect(try await fixture.pass().isEmpty)
        #expect(try Tree(directory: fixture.mirror) == before)
        _ = try fixture.account.put("/b/z", "new")
        _ = try fixture.account.put("/b/more", "more")
        _ = try fixture.account.delete("/b/gone")
        _ = try fixture.account.delete("/a/y")
        _ = try fixture.account.put("/c", "new")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["a", "a/x", "a/y", "b", "b/gone", "b/z", "c"])
        #expect(try text(fixture, "b/z") == "old" && text(fixture, "c") == "new")
        fixture.account.expireCursors()
        try await fixture.pass()
        #expect(try mirror(fixture) == ["a", "a/x", "a/y", "b", "b/gone", "b/z", "c"])
        try await expectSound(fixture)
    }

    @Test("what is included again becomes exact: adopted, fetched or removed") func includedAgain() async throws {
        let fixture = try EngineFixture()
        for path in ["/b/same", "/b/changed", "/b/gone", "/b/sub/gone"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["/b"]))
        try await fixture.pass()
        _ = try fixture.account.put("/b/changed", "new")
        _ = try fixture.account.put("/b/added", "added")
        _ = try fixture.account.put("/b/written", "by hand")
        _ = try fixture.account.delete("/b/gone")
        _ = try fixture.account.delete("/b/sub")
        try fixture.folder.write("by hand", to: "mirror/b/written")
        try await fixture.pass()
        await fixture.select(.everything)
        fixture.remote.resetCounts()
        let report = try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 2 && report.adopted == 1 && report.removed == 3 && report.setAside == 0)
        try await expectSound(fixture)
    }

    @Test("a change of the selection is taken up again after a restart") func restart() async throws {
        let fixture = try EngineFixture()
        for path in ["/a", "/b"] { _ = try fixture.account.put(path, "old") }
        await fixture.select(try Selection(excluding: ["a"]))
        try await fixture.pass()
        try fixture.crash()
        await fixture.select(try Selection(excluding: ["b"]))
        _ = try fixture.account.put("/b", "new")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["a", "b"])
        #expect(try text(fixture, "b") == "old")
        try await expectSound(fixture)
    }

    @Test("a folder deleted in the account stays with what is left alone in it, told once and no failure")
    func folderDeleted() async throws {
        let fixture = try EngineFixture()
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        for path in ["/d/e/secret.key", "/d/e/x", "/d/f/y"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["*.key"]))
        _ = try fixture.account.delete("/d")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["d", "d/e", "d/e/secret.key"])
        #expect(try await fixture.start().store.pathIssues(limit: 9) == [])
        fixture.time.advance(by: 90_000)
        try await fixture.pass()
        #expect(story.pathsByEvent["left_alone"]?.sorted() == ["/d", "/d/e"])
        try await expectSound(fixture)
        // Nobody's strangers: the state knows them.
        #expect(try await fixture.repair() == 0)
        #expect(try mirror(fixture) == ["d", "d/e", "d/e/secret.key"])
        _ = try fixture.account.put("/D/new", "n")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["D", "D/e", "D/e/secret.key", "D/new"])
        try await expectSound(fixture)
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        try await expectSound(fixture)
    }

    @Test("what moves out is removed, what moves in is fetched or copied, and the rest stays") func moves() async throws
    {
        let fixture = try EngineFixture()
        for path in ["/in/a", "/in/sub/b", "/out/c", "/out/d"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["/out"]))
        _ = try fixture.account.move("/in/a", "/out/a")
        _ = try fixture.account.move("/in/sub", "/out/sub")
        _ = try fixture.account.move("/out/c", "/in/c")
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try mirror(fixture) == ["in", "in/c", "out", "out/c", "out/d"])
        #expect(fixture.remote.downloads == 0)
        _ = try fixture.account.move("/out/sub", "/in/sub")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["in", "in/c", "in/sub", "in/sub/b", "out", "out/c", "out/d"])
        try await expectSound(fixture)
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a folder renamed in case only carries along what is left alone") func caseRename() async throws {
        let fixture = try EngineFixture()
        for path in ["/docs/old.key", "/docs/sub/x.key", "/docs/y"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["*.key", "sub/"]))
        try fixture.account.renameCase("/docs", to: "DOCS")
        try fixture.account.renameCase("/docs/sub", to: "SUB")
        fixture.time.advance(by: 8 * 86_400)
        try await fixture.pass()
        #expect(try mirror(fixture) == ["DOCS", "DOCS/old.key", "DOCS/sub", "DOCS/sub/x.key", "DOCS/y"])
        try await expectSound(fixture)
        #expect(try await fixture.repair() == 0)
        await fixture.select(.everything)
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 0)
    }

    @Test("what takes the place of a folder with something left alone in it waits, told as parked")
    func kindFlip() async throws {
        let fixture = try EngineFixture()
        for path in ["/x/secret.key", "/x/other", "/y.key"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["*.key", "!*.key/"]))
        for path in ["/x", "/y.key"] { _ = try fixture.account.delete(path) }
        _ = try fixture.account.put("/x", "a file")
        _ = try fixture.account.put("/y.key/inner", "in a folder")
        try await fixture.pass()
        #expect(try mirror(fixture) == ["x", "x/secret.key", "y.key"])
        #expect(try text(fixture, "y.key") == "/y.key")
        let troubles = try await fixture.start().store.pathIssues(limit: 9)
        #expect(troubles.map(\.path) == ["/x", "/y.key", "/y.key/inner"])
        #expect(troubles.allSatisfy { $0.isParked && $0.reason.contains("left alone") })
        #expect(try await fixture.brokenInvariants() == [])
        await fixture.select(.everything)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        try await expectSound(fixture)
    }

    @Test("a verification leaves alone what is outside, whoever put it there") func verify() async throws {
        let fixture = try EngineFixture()
        for path in ["/a/x", "/a/y", "/b/z"] { _ = try fixture.account.put(path, path) }
        await fixture.select(try Selection(excluding: ["/B", "y", "local/"]))
        try await fixture.pass()
        await fixture.select(.everything)
        try await fixture.pass()
        await fixture.select(try Selection(excluding: ["/B", "y", "local/"]))
        try await fixture.pass()
        try fixture.folder.write("edited", to: "mirror/a/y")
        try fixture.folder.write("edited", to: "mirror/b/z")
        try fixture.folder.write("new", to: "mirror/b/new")
        try fixture.folder.write("new", to: "mirror/a/Local/new")
        try fixture.folder.write("a stranger", to: "mirror/a/stranger")
        #expect(try await fixture.repair() == 1)
        try await fixture.pass()
        #expect(try mirror(fixture) == ["a", "a/Local", "a/Local/new", "a/x", "a/y", "b", "b/new", "b/z"])
        #expect(try text(fixture, "a/y") == "edited" && text(fixture, "b/z") == "edited")
        try await expectSound(fixture)
    }

    @Test("a failing file that is excluded is in nobody's way any more") func failing() async throws {
        let fixture = try EngineFixture()
        let bad = try fixture.account.put("/bad", "bad")
        _ = try fixture.account.put("/good", "good")
        fixture.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .skipItem) } }
        try await fixture.pass()
        #expect(fixture.board.now.failing == 1)
        await fixture.select(try Selection(excluding: ["bad"]))
        try await fixture.pass()
        #expect(fixture.board.now.failing == 0)
        try await expectSound(fixture)
        await fixture.select(.everything)
        fixture.remote.onDownload(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a dry run shows nothing of what is outside and takes new patterns into account") func dryRun() async throws {
        let fixture = try EngineFixture()
        for path in ["/a", "/b"] { _ = try fixture.account.put(path, path) }
        try await fixture.pass()
        _ = try fixture.account.delete("/a")
        _ = try fixture.account.put("/b", "new")
        _ = try fixture.account.put("/c", "c")
        func plan(_ selection: Selection) async throws -> [String] {
            var lines: [String] = []
            let preview = PlanPreview(
                remote: fixture.remote, copy: try StateStore.scratchCopy(of: fixture.folder("state.db")), mirror: nil,
                selection: selection, brake: GuardSettings(), now: { 0 }, logger: fixture.logger)
            _ = try await preview.run { lines.append("\($0.operation.key)") }
            return lines
        }
        #expect(try await plan(.everything) == ["/b", "/c", "/a"])
        #expect(try await plan(Selection(excluding: ["a", "b"])) == ["/c"])
        #expect(try await plan(Selection(excluding: ["*"])) == [])
        #expect(try await fixture.start().store.selection == .everything)
    }
}
