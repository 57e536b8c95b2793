import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Files of an outbox that lies in the mirror: they stand there already when the account gets them.
@Suite(.timeLimit(.minutes(5)))
struct AdoptUploadTests {
    private func inode(_ path: String) throws -> UInt64 {
        var status = stat()
        try #require(lstat(path, &status) == 0)
        return UInt64(status.st_ino)
    }

    private func names(_ fixture: MirrorFixture, _ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixture.path + "/" + folder).sorted()
    }

    private func text(_ fixture: MirrorFixture, _ path: String) throws -> String {
        try String(contentsOfFile: fixture.path + "/" + path, encoding: .utf8)
    }

    private func adopt(_ fixture: MirrorFixture, _ path: String, as name: String) -> [FolderIdentity]? {
        var status = stat()
        let isThere = lstat(fixture.path + "/" + path, &status) == 0
        return fixture.mirror.adoptUpload(OutboxPath(path), inode: isThere ? UInt64(status.st_ino) : 0, as: name)
    }

    @Test("a file that came in its place while it went up keeps its name, and is not taken for it")
    func replaced() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("ours", to: "mirror/out/a.txt")
        let ours = try inode(fixture.path + "/out/a.txt")
        try fixture.folder.write("theirs", to: "mirror/out/new")
        try #require(rename(fixture.path + "/out/new", fixture.path + "/out/a.txt") == 0)
        #expect(fixture.mirror.adoptUpload(OutboxPath("out/a.txt"), inode: ours, as: "a (1).txt") == nil)
        #expect(try names(fixture, "out") == ["a.txt"])
        #expect(try text(fixture, "out/a.txt") == "theirs")
    }

    @Test("a file keeps its name where the account has it under the same, and its folders are told")
    func same() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("text", to: "mirror/out/sub/a.txt")
        let folders = try #require(adopt(fixture, "out/sub/a.txt", as: "a.txt"))
        #expect(folders.map(\.name) == ["out", "sub"])
        #expect(
            try folders.map(\.inode) == [inode(fixture.path + "/out"), inode(fixture.path + "/out/sub")])
        #expect(try text(fixture, "out/sub/a.txt") == "text")
    }

    @Test("a file gets the name that Dropbox has given it, and stays the same file")
    func renamed() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("text", to: "mirror/out/a.txt")
        let before = try inode(fixture.path + "/out/a.txt")
        #expect(adopt(fixture, "out/a.txt", as: "a (1).txt") != nil)
        #expect(try names(fixture, "out") == ["a (1).txt"])
        #expect(try inode(fixture.path + "/out/a (1).txt") == before)
    }

    @Test("a name that is taken stays with who has it")
    func taken() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("ours", to: "mirror/out/a.txt")
        try fixture.folder.write("theirs", to: "mirror/out/b.txt")
        #expect(adopt(fixture, "out/a.txt", as: "b.txt") != nil)
        #expect(try text(fixture, "out/a.txt") == "ours")
        #expect(try text(fixture, "out/b.txt") == "theirs")
    }

    @Test("a file that is gone is no error: its folders are still those that it was in")
    func gone() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("", to: "mirror/out/other")
        #expect(adopt(fixture, "out/a.txt", as: "b.txt")?.map(\.name) == ["out"])
        #expect(try names(fixture, "out") == ["other"])
    }

    @Test("no folder, a link in its place, and a mirror that is away are told")
    func noFolder() throws {
        let fixture = try MirrorFixture()
        #expect(adopt(fixture, "out/a.txt", as: "b.txt") == nil)
        try fixture.folder.write("outside", to: "elsewhere/a.txt")
        try #require(symlink(fixture.folder("elsewhere"), fixture.path + "/out") == 0)
        #expect(adopt(fixture, "out/a.txt", as: "b.txt") == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder("elsewhere")) == ["a.txt"])
        fixture.mirror.releaseDescriptors()
        #expect(adopt(fixture, "a.txt", as: "b.txt") == nil)
    }
}
