import Engine
import Foundation
import Logging
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// What is outside of the selection is left alone, what comes back in becomes exact; whole trees are compared.
@Suite struct SelectionTests {
    private func mirror(_ rig: Rig) throws -> [String] { try Tree(directory: rig.mirror).lines.keys.sorted() }

    private func text(_ rig: Rig, _ path: String) throws -> String {
        try String(contentsOfFile: rig.mirror + "/" + path, encoding: .utf8)
    }

    private func expectSound(_ rig: Rig, _ place: SourceLocation = #_sourceLocation) async throws {
        let store = try await rig.start().store
        #expect(try await store.brokenInvariants() == [], sourceLocation: place)
        let left = try await store.backlog()
        #expect(left.pendingFiles + left.pendingRemovals + left.failing + left.parked == 0, sourceLocation: place)
        #expect(try await store.progress().inStepAsOf == rig.time.now, sourceLocation: place)
        rig.remote.resetCounts()
        #expect(try await rig.pass().isEmpty, sourceLocation: place)
        #expect(rig.remote.downloads == 0, sourceLocation: place)
    }

    @Test("what is excluded before the first pass is never fetched") func excludedFirst() async throws {
        let rig = try Rig()
        for path in ["/a/x.txt", "/a/y.tmp", "/Build/out.bin", "/c/build/deep/z", "/keep.tmp"] {
            _ = try rig.account.put(path, path)
        }
        await rig.select(try Selection(excluding: ["*.TMP", "!keep.tmp", "build/"]))
        let report = try await rig.pass()
        #expect(try mirror(rig) == ["a", "a/x.txt", "c", "keep.tmp"])
        #expect(report.downloaded == 2)
        #expect(try await rig.start().store.leftOut(by: rig.settings.selection) == 6)
        try await expectSound(rig)
    }

    @Test("what is included is mirrored with the folders above it, and nothing else") func included() async throws {
        let rig = try Rig()
        for path in ["/Docs/2024/a.pdf", "/Docs/2024/a.txt", "/Docs/empty/b.txt", "/Music/x/y.mp3", "/z.pdf"] {
            _ = try rig.account.put(path, path)
        }
        await rig.select(try Selection(including: ["*.pdf", "/music/x"]))
        try await rig.pass()
        #expect(
            try mirror(rig) == ["Docs", "Docs/2024", "Docs/2024/a.pdf", "Music", "Music/x", "Music/x/y.mp3", "z.pdf"])
        _ = try rig.account.move("/Docs/2024", "/Docs/old")
        _ = try rig.account.put("/Docs/empty/c.pdf", "c")
        _ = try rig.account.delete("/Music")
        try await rig.pass()
        #expect(
            try mirror(rig) == ["Docs", "Docs/empty", "Docs/empty/c.pdf", "Docs/old", "Docs/old/a.pdf", "z.pdf"])
        try await expectSound(rig)
    }

    @Test("excluding deletes nothing, and changes in the account to what is excluded are ignored")
    func excludedLater() async throws {
        let rig = try Rig()
        for path in ["/a/x", "/a/y", "/b/z", "/b/gone", "/c"] { _ = try rig.account.put(path, "old") }
        try await rig.pass()
        let before = try Tree(directory: rig.mirror)
        await rig.select(try Selection(excluding: ["/b", "y"]))
        #expect(try await rig.pass().isEmpty)
        #expect(try Tree(directory: rig.mirror) == before)
        _ = try rig.account.put("/b/z", "new")
        _ = try rig.account.put("/b/more", "more")
        _ = try rig.account.delete("/b/gone")
        _ = try rig.account.delete("/a/y")
        _ = try rig.account.put("/c", "new")
        try await rig.pass()
        #expect(try mirror(rig) == ["a", "a/x", "a/y", "b", "b/gone", "b/z", "c"])
        #expect(try text(rig, "b/z") == "old" && text(rig, "c") == "new")
        rig.account.expireCursors()
        try await rig.pass()
        #expect(try mirror(rig) == ["a", "a/x", "a/y", "b", "b/gone", "b/z", "c"])
        try await expectSound(rig)
    }

    @Test("what is included again becomes exact: adopted, fetched or removed") func includedAgain() async throws {
        let rig = try Rig()
        for path in ["/b/same", "/b/changed", "/b/gone", "/b/sub/gone"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        await rig.select(try Selection(excluding: ["/b"]))
        try await rig.pass()
        _ = try rig.account.put("/b/changed", "new")
        _ = try rig.account.put("/b/added", "added")
        _ = try rig.account.put("/b/written", "by hand")
        _ = try rig.account.delete("/b/gone")
        _ = try rig.account.delete("/b/sub")
        try rig.folder.write("by hand", to: "mirror/b/written")
        try await rig.pass()
        await rig.select(.everything)
        rig.remote.resetCounts()
        let report = try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(rig.remote.downloads == 2 && report.adopted == 1 && report.removed == 3 && report.setAside == 0)
        try await expectSound(rig)
    }

    @Test("a change of the selection is taken up again after a restart") func restart() async throws {
        let rig = try Rig()
        for path in ["/a", "/b"] { _ = try rig.account.put(path, "old") }
        await rig.select(try Selection(excluding: ["a"]))
        try await rig.pass()
        try rig.crash()
        await rig.select(try Selection(excluding: ["b"]))
        _ = try rig.account.put("/b", "new")
        try await rig.pass()
        #expect(try mirror(rig) == ["a", "b"])
        #expect(try text(rig, "b") == "old")
        try await expectSound(rig)
    }

    @Test("a folder deleted in the account stays with what is left alone in it, told once and no failure")
    func folderDeleted() async throws {
        let rig = try Rig()
        let story = Story()
        rig.logger = Logger(label: "story") { _ in story }
        for path in ["/d/e/secret.key", "/d/e/x", "/d/f/y"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        await rig.select(try Selection(excluding: ["*.key"]))
        _ = try rig.account.delete("/d")
        try await rig.pass()
        #expect(try mirror(rig) == ["d", "d/e", "d/e/secret.key"])
        #expect(try await rig.start().store.troubles(limit: 9) == [])
        rig.time.advance(by: 90_000)
        try await rig.pass()
        #expect(story.lines.filter { $0.contains("left alone") }.map { $0.prefix { $0 != "," } }.count == 2)
        try await expectSound(rig)
        // Nobody's strangers: the state knows them.
        #expect(try await rig.repair() == 0)
        #expect(try mirror(rig) == ["d", "d/e", "d/e/secret.key"])
        _ = try rig.account.put("/D/new", "n")
        try await rig.pass()
        #expect(try mirror(rig) == ["D", "D/e", "D/e/secret.key", "D/new"])
        try await expectSound(rig)
        await rig.select(.everything)
        try await rig.pass()
        #expect(try rig.differences() == [])
        try await expectSound(rig)
    }

    @Test("what moves out is removed, what moves in is fetched or copied, and the rest stays") func moves() async throws
    {
        let rig = try Rig()
        for path in ["/in/a", "/in/sub/b", "/out/c", "/out/d"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        await rig.select(try Selection(excluding: ["/out"]))
        _ = try rig.account.move("/in/a", "/out/a")
        _ = try rig.account.move("/in/sub", "/out/sub")
        _ = try rig.account.move("/out/c", "/in/c")
        rig.remote.resetCounts()
        try await rig.pass()
        #expect(try mirror(rig) == ["in", "in/c", "out", "out/c", "out/d"])
        #expect(rig.remote.downloads == 0)
        _ = try rig.account.move("/out/sub", "/in/sub")
        try await rig.pass()
        #expect(try mirror(rig) == ["in", "in/c", "in/sub", "in/sub/b", "out", "out/c", "out/d"])
        try await expectSound(rig)
        await rig.select(.everything)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a folder renamed in case only carries along what is left alone") func caseRename() async throws {
        let rig = try Rig()
        for path in ["/docs/old.key", "/docs/sub/x.key", "/docs/y"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        await rig.select(try Selection(excluding: ["*.key", "sub/"]))
        try rig.account.renameCase("/docs", to: "DOCS")
        try rig.account.renameCase("/docs/sub", to: "SUB")
        rig.time.advance(by: 8 * 86_400)
        try await rig.pass()
        #expect(try mirror(rig) == ["DOCS", "DOCS/old.key", "DOCS/sub", "DOCS/sub/x.key", "DOCS/y"])
        try await expectSound(rig)
        #expect(try await rig.repair() == 0)
        await rig.select(.everything)
        rig.remote.resetCounts()
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(rig.remote.downloads == 0)
    }

    @Test("what takes the place of a folder with something left alone in it waits, told as parked")
    func kindFlip() async throws {
        let rig = try Rig()
        for path in ["/x/secret.key", "/x/other", "/y.key"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        await rig.select(try Selection(excluding: ["*.key", "!*.key/"]))
        for path in ["/x", "/y.key"] { _ = try rig.account.delete(path) }
        _ = try rig.account.put("/x", "a file")
        _ = try rig.account.put("/y.key/inner", "in a folder")
        try await rig.pass()
        #expect(try mirror(rig) == ["x", "x/secret.key", "y.key"])
        #expect(try text(rig, "y.key") == "/y.key")
        let troubles = try await rig.start().store.troubles(limit: 9)
        #expect(troubles.map(\.path) == ["/x", "/y.key", "/y.key/inner"])
        #expect(troubles.allSatisfy { $0.isParked && $0.reason.contains("left alone") })
        #expect(try await rig.brokenInvariants() == [])
        await rig.select(.everything)
        try await rig.pass()
        #expect(try rig.differences() == [])
        try await expectSound(rig)
    }

    @Test("a verification leaves alone what is outside, whoever put it there") func verify() async throws {
        let rig = try Rig()
        for path in ["/a/x", "/a/y", "/b/z"] { _ = try rig.account.put(path, path) }
        await rig.select(try Selection(excluding: ["/B", "y", "local/"]))
        try await rig.pass()
        await rig.select(.everything)
        try await rig.pass()
        await rig.select(try Selection(excluding: ["/B", "y", "local/"]))
        try await rig.pass()
        try rig.folder.write("edited", to: "mirror/a/y")
        try rig.folder.write("edited", to: "mirror/b/z")
        try rig.folder.write("new", to: "mirror/b/new")
        try rig.folder.write("new", to: "mirror/a/Local/new")
        try rig.folder.write("a stranger", to: "mirror/a/stranger")
        #expect(try await rig.repair() == 1)
        try await rig.pass()
        #expect(try mirror(rig) == ["a", "a/Local", "a/Local/new", "a/x", "a/y", "b", "b/new", "b/z"])
        #expect(try text(rig, "a/y") == "edited" && text(rig, "b/z") == "edited")
        try await expectSound(rig)
    }

    @Test("a failing file that is excluded is in nobody's way any more") func failing() async throws {
        let rig = try Rig()
        let bad = try rig.account.put("/bad", "bad")
        _ = try rig.account.put("/good", "good")
        rig.remote.onDownload { rev in if rev == bad.rev { throw SandboxError(disposition: .item) } }
        try await rig.pass()
        #expect(rig.board.now.failing == 1)
        await rig.select(try Selection(excluding: ["bad"]))
        try await rig.pass()
        #expect(rig.board.now.failing == 0)
        try await expectSound(rig)
        await rig.select(.everything)
        rig.remote.onDownload(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a dry run shows nothing of what is outside and takes new patterns into account") func dryRun() async throws {
        let rig = try Rig()
        for path in ["/a", "/b"] { _ = try rig.account.put(path, path) }
        try await rig.pass()
        _ = try rig.account.delete("/a")
        _ = try rig.account.put("/b", "new")
        _ = try rig.account.put("/c", "c")
        func plan(_ selection: Selection) async throws -> [String] {
            var lines: [String] = []
            let preview = PlanPreview(
                remote: rig.remote, copy: try StateStore.scratchCopy(of: rig.folder("state.db")), mirror: nil,
                selection: selection, now: { 0 }, logger: rig.logger)
            _ = try await preview.run { lines.append("\($0.key)") }
            return lines
        }
        #expect(try await plan(.everything) == ["/b", "/c", "/a"])
        #expect(try await plan(Selection(excluding: ["a", "b"])) == ["/c"])
        #expect(try await plan(Selection(excluding: ["*"])) == [])
        #expect(try await rig.start().store.selection == .everything)
    }
}
