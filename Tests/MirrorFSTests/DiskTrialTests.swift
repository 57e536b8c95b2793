import FileSystem
import Foundation
import Glibc
import TestSupport
import Testing

@testable import MirrorFS

/// Trying out a file system, which leaves it as it was.
@Suite(.timeLimit(.minutes(5)))
struct DiskTrialTests {
    @Test("an ordinary file system does everything, and nothing is left of the trial")
    func usual() throws {
        let folder = try TemporaryFolder()
        try folder.write("mine", to: "file")
        let trial = try DiskTrial.run(in: folder.path, name: DiskTrial.newName())
        #expect(trial.failures == [:] && !trial.foldsCase && !trial.foldsNormalization)
        #expect(trial.timeUnit <= 1_000_000_000)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }

    @Test("it is tried in dbxsync's own folder, where there is one")
    func place() throws {
        let folder = try TemporaryFolder()
        #expect(DiskTrial.place(for: folder.path) == folder.path)
        _ = try folder.folder(".dbxsync")
        #expect(DiskTrial.place(for: folder.path) == folder(".dbxsync"))
        symlink("/", folder("link"))
        #expect(DiskTrial.place(for: folder("nothing")) == folder("nothing"))
    }

    @Test("what a killed trial has left goes with the next one; what one is at, and what is others', stays")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        let (dead, alive) = (DiskTrial.newName(), DiskTrial.newName())
        try folder.write("x", to: "\(dead)/from/one")
        _ = try folder.folder(alive)
        _ = try folder.folder("trial")
        let lock = open(folder(alive), O_RDONLY | O_DIRECTORY)
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        _ = try DiskTrial.run(in: folder.path, name: DiskTrial.newName())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [alive, "trial"])
        close(lock)
        _ = try DiskTrial.run(in: folder.path, name: DiskTrial.newName())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["trial"])
    }

    @Test("a folder that is not there is refused")
    func missing() throws {
        let folder = try TemporaryFolder()
        #expect(throws: MirrorError.self) { try DiskTrial.run(in: folder("none"), name: DiskTrial.newName()) }
    }

    @Test(
        "how exactly times are kept is told from what became of one",
        arguments: [
            (1, 123_456_789, 1), (1, 123_456_700, 100), (1, 123_456_000, 1_000), (1, 123_000_000, 1_000_000),
            (1, 120_000_000, 10_000_000), (1, 0, 1_000_000_000), (0, 0, 2_000_000_000),
        ] as [(Int, Int, Int64)])
    func times(seconds: Int, nanoseconds: Int, unit: Int64) {
        let asked = timespec(tv_sec: 1, tv_nsec: 123_456_789)
        #expect(DiskTrial.unit(asked, timespec(tv_sec: seconds, tv_nsec: nanoseconds)) == unit)
    }

    @Test("free and whole size of a disk, and one that has neither blocks nor inodes")
    func space() throws {
        let space = try DiskSpace(of: "/")
        #expect(space.size > 0 && space.free <= space.size)
        #expect(DiskSpace(statvfs()).freeInodeShare == nil)
        #expect(throws: MirrorError.self) { try DiskSpace(of: "/nonexistent/x") }
    }
}
