import Foundation
import Glibc
import MirrorFS
import SyncModel
import Synchronization
import TestSupport
import Testing

/// What is not from Dropbox is set aside, kept or overwritten, as `local_changes` says; never lost by accident.
@Suite struct LocalChangeTests {
    @Test("a file somebody put in the way is set aside") func strangerInTheWay() throws {
        let bench = try Bench()
        try bench.write("mine", "f")
        let placement = try bench.placement("f", "theirs")
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "theirs"))))
        #expect(result.setAside.count == 1)
        #expect(try bench.tree() == ["f": "theirs"])
        #expect(try bench.attic() == ["f": "mine"])
    }

    @Test("an edited file is set aside before it is replaced or removed") func edited() throws {
        let bench = try Bench()
        let first = try bench.place("replaced", "old")
        let second = try bench.place("removed", "old")
        try bench.write("edited", "replaced")
        try bench.write("edited, too", "removed")
        try bench.place("replaced", "new", replacing: first)
        try bench.perform(.removeFile(second))
        #expect(try bench.tree() == ["replaced": "new"])
        #expect(try bench.attic() == ["replaced": "edited", "removed": "edited, too"])
    }

    @Test("a file that was only touched or rewritten with the same bytes is ours still") func touched() throws {
        let bench = try Bench()
        let standing = try bench.place("f", "same")
        try FileManager.default.removeItem(atPath: bench.path + "/f")
        try bench.write("same", "f")
        try bench.perform(.removeFile(standing))
        #expect(try bench.tree() == [:])
        #expect(try bench.attic() == [:])
    }

    @Test("a whole folder in a file's way is set aside, with all that it holds", arguments: LocalChanges.allCases)
    func folderInTheWay(localChanges: LocalChanges) throws {
        let bench = try Bench(localChanges)
        try bench.folder.write("mine", to: "mirror/f/deep/down")
        let placement = try bench.placement("f", "theirs")
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "theirs"))))
        if localChanges == .keep {
            #expect(result.failures.count == 1)
            #expect(try bench.tree()["f/deep/down"] == "mine")
        } else {
            #expect(try bench.tree() == ["f": "theirs"])
            #expect(try bench.attic() == ["f/deep/down": "mine"])
        }
    }

    @Test("two things of one name are both kept in the attic") func sameName() throws {
        let bench = try Bench()
        for number in 0..<4 {
            let standing = try bench.place("f", "ours \(number)")
            try bench.write("edit \(number)", "f")
            try bench.perform(.removeFile(standing))
        }
        #expect(Set(try bench.attic().values) == ["edit 0", "edit 1", "edit 2", "edit 3"])
    }

    @Test("a file and a folder of one name are both kept in the attic, in either order") func fileThenFolder() throws {
        let bench = try Bench()
        try bench.write("a file", "x")
        try bench.make("x")
        let inside = try bench.place("x/inside", "ours")
        try bench.write("inside", "x/inside")
        #expect(try bench.perform(.removeFile(inside)).failures == [])
        let folder = try bench.make("x")
        #expect(try bench.perform(.removeFolder(folder)).failures == [])
        try bench.write("a file again", "x")
        try bench.make("x")
        #expect(Set(try bench.attic().values) == ["a file", "inside", "a file again"])
    }

    @Test("names of 255 bytes find room in the attic, again and again") func longNames() throws {
        let bench = try Bench()
        let name = String(repeating: "é", count: 127) + "x"
        for number in 0..<3 {
            let standing = try bench.place(name, "ours")
            try bench.write("edit \(number)", name)
            #expect(try bench.perform(.removeFile(standing)).failures == [])
        }
        #expect(Set(try bench.attic().values) == ["edit 0", "edit 1", "edit 2"])
    }

    @Test("keep leaves everything as it is and says so") func keep() throws {
        let bench = try Bench(.keep)
        let standing = try bench.place("f", "ours")
        try bench.write("edited", "f")
        let placement = try bench.placement("f", "new", replacing: standing)
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "new"))))
        #expect(result.failures.count == 1)
        #expect(try bench.perform(.removeFile(standing)).failures.count == 1)
        #expect(try bench.tree() == ["f": "edited"])
        #expect(try bench.attic() == [:])
    }

    @Test("keep: what is to be cleared and cannot be is a failure of the key that waits for it, and of nothing else")
    func keepClear() throws {
        let bench = try Bench(.keep)
        let folder = try bench.make("k")
        let sub = try bench.make("k/sub")
        let file = try bench.place("k/sub/file", "ours")
        try bench.write("mine", "k/sub/stranger")
        let result = try bench.perform(.clear(folder.key, [file, sub, folder]))
        #expect(result.outcomes.last?.key == folder.key)
        #expect(result.outcomes.contains { if case .failed(folder.key, _, _) = $0 { true } else { false } })
        #expect(!result.outcomes.contains(.recheck(folder.key)))
        #expect(try bench.tree()["k/sub/stranger"] == "mine")
    }

    @Test("keep: an edited file in the way of a folder is a failure, not a reason to look again at once")
    func keepClearFile() throws {
        let bench = try Bench(.keep)
        let file = try bench.place("k", "ours")
        try bench.write("edited", "k")
        let result = try bench.perform(.clear(file.key, [file]))
        #expect(result.failures.count == 1)
        #expect(!result.outcomes.contains(.recheck(file.key)))
    }

    @Test("overwrite replaces and removes files") func overwrite() throws {
        let bench = try Bench(.overwrite)
        let standing = try bench.place("f", "ours")
        try bench.write("edited", "f")
        let new = try bench.place("f", "new", replacing: standing)
        try bench.write("edited", "f")
        try bench.perform(.removeFile(new))
        #expect(try bench.tree() == [:])
        #expect(try bench.attic() == [:])
    }

    @Test("what has the wanted content already is adopted at the moment of publishing") func adoptedLate() throws {
        let bench = try Bench()
        let placement = try bench.placement("f", "same")
        let staged = try bench.staged(placement, "same")
        try bench.write("same", "f")
        let inode = try bench.status("f").st_ino
        let result = try bench.perform(Mutation(.place(placement), content: .staged(staged)))
        #expect(result.setAside == [])
        #expect(try bench.status("f").st_ino == inode)
        #expect(try bench.mirror.inspect(bench.standing(result, at: placement.path)) == nil)
    }

    @Test(
        "what appears between the look and the rename is looked at, not overwritten", arguments: LocalChanges.allCases)
    func appearing(localChanges: LocalChanges) throws {
        let place = Mutex<String?>(nil)
        let bench = try Bench(localChanges) { point in
            guard point == .rename, let path = place.withLock({ $0.take() }) else { return }
            _ = FileManager.default.createFile(atPath: path, contents: Data("mine".utf8))
        }
        let placement = try bench.placement("f", "theirs")
        let staged = try bench.staged(placement, "theirs")
        place.withLock { $0 = bench.path + "/f" }
        let result = try bench.perform(Mutation(.place(placement), content: .staged(staged)))
        #expect(result.failures.count == (localChanges == .keep ? 1 : 0))
        #expect(try bench.tree() == ["f": localChanges == .keep ? "mine" : "theirs"])
        #expect(try bench.attic() == (localChanges == .aside ? ["f": "mine"] : [:]))
    }

    @Test("a folder is not renamed onto something that appears at the last moment") func appearingFolder() throws {
        let place = Mutex<String?>(nil)
        let bench = try Bench(.overwrite) { point in
            guard point == .rename, let path = place.withLock({ $0.take() }) else { return }
            mkdir(path, 0o700)
        }
        let folder = try bench.make("docs")
        let file = try bench.place("docs/f", "x")
        place.withLock { $0 = bench.path + "/DOCS" }
        #expect(try bench.perform(.relocate(folder, to: Bench.path("DOCS"))).failures.count == 1)
        #expect(try bench.tree() == ["docs": "/", "docs/f": "x", "DOCS": "/"])
        #expect(try bench.mirror.inspect(file) == nil)
    }

    @Test("an adopted file that changes at the last moment is looked at again") func adoptedTooLate() throws {
        let bench = try Bench()
        try bench.write("same", "f")
        let placement = try bench.placement("f", "same")
        let print = try #require(try bench.mirror.adoptable(placement.path, as: placement.version))
        try bench.write("edited", "f")
        let result = try bench.perform(Mutation(.place(placement), content: .adopted(print)))
        #expect(result.outcomes == [.recheck(placement.key)])
        #expect(try bench.tree() == ["f": "edited"])
    }
}
