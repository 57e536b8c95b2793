import Dropbox
import SyncModel
import TestSupport
import Testing

@testable import Store
@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct RestoreChoiceTests {
    private func version(_ number: UInt8) -> FileVersion {
        FileVersion(
            rev: Rev("r\(number)"), size: 1,
            hash: ContentHash(bytes: Array(repeating: number, count: 32)) ?? ContentHasher().finish(),
            modified: 1_000)
    }

    private func row(_ id: Int64, _ number: UInt8?, _ path: String = "/a", isFolder: Bool = false) -> TrashRow {
        TrashRow(
            id: id,
            item: KeptItem(
                path: path, place: "trash/\(id)", reason: number == nil ? .aside : .removed, isFolder: isFolder,
                version: number.map(version), size: 1), at: Timestamp(seconds: 100 + id), pass: 1)
    }

    private func entry(_ path: String, _ number: UInt8) -> LocalEntry {
        let name = FileName(String(path.dropFirst()))
        return LocalEntry(
            key: RemoteKey(path), path: MirrorPath(text: path) ?? .root,
            node: .file(name: name, version(number), Fingerprint(inode: 1, size: 1, modifiedNanoseconds: 0)))
    }

    @Test("the newest version that is kept is chosen, unless it is what stands there")
    func last() {
        let rows = [row(1, 1), row(2, 2), row(3, 3)]
        #expect(RestoreChoice.last(of: rows, standing: nil)?.id == 3)
        #expect(RestoreChoice.last(of: rows, standing: version(3).hash)?.id == 2)
        #expect(RestoreChoice.last(of: [row(1, 1)], standing: version(1).hash) == nil)
        #expect(RestoreChoice.last(of: rows + [row(4, nil)], standing: version(3).hash)?.id == 4)
        let each = RestoreChoice.last(
            ofEach: rows + [row(4, 4, "/B"), row(5, 5, "/b")], standing: [RemoteKey("/a"): version(3).hash])
        #expect(each.map(\.id) == [2, 5])
    }

    @Test("the mirror comes first, then the trash, then Dropbox")
    func sources() {
        let stock = RestoreStock(
            standing: [entry("/x", 2), entry("/y", 1), entry("/z", 1)],
            kept: [row(1, 1), row(2, 2), row(3, 1, "/other"), row(4, nil), row(1, 1)])
        let sources = stock.sources(of: version(1))
        #expect(
            sources == [
                .mirror(entry("/y", 1)), .trash(row(3, 1, "/other")), .trash(row(1, 1)), .dropbox(version(1)),
            ])
    }

    @Test("what a file held is told by its revision or its hash, wherever that is")
    func versions() {
        let kept = [row(1, 1), row(2, 2)]
        func told(_ rev: String?, _ hash: UInt8?, isGuess: Bool = false) -> FileVersion? {
            let file = PastFile(
                path: "/a", rev: rev.map { Rev($0) }, hash: hash.map { version($0).hash }, isGuess: isGuess)
            return RestoreStock(standing: [entry("/a", 3)], kept: kept).version(of: file)
        }
        #expect(told("r1", nil) == version(1))
        #expect(told("r3", nil) == version(3))
        #expect(told(nil, 2) == version(2))
        #expect(told("r9", 2) == version(2))
        #expect(told("r9", nil) == nil)
        #expect(told(nil, nil) == nil)
        #expect(told("r1", nil, isGuess: true) == nil)
    }

    @Test("in the outbox it goes to where it was, if that is below what the outbox fills")
    func outbox() {
        func target(_ remoteFolder: String, _ path: String, root: String = "") -> RestoreTarget {
            .outbox("/out", fills: remoteFolder, for: path, remoteRoot: root)
        }
        #expect(target("", "/D/a") == RestoreTarget(directory: "/out", folders: ["D"], remote: "/D/a"))
        #expect(target("/d", "/D/S/a") == RestoreTarget(directory: "/out", folders: ["S"], remote: "/D/S/a"))
        #expect(target("/d", "/E/a") == RestoreTarget(directory: "/out", folders: [], remote: "/d/a"))
        #expect(target("/d", "/d") == RestoreTarget(directory: "/out", folders: [], remote: "/d/d"))
        #expect(target("/T/in", "/in/a", root: "/t") == RestoreTarget(directory: "/out", remote: "/t/in/a"))
    }

    @Test("a pattern takes what it matches and what is below it, in any case")
    func filter() throws {
        func takes(_ pattern: String, _ path: String) throws -> Bool {
            let selection = Selection(include: [try SelectionPattern(pattern)])
            return TrashFilter(what: .pattern(selection), since: nil).takes(row(1, 1, path))
        }
        #expect(try takes("*.txt", "/D/A.TXT"))
        #expect(try takes("/d*", "/Docs/x/y"))
        #expect(try !takes("*.txt", "/a.md"))
        #expect(TrashFilter(what: .all, since: 101).takes(row(1, 1)))
        #expect(!TrashFilter(what: .all, since: 102).takes(row(1, 1)))
    }
}
