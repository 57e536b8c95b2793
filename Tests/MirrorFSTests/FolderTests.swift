import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Folders are made, renamed and removed; what is not ours in them stays.
@Suite(.timeLimit(.minutes(15)))
struct FolderTests {
    private func moved(_ entry: LocalEntry, to path: String, by fixture: MirrorFixture) throws -> AppliedOperation {
        guard case .file(_, let version, _) = entry.node else { throw Unexpected(outcomes: []) }
        let placement = Placement(
            key: RemoteKey("/" + path), path: try MirrorFixture.path(path), version: version, replacing: nil,
            sources: [.move(from: entry), .download])
        return try fixture.perform(PreparedOperation(.place(placement), content: .moved(entry)))
    }

    @Test("a folder that holds strangers is not removed") func strangers() throws {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("a")
        try fixture.write("mine", "a/stranger")
        #expect(try fixture.perform(.removeFolder(folder)).failures.count == 1)
        #expect(try fixture.tree() == ["a": "/", "a/stranger": "mine"])
    }

    @Test("removing what is gone already is done") func goneAlready() throws {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("a")
        let file = try fixture.place("a/f", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/a")
        #expect(try fixture.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
        #expect(try fixture.perform(.removeFolder(folder)).outcomes == [.have(folder.key, nil)])
    }

    @Test("something else under the name of a removed file is left alone") func otherThing() throws {
        let fixture = try MirrorFixture()
        let file = try fixture.place("f", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/f")
        try fixture.folder.write("mine", to: "mirror/f/inside")
        #expect(try fixture.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
        #expect(try fixture.tree() == ["f": "/", "f/inside": "mine"])
    }

    @Test("a case rename takes the folder with all that is in it") func relocate() throws {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("docs")
        try fixture.place("docs/f", "x")
        let result = try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS")))
        #expect(try fixture.tree() == ["DOCS": "/", "DOCS/f": "x"])
        #expect(result.outcomes == [.have(folder.key, folder.node.renamed(FileName("DOCS")))])
    }

    @Test("a stranger under the new name is set aside first") func relocateOnto() throws {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("docs")
        try fixture.write("mine", "DOCS")
        try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS")))
        #expect(try fixture.tree() == ["DOCS": "/"])
        #expect(try fixture.attic() == ["DOCS": "mine"])
    }

    @Test("overwrite: a folder takes the name of a stranger's file") func relocateOverwriting() throws {
        let fixture = try MirrorFixture(.overwrite)
        let folder = try fixture.make("docs")
        try fixture.write("mine", "DOCS")
        #expect(try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS"))).failures == [])
        #expect(try fixture.tree() == ["DOCS": "/"])
    }

    @Test("what was removed by somebody cannot be renamed: a folder is made, a file is missing") func relocateNothing()
        throws
    {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("docs")
        let file = try fixture.place("docs/f", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/docs")
        #expect(
            try fixture.perform(.relocate(file, to: MirrorFixture.path("docs/F"))).outcomes == [.have(file.key, nil)])
        try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS")))
        #expect(try fixture.tree() == ["DOCS": "/"])
    }

    @Test("somebody's thing of another kind is not renamed as if it were ours") func relocateOtherKind() throws {
        let fixture = try MirrorFixture()
        let folder = try fixture.make("docs")
        let file = try fixture.place("f", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/docs")
        try FileManager.default.removeItem(atPath: fixture.path + "/f")
        try fixture.write("mine", "docs")
        try fixture.folder.write("mine", to: "mirror/f/inside")
        let result = try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS")))
        #expect(try fixture.entry(result, at: MirrorFixture.path("DOCS")).node.isFolder)
        #expect(try fixture.perform(.relocate(file, to: MirrorFixture.path("F"))).outcomes == [.have(file.key, nil)])
        #expect(try fixture.tree() == ["docs": "mine", "DOCS": "/", "f": "/", "f/inside": "mine"])
    }

    @Test("a leaving file is renamed to where it is wanted") func move() throws {
        let fixture = try MirrorFixture()
        let candidate = try fixture.place("from", "x")
        let inode = try fixture.status("from").st_ino
        let result = try moved(candidate, to: "to/here", by: fixture)
        #expect(result.outcomes.first == .have(candidate.key, nil))
        #expect(try fixture.tree() == ["to": "/", "to/here": "x"])
        #expect(try fixture.status("to/here").st_ino == inode)
    }

    @Test("an edited donor is not moved, and not lost") func editedDonor() throws {
        let fixture = try MirrorFixture()
        let candidate = try fixture.place("from", "x")
        try fixture.write("edited", "from")
        #expect(
            try moved(candidate, to: "to", by: fixture).outcomes == [
                .have(candidate.key, nil), .recheck(RemoteKey("/to")),
            ])
        #expect(try fixture.tree() == [:])
        #expect(try fixture.attic() == ["from": "edited"])
    }

    @Test("a donor whose folder is gone is no failure of the file that wanted it") func lostDonor() throws {
        let fixture = try MirrorFixture()
        try fixture.make("a")
        let candidate = try fixture.place("a/from", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/a")
        #expect(
            try moved(candidate, to: "to", by: fixture).outcomes == [
                .have(candidate.key, nil), .recheck(RemoteKey("/to")),
            ])
    }

    @Test("a new revision of a file whose folder is gone finds it missing") func lostRetag() throws {
        let fixture = try MirrorFixture()
        try fixture.make("a")
        let file = try fixture.place("a/f", "x")
        try FileManager.default.removeItem(atPath: fixture.path + "/a")
        let later = fixture.version(of: "x".utf8, modified: 1_600_000_000)
        #expect(try fixture.perform(.updateMetadata(file, later)).outcomes == [.have(file.key, nil)])
    }

    @Test("one mutation that fails does not stop the others") func oneFails() throws {
        let fixture = try MirrorFixture()
        try fixture.write("a file", "blocked")
        var batch: [PreparedOperation] = []
        for path in ["blocked/f", "fine"] {
            let placement = try fixture.placement(path, "x")
            batch.append(PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        }
        let results = try fixture.mirror.perform(batch)
        #expect(results.map(\.failures.count) == [1, 0])
        #expect(try fixture.tree() == ["blocked": "a file", "fine": "x"])
    }
}
