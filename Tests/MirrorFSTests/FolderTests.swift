import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Folders are made, renamed and removed; what is not ours in them stays.
@Suite struct FolderTests {
    private func moved(_ standing: Standing, to path: String, by bench: Bench) throws -> MutationResult {
        guard case .file(_, let version, _) = standing.node else { throw Unexpected(outcomes: []) }
        let placement = Placement(
            key: RemoteKey("/" + path), path: try Bench.path(path), version: version, replacing: nil,
            sources: [.move(from: standing), .download])
        return try bench.perform(Mutation(.place(placement), content: .moved(standing)))
    }

    @Test("a folder that holds strangers is not removed") func strangers() throws {
        let bench = try Bench()
        let folder = try bench.make("a")
        try bench.write("mine", "a/stranger")
        #expect(try bench.perform(.removeFolder(folder)).failures.count == 1)
        #expect(try bench.tree() == ["a": "/", "a/stranger": "mine"])
    }

    @Test("removing what is gone already is done") func goneAlready() throws {
        let bench = try Bench()
        let folder = try bench.make("a")
        let file = try bench.place("a/f", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/a")
        #expect(try bench.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
        #expect(try bench.perform(.removeFolder(folder)).outcomes == [.have(folder.key, nil)])
    }

    @Test("something else under the name of a removed file is left alone") func otherThing() throws {
        let bench = try Bench()
        let file = try bench.place("f", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/f")
        try bench.folder.write("mine", to: "mirror/f/inside")
        #expect(try bench.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
        #expect(try bench.tree() == ["f": "/", "f/inside": "mine"])
    }

    @Test("a case rename takes the folder with all that is in it") func relocate() throws {
        let bench = try Bench()
        let folder = try bench.make("docs")
        try bench.place("docs/f", "x")
        let result = try bench.perform(.relocate(folder, to: Bench.path("DOCS")))
        #expect(try bench.tree() == ["DOCS": "/", "DOCS/f": "x"])
        #expect(result.outcomes == [.have(folder.key, folder.node.renamed(FileName("DOCS")))])
    }

    @Test("a stranger under the new name is set aside first") func relocateOnto() throws {
        let bench = try Bench()
        let folder = try bench.make("docs")
        try bench.write("mine", "DOCS")
        try bench.perform(.relocate(folder, to: Bench.path("DOCS")))
        #expect(try bench.tree() == ["DOCS": "/"])
        #expect(try bench.attic() == ["DOCS": "mine"])
    }

    @Test("overwrite: a folder takes the name of a stranger's file") func relocateOverwriting() throws {
        let bench = try Bench(.overwrite)
        let folder = try bench.make("docs")
        try bench.write("mine", "DOCS")
        #expect(try bench.perform(.relocate(folder, to: Bench.path("DOCS"))).failures == [])
        #expect(try bench.tree() == ["DOCS": "/"])
    }

    @Test("what was removed by somebody cannot be renamed: a folder is made, a file is missing") func relocateNothing()
        throws
    {
        let bench = try Bench()
        let folder = try bench.make("docs")
        let file = try bench.place("docs/f", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/docs")
        #expect(try bench.perform(.relocate(file, to: Bench.path("docs/F"))).outcomes == [.have(file.key, nil)])
        try bench.perform(.relocate(folder, to: Bench.path("DOCS")))
        #expect(try bench.tree() == ["DOCS": "/"])
    }

    @Test("somebody's thing of another kind is not renamed as if it were ours") func relocateOtherKind() throws {
        let bench = try Bench()
        let folder = try bench.make("docs")
        let file = try bench.place("f", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/docs")
        try FileManager.default.removeItem(atPath: bench.path + "/f")
        try bench.write("mine", "docs")
        try bench.folder.write("mine", to: "mirror/f/inside")
        let result = try bench.perform(.relocate(folder, to: Bench.path("DOCS")))
        #expect(try bench.standing(result, at: Bench.path("DOCS")).node.isFolder)
        #expect(try bench.perform(.relocate(file, to: Bench.path("F"))).outcomes == [.have(file.key, nil)])
        #expect(try bench.tree() == ["docs": "mine", "DOCS": "/", "f": "/", "f/inside": "mine"])
    }

    @Test("a leaving file is renamed to where it is wanted") func move() throws {
        let bench = try Bench()
        let donor = try bench.place("from", "x")
        let inode = try bench.status("from").st_ino
        let result = try moved(donor, to: "to/here", by: bench)
        #expect(result.outcomes.first == .have(donor.key, nil))
        #expect(try bench.tree() == ["to": "/", "to/here": "x"])
        #expect(try bench.status("to/here").st_ino == inode)
    }

    @Test("an edited donor is not moved, and not lost") func editedDonor() throws {
        let bench = try Bench()
        let donor = try bench.place("from", "x")
        try bench.write("edited", "from")
        #expect(
            try moved(donor, to: "to", by: bench).outcomes == [
                .have(donor.key, nil), .recheck(RemoteKey("/to")),
            ])
        #expect(try bench.tree() == [:])
        #expect(try bench.attic() == ["from": "edited"])
    }

    @Test("a donor whose folder is gone is no failure of the file that wanted it") func lostDonor() throws {
        let bench = try Bench()
        try bench.make("a")
        let donor = try bench.place("a/from", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/a")
        #expect(
            try moved(donor, to: "to", by: bench).outcomes == [
                .have(donor.key, nil), .recheck(RemoteKey("/to")),
            ])
    }

    @Test("a new revision of a file whose folder is gone finds it missing") func lostRetag() throws {
        let bench = try Bench()
        try bench.make("a")
        let file = try bench.place("a/f", "x")
        try FileManager.default.removeItem(atPath: bench.path + "/a")
        let later = bench.version(of: "x".utf8, modified: 1_600_000_000)
        #expect(try bench.perform(.retag(file, later)).outcomes == [.have(file.key, nil)])
    }

    @Test("one mutation that fails does not stop the others") func oneFails() throws {
        let bench = try Bench()
        try bench.write("a file", "blocked")
        var batch: [Mutation] = []
        for path in ["blocked/f", "fine"] {
            let placement = try bench.placement(path, "x")
            batch.append(Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        }
        let results = try bench.mirror.perform(batch)
        #expect(results.map(\.failures.count) == [1, 0])
        #expect(try bench.tree() == ["blocked": "a file", "fine": "x"])
    }
}
