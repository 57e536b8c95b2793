import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Whether this process may mount file systems; without that a full or read-only disk cannot be had.
private let mayMount = geteuid() == 0 && mountable()

private func mountable() -> Bool {
    guard let folder = try? TemporaryFolder(), mount("none", folder.path, "tmpfs", 0, "size=64k") == 0 else {
        return false
    }
    umount2(folder.path, Int32(MNT_DETACH))
    return true
}

/// A small memory file system, gone with its object.
private final class SmallDisk {
    let folder: TemporaryFolder

    init(bytes: Int, _ more: String = "") throws {
        folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=\(bytes)" + (more.isEmpty ? "" : "," + more)) == 0)
    }

    deinit { umount2(folder.path, Int32(MNT_DETACH)) }

    func makeReadOnly(_ flag: Bool) throws {
        let flags = MS_REMOUNT | (flag ? MS_RDONLY : 0)
        try #require(mount("none", folder.path, "tmpfs", UInt(flags), nil) == 0)
    }
}

/// A full and a read-only disk concern the pass, not an item; what stood there stands there still.
@Suite(.enabled(if: mayMount, "only root may mount a small disk"))
struct DiskFaultTests {
    private func error(_ body: () throws -> Void) -> MirrorError? {
        do {
            try body()
            return nil
        } catch {
            return error as? MirrorError
        }
    }

    /// A mirrored folder with a file, and how it is hidden.
    private func hidden(_ bench: Bench, _ hide: (String) throws -> Void) throws -> (folder: Standing, file: Standing) {
        let folder = try bench.make("mounted")
        let file = try bench.place("mounted/f", "ours")
        try hide(bench.path + "/mounted")
        return (folder, file)
    }

    /// What another file system hides is neither written to nor taken to be gone; it is there when that is unmounted.
    private func expectUntouched(_ bench: Bench, _ folder: Standing, _ file: Standing) throws {
        let placement = try bench.placement("mounted/new", "x")
        let results = [
            try bench.perform(Mutation(.place(placement), content: .staged(try bench.staged(placement, "x")))),
            try bench.perform(.removeFile(file)), try bench.perform(.removeFolder(folder)),
            try bench.perform(.relocate(file, to: try Bench.path("elsewhere"))),
            try bench.perform(.clear(folder.key, [file, folder])),
        ]
        for result in results {
            #expect(result.failures.count == result.outcomes.count && result.failures.count == 1, "\(result)")
            #expect(result.failures.first?.contains("mounted") == true, "\(result)")
        }
        #expect(try bench.mirror.inspect(file) == .mount)
        #expect(try bench.mirror.inspect(folder) == .mount)
        #expect(error { _ = try bench.mirror.observe(file.path) }?.code == .otherFileSystem)
        #expect(
            error { _ = try bench.mirror.stageCopy(of: file, as: placement.version, for: placement.key) }?.code
                == .otherFileSystem)
        try #require(umount2(bench.path + "/mounted", 0) == 0)
        #expect(try bench.tree() == ["mounted": "/", "mounted/f": "ours"])
        #expect(try bench.mirror.inspect(file) == nil)
        #expect(try bench.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
    }

    @Test("what is mounted over a mirrored folder hides it; it is neither written to nor recorded as removed")
    func hiddenFolder() throws {
        let bench = try Bench()
        let (folder, file) = try hidden(bench) { try #require(mount("none", $0, "tmpfs", 0, "size=64k") == 0) }
        defer { umount2(bench.path + "/mounted", Int32(MNT_DETACH)) }
        try bench.write("another one's", "mounted/f")
        try expectUntouched(bench, folder, file)
    }

    @Test("the same for a folder of the same disk that is mounted there a second time") func boundFolder() throws {
        let bench = try Bench()
        let other = try bench.folder.folder("other")
        let (folder, file) = try hidden(bench) { try #require(mount(other, $0, nil, UInt(MS_BIND), nil) == 0) }
        defer { umount2(bench.path + "/mounted", Int32(MNT_DETACH)) }
        try expectUntouched(bench, folder, file)
        #expect(try FileManager.default.contentsOfDirectory(atPath: other) == [])
    }

    @Test("a file that is mounted over a mirrored one is neither replaced nor set aside") func boundFile() throws {
        let bench = try Bench()
        let file = try bench.place("f", "ours")
        try bench.folder.write("another one's", to: "other")
        try #require(mount(bench.folder("other"), bench.path + "/f", nil, UInt(MS_BIND), nil) == 0)
        defer { umount2(bench.path + "/f", Int32(MNT_DETACH)) }
        let placement = try bench.placement("f", "new", replacing: file)
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "new"))))
        #expect(result.failures.count == 1 && result.setAside == [])
        #expect(try bench.perform(.removeFile(file)).failures.count == 1)
        #expect(try bench.tree() == ["f": "another one's"])
        try #require(umount2(bench.path + "/f", 0) == 0)
        #expect(try bench.tree() == ["f": "ours"])
    }

    @Test("a disk without inodes is called that, and ends the pass") func noInodes() throws {
        let disk = try SmallDisk(bytes: 1 << 20, "nr_inodes=16")
        let bench = try Bench(path: disk.folder.path)
        var made = 0
        while FileManager.default.createFile(atPath: disk.folder("\(made)"), contents: nil) { made += 1 }
        for failure in [
            error { _ = try bench.mirror.stage(bench.version(of: "x".utf8), for: RemoteKey("/x")) },
            error { try bench.make("folder") },
        ] {
            #expect(failure?.code == .noInodes && failure?.isLackOfSpace == true)
            #expect(failure?.disposition == .pass)
            #expect(failure?.description.contains("out of inodes") == true)
        }
        try FileManager.default.removeItem(atPath: disk.folder("0"))
        try bench.make("folder")
    }

    @Test("another disk with the same mark and the same inode number is another mirror") func sameInode() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let bench = try Bench(path: disk.folder.path)
        try bench.mirror.check()
        let first = try bench.status("").st_ino
        try #require(mount("none", disk.folder.path, "tmpfs", 0, "size=64k") == 0)
        defer { umount2(disk.folder.path, Int32(MNT_DETACH)) }
        mkdir(disk.folder.path + "/.dbxsync", 0o700)
        try bench.write("bench\n", ".dbxsync/mirror-id")
        try #require(try bench.status("").st_ino == first)
        #expect(error { try bench.mirror.check() }?.code == .notOurMirror)
    }

    @Test("a full disk ends the pass, and what is there stays whole") func full() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let bench = try Bench(path: disk.folder.path)
        let old = try bench.place("f", "old")
        let content = String(repeating: "x", count: 2 << 20)
        let placement = try bench.placement("f", content, replacing: old)
        let failure = error { _ = try bench.staged(placement, content) }
        #expect(failure?.number == ENOSPC)
        #expect(failure?.disposition == .pass)
        #expect(try bench.tree() == ["f": "old"])
        // Removing needs no space.
        try bench.perform(.removeFile(old))
        #expect(try bench.tree() == [:])
    }

    @Test("space for a large file is asked for before it is fetched") func reserved() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let bench = try Bench(path: disk.folder.path)
        var version = bench.version(of: "x".utf8)
        version.size = 64 << 20
        let failure = error { _ = try bench.mirror.stage(version, for: RemoteKey("/large")) }
        #expect(failure?.number == ENOSPC)
        #expect(failure?.disposition == .pass)
    }

    @Test("a read-only disk ends the pass") func readOnly() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let bench = try Bench(path: disk.folder.path)
        let file = try bench.place("f", "old")
        try disk.makeReadOnly(true)
        defer { try? disk.makeReadOnly(false) }
        #expect(error { try bench.perform(.removeFile(file)) }?.number == EROFS)
        #expect(error { try bench.make("a") }?.disposition == .pass)
        #expect(
            error { _ = try bench.mirror.stage(bench.version(of: "x".utf8), for: RemoteKey("/x")) }?.number == EROFS)
        #expect(try bench.tree() == ["f": "old"])
    }

    @Test("free space is told in bytes") func freeSpace() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let bench = try Bench(path: disk.folder.path)
        let before = try bench.mirror.freeSpace()
        #expect(before > 0 && before <= 1 << 20)
        try bench.place("f", String(repeating: "x", count: 512 << 10))
        #expect(try bench.mirror.freeSpace() <= before - (512 << 10))
    }
}

/// One path without permission is one failure; permissions bind nobody who is root.
@Suite(.enabled(if: geteuid() != 0, "root may write everywhere"))
struct PermissionTests {
    @Test("a folder without write permission fails alone") func noPermission() throws {
        let bench = try Bench()
        try bench.make("locked")
        try #require(chmod(bench.path + "/locked", 0o500) == 0)
        defer { chmod(bench.path + "/locked", 0o700) }
        let batch = try ["locked/f", "open"].map { path in
            let placement = try bench.placement(path, "x")
            return Mutation(.place(placement), content: .staged(try bench.staged(placement, "x")))
        }
        #expect(try bench.mirror.perform(batch).map(\.failures.count) == [1, 0])
        #expect(try bench.tree() == ["locked": "/", "open": "x"])
    }
}
