import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

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
@Suite(.timeLimit(.minutes(15)), .needs(.mounting))
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
    private func hidden(_ fixture: MirrorFixture, _ hide: (String) throws -> Void) throws -> (
        folder: LocalEntry, file: LocalEntry
    ) {
        let folder = try fixture.make("mounted")
        let file = try fixture.place("mounted/f", "ours")
        try hide(fixture.path + "/mounted")
        return (folder, file)
    }

    /// What another file system hides is neither written to nor taken to be gone; it is there when that is unmounted.
    private func expectUnchanged(_ fixture: MirrorFixture, _ folder: LocalEntry, _ file: LocalEntry) throws {
        let placement = try fixture.placement("mounted/new", "x")
        let results = [
            try fixture.perform(
                PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x")))),
            try fixture.perform(.removeFile(file)), try fixture.perform(.removeFolder(folder)),
            try fixture.perform(.relocate(file, to: try MirrorFixture.path("elsewhere"))),
            try fixture.perform(.clear(folder.key, [file, folder])),
        ]
        for result in results {
            #expect(result.failures.count == result.outcomes.count && result.failures.count == 1, "\(result)")
            #expect(result.failures.first?.contains("mounted") == true, "\(result)")
        }
        #expect(try fixture.mirror.inspect(file) == .mount)
        #expect(try fixture.mirror.inspect(folder) == .mount)
        #expect(error { _ = try fixture.mirror.observe(file.path) }?.code == .otherFileSystem)
        #expect(
            error { _ = try fixture.mirror.stageCopy(of: file, as: placement.version, for: placement.key) }?.code
                == .otherFileSystem)
        try #require(umount2(fixture.path + "/mounted", 0) == 0)
        #expect(try fixture.tree() == ["mounted": "/", "mounted/f": "ours"])
        #expect(try fixture.mirror.inspect(file) == nil)
        #expect(try fixture.perform(.removeFile(file)).outcomes == [.have(file.key, nil)])
    }

    @Test("what is mounted over a mirrored folder hides it; it is neither written to nor recorded as removed")
    func hiddenFolder() throws {
        let fixture = try MirrorFixture()
        let (folder, file) = try hidden(fixture) { try #require(mount("none", $0, "tmpfs", 0, "size=64k") == 0) }
        defer { umount2(fixture.path + "/mounted", Int32(MNT_DETACH)) }
        try fixture.write("another one's", "mounted/f")
        try expectUnchanged(fixture, folder, file)
    }

    @Test("the same for a folder of the same disk that is mounted there a second time") func boundFolder() throws {
        let fixture = try MirrorFixture()
        let other = try fixture.folder.folder("other")
        let (folder, file) = try hidden(fixture) { try #require(mount(other, $0, nil, UInt(MS_BIND), nil) == 0) }
        defer { umount2(fixture.path + "/mounted", Int32(MNT_DETACH)) }
        try expectUnchanged(fixture, folder, file)
        #expect(try FileManager.default.contentsOfDirectory(atPath: other) == [])
    }

    @Test("a file that is mounted over a mirrored one is neither replaced nor set aside") func boundFile() throws {
        let fixture = try MirrorFixture()
        let file = try fixture.place("f", "ours")
        try fixture.folder.write("another one's", to: "other")
        try #require(mount(fixture.folder("other"), fixture.path + "/f", nil, UInt(MS_BIND), nil) == 0)
        defer { umount2(fixture.path + "/f", Int32(MNT_DETACH)) }
        let placement = try fixture.placement("f", "new", replacing: file)
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "new"))))
        #expect(result.failures.count == 1 && result.setAside == [])
        #expect(try fixture.perform(.removeFile(file)).failures.count == 1)
        #expect(try fixture.tree() == ["f": "another one's"])
        try #require(umount2(fixture.path + "/f", 0) == 0)
        #expect(try fixture.tree() == ["f": "ours"])
    }

    @Test("a disk without inodes is called that, and ends the pass") func noInodes() throws {
        let disk = try SmallDisk(bytes: 1 << 20, "nr_inodes=16")
        let fixture = try MirrorFixture(path: disk.folder.path)
        var made = 0
        while FileManager.default.createFile(atPath: disk.folder("\(made)"), contents: nil) { made += 1 }
        for failure in [
            error { _ = try fixture.mirror.stage(fixture.version(of: "x".utf8), for: RemoteKey("/x")) },
            error { try fixture.make("folder") },
        ] {
            #expect(failure?.code == .noInodes && failure?.isLackOfSpace == true)
            #expect(failure?.disposition == .abortPass)
            #expect(failure?.description.contains("out of inodes") == true)
        }
        try FileManager.default.removeItem(atPath: disk.folder("0"))
        try fixture.make("folder")
    }

    @Test("another disk with the same mark and the same inode number is another mirror") func sameInode() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let fixture = try MirrorFixture(path: disk.folder.path)
        try fixture.mirror.check()
        let first = try fixture.status("").st_ino
        try #require(mount("none", disk.folder.path, "tmpfs", 0, "size=64k") == 0)
        defer { umount2(disk.folder.path, Int32(MNT_DETACH)) }
        mkdir(disk.folder.path + "/.dbxsync", 0o700)
        try fixture.write("bench\n", ".dbxsync/mirror-id")
        try #require(try fixture.status("").st_ino == first)
        #expect(error { try fixture.mirror.check() }?.code == .notOurMirror)
    }

    @Test("a full disk ends the pass, and what is there stays whole") func full() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let fixture = try MirrorFixture(path: disk.folder.path)
        let old = try fixture.place("f", "old")
        let content = String(repeating: "x", count: 2 << 20)
        let placement = try fixture.placement("f", content, replacing: old)
        let failure = error { _ = try fixture.staged(placement, content) }
        #expect(failure?.number == ENOSPC)
        #expect(failure?.disposition == .abortPass)
        #expect(try fixture.tree() == ["f": "old"])
        // Removing needs no space.
        try fixture.perform(.removeFile(old))
        #expect(try fixture.tree() == [:])
    }

    @Test("space for a large file is asked for before it is fetched") func reserved() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let fixture = try MirrorFixture(path: disk.folder.path)
        var version = fixture.version(of: "x".utf8)
        version.size = 64 << 20
        let failure = error { _ = try fixture.mirror.stage(version, for: RemoteKey("/large")) }
        #expect(failure?.number == ENOSPC)
        #expect(failure?.disposition == .abortPass)
    }

    @Test("a read-only disk ends the pass") func readOnly() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let fixture = try MirrorFixture(path: disk.folder.path)
        let file = try fixture.place("f", "old")
        try disk.makeReadOnly(true)
        defer { try? disk.makeReadOnly(false) }
        #expect(error { try fixture.perform(.removeFile(file)) }?.number == EROFS)
        #expect(error { try fixture.make("a") }?.disposition == .abortPass)
        #expect(
            error { _ = try fixture.mirror.stage(fixture.version(of: "x".utf8), for: RemoteKey("/x")) }?.number == EROFS
        )
        #expect(try fixture.tree() == ["f": "old"])
    }

    @Test("free space is told in bytes") func freeSpace() throws {
        let disk = try SmallDisk(bytes: 1 << 20)
        let fixture = try MirrorFixture(path: disk.folder.path)
        let before = try fixture.mirror.freeSpace()
        #expect(before > 0 && before <= 1 << 20)
        try fixture.place("f", String(repeating: "x", count: 512 << 10))
        #expect(try fixture.mirror.freeSpace() <= before - (512 << 10))
    }
}

/// One path without permission is one failure.
@Suite(.timeLimit(.minutes(15)))
struct PermissionTests {
    /// In a process of its own, since whoever is root may write everywhere.
    @Test("a folder without write permission fails alone") func noPermission() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let fixture = try MirrorFixture()
            try fixture.make("locked")
            try #require(chmod(fixture.path + "/locked", 0o500) == 0)
            defer { chmod(fixture.path + "/locked", 0o700) }
            let batch = try ["locked/f", "open"].map { path in
                let placement = try fixture.placement(path, "x")
                return PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x")))
            }
            #expect(try fixture.mirror.perform(batch).map(\.failures.count) == [1, 0])
            #expect(try fixture.tree() == ["locked": "/", "open": "x"])
        }
    }
}
