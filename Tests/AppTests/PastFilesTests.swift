import Store
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// Changes taken back, newest first.
@Suite(.timeLimit(.minutes(5)))
struct PastFilesTests {
    private func hash(_ number: UInt8) -> ContentHash {
        ContentHash(bytes: Array(repeating: number, count: 32)) ?? ContentHasher().finish()
    }

    private func standing(_ path: String, _ number: UInt8) -> PastFile {
        PastFile(path: path, rev: Rev("r\(number)"), hash: hash(number))
    }

    /// Takes back changes that are given in the order in which they were made.
    private func undo(_ changes: MirrorChange..., at top: String = "/d", now: PastFile...) -> (
        files: [String: String], departures: [PastFiles.Departure]
    ) {
        var past = PastFiles(at: top, now)
        let departures = changes.reversed().compactMap { past.undo($0) }
        return (shown(past), departures)
    }

    private func shown(_ past: PastFiles) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: past.sorted.map { file in
                let content = file.rev?.text ?? file.hash.map { "hash \($0.hex.prefix(2))" }
                // Two names that Swift takes for one are told apart.
                let path = file.path.unicodeScalars.contains("\u{301}") ? "\(file.path) (decomposed)" : file.path
                return (path, file.isGuess ? "?" : content ?? "-")
            })
    }

    @Test("what was placed, replaced and removed is as it was")
    func files() {
        let undone = undo(
            MirrorChange(.filePlaced, path: "/d/new", rev: Rev("r1"), hash: hash(1)),
            MirrorChange(.filePlaced, path: "/d/a", oldRev: Rev("r2"), rev: Rev("r3"), hash: hash(3)),
            MirrorChange(.fileRemoved, path: "/d/gone", oldRev: Rev("r4"), hash: hash(4)),
            MirrorChange(.filePlaced, path: "/elsewhere", oldRev: Rev("r5"), rev: Rev("r6")),
            now: standing("/d/new", 1), standing("/d/a", 3), standing("/d/kept", 7))
        #expect(undone.files == ["/d/a": "r2", "/d/gone": "r4", "/d/kept": "r7"])
        #expect(undone.departures == [])
    }

    @Test("a path that had several versions has the one of the time")
    func versions() {
        let undone = undo(
            MirrorChange(.filePlaced, path: "/d/a", oldRev: Rev("r1"), rev: Rev("r2"), hash: hash(2)),
            MirrorChange(.fileRemoved, path: "/d/a", oldRev: Rev("r2"), hash: hash(2)),
            MirrorChange(.filePlaced, path: "/D/A", rev: Rev("r3"), hash: hash(3)), now: standing("/D/A", 3))
        #expect(undone.files == ["/d/a": "r1"])
    }

    @Test("letters of any script are looked up in either case, names that differ in their bytes are two")
    func spellings() {
        let undone = undo(
            MirrorChange(.filePlaced, path: "/ÄPFEL/Ω", oldRev: Rev("r1"), rev: Rev("r2"), hash: hash(2)),
            MirrorChange(.fileRemoved, path: "/äpfel/caf\u{e9}", oldRev: Rev("r3"), hash: hash(3)), at: "/Äpfel",
            now: standing("/Äpfel/ω", 2), standing("/Äpfel/cafe\u{301}", 4))
        #expect(undone.files.values.sorted() == ["r1", "r3", "r4"])
    }

    @Test("a new revision with the same bytes tells what the old one held")
    func sameContent() {
        var past = PastFiles(at: "/d", [standing("/d/a", 2)])
        _ = past.undo(
            MirrorChange(
                .filePlaced, path: "/d/a", oldRev: Rev("r1"), rev: Rev("r2"), hash: hash(2), reason: "same content"))
        #expect(past.sorted == [PastFile(path: "/d/a", rev: Rev("r1"), hash: hash(2))])
    }

    @Test("what was renamed has its old name, and with a folder all that was in it")
    func moves() {
        let undone = undo(
            MirrorChange(.moved, path: "/d/new/x", oldPath: "/d/x"),
            MirrorChange(.moved, path: "/d/sub2", oldPath: "/d/sub"), now: standing("/d/sub2/c", 1),
            standing("/d/new/x", 2))
        #expect(undone.files == ["/d/sub/c": "r1", "/d/x": "r2"])
    }

    @Test("a file whose content was moved in place of another leaves both as they were")
    func movedContent() {
        let undone = undo(
            MirrorChange(
                .moved, path: "/d/b", oldPath: "/d/a", oldRev: Rev("r1"), rev: Rev("r3"), hash: hash(2)),
            now: standing("/d/b", 3))
        #expect(undone.files == ["/d/a": "hash 02", "/d/b": "r1"])
    }

    @Test("what came from elsewhere was not there, and what went elsewhere is asked for")
    func crossings() {
        let undone = undo(
            MirrorChange(.moved, path: "/d/in", oldPath: "/other/in"),
            MirrorChange(.moved, path: "/other/out", oldPath: "/d/out"), now: standing("/d/in/x", 1))
        #expect(undone.files == [:])
        #expect(undone.departures == [.init(from: "/d/out", to: "/other/out")])
    }

    @Test("a folder above that was moved takes along what is in it")
    func above() {
        let here = undo(
            MirrorChange(.moved, path: "/new", oldPath: "/old"), at: "/new/d", now: standing("/new/d/x", 1))
        #expect(here.files == [:] && here.departures == [])
        let there = undo(MirrorChange(.moved, path: "/new", oldPath: "/old"), at: "/old/d")
        #expect(there.departures == [.init(from: "/old/d", to: "/new/d")])
        var past = PastFiles(at: "/old/d", [])
        past.add(PastFiles(at: "/new/d", [standing("/new/d/x", 1)]), there.departures[0])
        #expect(shown(past) == ["/old/d/x": "r1"])
    }

    @Test("before a first mirror, and where something stood already, nobody knows")
    func guesses() {
        let undone = undo(
            MirrorChange(.folderFilled, path: "/d", files: 2),
            MirrorChange(.filePlaced, path: "/d/b", oldRev: Rev("r1"), rev: Rev("r2")),
            MirrorChange(.filePlaced, path: "/d/c", rev: Rev("r3"), hash: hash(3), reason: "it stood there already"),
            now: standing("/d/a", 1), standing("/d/b", 2), standing("/d/c", 3), standing("/d/sub/x", 4))
        #expect(undone.files == ["/d/a": "?", "/d/b": "?", "/d/c": "?", "/d/sub/x": "r4"])
    }
}
