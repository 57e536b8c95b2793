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

    init(bytes: Int) throws {
        folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=\(bytes)") == 0)
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

    @Test("content on another file system, from which ranges cannot be copied, is copied byte by byte") func otherDisk()
        throws
    {
        let bench = try Bench()
        let disk = try SmallDisk(bytes: 4 << 20)
        try bench.make("other")
        try #require(mount(disk.folder.path, bench.path + "/other", nil, UInt(MS_BIND), nil) == 0)
        defer { umount2(bench.path + "/other", Int32(MNT_DETACH)) }
        let content = String(repeating: "0123456789", count: 150_000)
        try bench.write(content, "other/donor")
        let placement = try bench.placement("copy", content)
        let node = LocalNode.file(
            name: FileName("donor"), placement.version, Fingerprint(inode: 0, size: 0, modifiedNanoseconds: 0))
        let donor = Standing(key: RemoteKey("/other/donor"), path: try Bench.path("other/donor"), node: node)
        let staged = try #require(try bench.mirror.stageCopy(of: donor, as: placement.version, for: placement.key))
        try bench.perform(Mutation(.place(placement), content: .staged(staged)))
        #expect(try bench.tree()["copy"] == content)
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

    @Test("a mount inside the mirror is written into, and is not removed with its folder") func nestedMount() throws {
        let bench = try Bench()
        let folder = try bench.make("mounted")
        try #require(mount("none", bench.path + "/mounted", "tmpfs", 0, "size=64k") == 0)
        defer { umount2(bench.path + "/mounted", Int32(MNT_DETACH)) }
        let placement = try bench.placement("mounted/f", "x")
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        #expect(result.failures.count == 1)
        #expect(result.failures.first?.contains("mount inside the mirror") == true)
        #expect(try bench.perform(.removeFolder(folder)).failures.count == 1)
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
