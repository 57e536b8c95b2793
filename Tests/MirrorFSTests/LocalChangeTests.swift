import Foundation
import Glibc
import MirrorFS
import SyncModel
import Synchronization
import TestSupport
import Testing

/// What is not from Dropbox is set aside, kept or overwritten, as `local_changes` says; never lost by accident.
@Suite(.timeLimit(.minutes(15)))
struct LocalChangeTests {
    @Test("a file somebody put in the way is set aside") func strangerInTheWay() throws {
        let fixture = try MirrorFixture()
        try fixture.write("mine", "f")
        let placement = try fixture.placement("f", "theirs")
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "theirs"))))
        #expect(result.setAside.count == 1)
        #expect(try fixture.tree() == ["f": "theirs"])
        #expect(try fixture.attic() == ["f": "mine"])
    }

    @Test("an edited file is set aside before it is replaced or removed") func edited() throws {
        let fixture = try MirrorFixture()
        let first = try fixture.place("replaced", "old")
        let second = try fixture.place("removed", "old")
        try fixture.write("edited", "replaced")
        try fixture.write("edited, too", "removed")
        try fixture.place("replaced", "new", replacing: first)
        try fixture.perform(.removeFile(second))
        #expect(try fixture.tree() == ["replaced": "new"])
        #expect(try fixture.attic() == ["replaced": "edited", "removed": "edited, too"])
    }

    @Test("a file that was only touched or rewritten with the same bytes is ours still") func touched() throws {
        let fixture = try MirrorFixture()
        let entry = try fixture.place("f", "same")
        try FileManager.default.removeItem(atPath: fixture.path + "/f")
        try fixture.write("same", "f")
        try fixture.perform(.removeFile(entry))
        #expect(try fixture.tree() == [:])
        #expect(try fixture.attic() == [:])
    }

    @Test("a whole folder in a file's way is set aside, with all that it holds", arguments: LocalChanges.allCases)
    func folderInTheWay(localChanges: LocalChanges) throws {
        let fixture = try MirrorFixture(localChanges)
        try fixture.folder.write("mine", to: "mirror/f/deep/down")
        let placement = try fixture.placement("f", "theirs")
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "theirs"))))
        if localChanges == .keep {
            #expect(result.failures.count == 1)
            #expect(try fixture.tree()["f/deep/down"] == "mine")
        } else {
            #expect(try fixture.tree() == ["f": "theirs"])
            #expect(try fixture.attic() == ["f/deep/down": "mine"])
        }
    }

    @Test("two things of one name are both kept in the attic") func sameName() throws {
        let fixture = try MirrorFixture()
        for number in 0..<4 {
            let entry = try fixture.place("f", "ours \(number)")
            try fixture.write("edit \(number)", "f")
            try fixture.perform(.removeFile(entry))
        }
        #expect(Set(try fixture.attic().values) == ["edit 0", "edit 1", "edit 2", "edit 3"])
    }

    @Test("a file and a folder of one name are both kept in the attic, in either order") func fileThenFolder() throws {
        let fixture = try MirrorFixture()
        try fixture.write("a file", "x")
        try fixture.make("x")
        let inside = try fixture.place("x/inside", "ours")
        try fixture.write("inside", "x/inside")
        #expect(try fixture.perform(.removeFile(inside)).failures == [])
        let folder = try fixture.make("x")
        #expect(try fixture.perform(.removeFolder(folder)).failures == [])
        try fixture.write("a file again", "x")
        try fixture.make("x")
        #expect(Set(try fixture.attic().values) == ["a file", "inside", "a file again"])
    }

    @Test("names of 255 bytes find room in the attic, again and again") func longNames() throws {
        let fixture = try MirrorFixture()
        let name = String(repeating: "é", count: 127) + "x"
        for number in 0..<3 {
            let entry = try fixture.place(name, "ours")
            try fixture.write("edit \(number)", name)
            #expect(try fixture.perform(.removeFile(entry)).failures == [])
        }
        #expect(Set(try fixture.attic().values) == ["edit 0", "edit 1", "edit 2"])
    }

    @Test("keep leaves everything as it is and says so") func keep() throws {
        let fixture = try MirrorFixture(.keep)
        let entry = try fixture.place("f", "ours")
        try fixture.write("edited", "f")
        let placement = try fixture.placement("f", "new", replacing: entry)
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "new"))))
        #expect(result.failures.count == 1)
        #expect(try fixture.perform(.removeFile(entry)).failures.count == 1)
        #expect(try fixture.tree() == ["f": "edited"])
        #expect(try fixture.attic() == [:])
    }

    @Test("keep: what is to be cleared and cannot be is a failure of the key that waits for it, and of nothing else")
    func keepClear() throws {
        let fixture = try MirrorFixture(.keep)
        let folder = try fixture.make("k")
        let sub = try fixture.make("k/sub")
        let file = try fixture.place("k/sub/file", "ours")
        try fixture.write("mine", "k/sub/stranger")
        let result = try fixture.perform(.clear(folder.key, [file, sub, folder]))
        #expect(result.outcomes.last?.key == folder.key)
        #expect(result.outcomes.contains { if case .failed(folder.key, _, _) = $0 { true } else { false } })
        #expect(!result.outcomes.contains(.recheck(folder.key)))
        #expect(try fixture.tree()["k/sub/stranger"] == "mine")
    }

    @Test("keep: an edited file in the way of a folder is a failure, not a reason to look again at once")
    func keepClearFile() throws {
        let fixture = try MirrorFixture(.keep)
        let file = try fixture.place("k", "ours")
        try fixture.write("edited", "k")
        let result = try fixture.perform(.clear(file.key, [file]))
        #expect(result.failures.count == 1)
        #expect(!result.outcomes.contains(.recheck(file.key)))
    }

    @Test("overwrite replaces and removes files") func overwrite() throws {
        let fixture = try MirrorFixture(.overwrite)
        let entry = try fixture.place("f", "ours")
        try fixture.write("edited", "f")
        let new = try fixture.place("f", "new", replacing: entry)
        try fixture.write("edited", "f")
        try fixture.perform(.removeFile(new))
        #expect(try fixture.tree() == [:])
        #expect(try fixture.attic() == [:])
    }

    @Test("what has the wanted content already is adopted at the moment of publishing") func adoptedLate() throws {
        let fixture = try MirrorFixture()
        let placement = try fixture.placement("f", "same")
        let staged = try fixture.staged(placement, "same")
        try fixture.write("same", "f")
        let inode = try fixture.status("f").st_ino
        let result = try fixture.perform(PreparedOperation(.place(placement), content: .staged(staged)))
        #expect(result.setAside == [])
        #expect(try fixture.status("f").st_ino == inode)
        #expect(try fixture.mirror.inspect(fixture.entry(result, at: placement.path)) == nil)
    }

    @Test(
        "what appears between the look and the rename is looked at, not overwritten", arguments: LocalChanges.allCases)
    func appearing(localChanges: LocalChanges) throws {
        let place = Mutex<String?>(nil)
        let fixture = try MirrorFixture(localChanges) { point in
            guard point == .rename, let path = place.withLock({ $0.take() }) else { return }
            _ = FileManager.default.createFile(atPath: path, contents: Data("mine".utf8))
        }
        let placement = try fixture.placement("f", "theirs")
        let staged = try fixture.staged(placement, "theirs")
        place.withLock { $0 = fixture.path + "/f" }
        let result = try fixture.perform(PreparedOperation(.place(placement), content: .staged(staged)))
        #expect(result.failures.count == (localChanges == .keep ? 1 : 0))
        #expect(try fixture.tree() == ["f": localChanges == .keep ? "mine" : "theirs"])
        #expect(try fixture.attic() == (localChanges == .aside ? ["f": "mine"] : [:]))
    }

    @Test("a folder is not renamed onto something that appears at the last moment") func appearingFolder() throws {
        let place = Mutex<String?>(nil)
        let fixture = try MirrorFixture(.overwrite) { point in
            guard point == .rename, let path = place.withLock({ $0.take() }) else { return }
            mkdir(path, 0o700)
        }
        let folder = try fixture.make("docs")
        let file = try fixture.place("docs/f", "x")
        place.withLock { $0 = fixture.path + "/DOCS" }
        #expect(try fixture.perform(.relocate(folder, to: MirrorFixture.path("DOCS"))).failures.count == 1)
        #expect(try fixture.tree() == ["docs": "/", "docs/f": "x", "DOCS": "/"])
        #expect(try fixture.mirror.inspect(file) == nil)
    }

    @Test("an adopted file that changes at the last moment is looked at again") func adoptedTooLate() throws {
        let fixture = try MirrorFixture()
        try fixture.write("same", "f")
        let placement = try fixture.placement("f", "same")
        let print = try #require(try fixture.mirror.adoptable(placement.path, as: placement.version))
        try fixture.write("edited", "f")
        let result = try fixture.perform(PreparedOperation(.place(placement), content: .adopted(print)))
        #expect(result.outcomes == [.recheck(placement.key)])
        #expect(try fixture.tree() == ["f": "edited"])
    }
}
