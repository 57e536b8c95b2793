import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Nothing outside the mirror directory is read, written or removed.
@Suite(.timeLimit(.minutes(15)))
struct EscapeTests {
    /// A mirror with a folder that somebody has replaced by a link to a directory outside.
    private func linked(_ localChanges: LocalChanges = .aside) throws -> (
        MirrorFixture, outside: String, file: LocalEntry
    ) {
        let fixture = try MirrorFixture(localChanges)
        try fixture.make("a")
        let file = try fixture.place("a/file", "ours")
        _ = try fixture.folder.folder("outside")
        try fixture.folder.write("treasure", to: "outside/file")
        try FileManager.default.removeItem(atPath: fixture.path + "/a")
        try #require(symlink(fixture.folder("outside"), fixture.path + "/a") == 0)
        return (fixture, fixture.folder("outside"), file)
    }

    private func isUnchanged(_ outside: String) throws -> Bool {
        let names = try FileManager.default.contentsOfDirectory(atPath: outside)
        return names == ["file"]
            && FileManager.default.contents(atPath: outside + "/file") == Data("treasure".utf8)
    }

    @Test("a link in the path is not followed for writing", arguments: LocalChanges.allCases)
    func writing(localChanges: LocalChanges) throws {
        let (fixture, outside, file) = try linked(localChanges)
        let placement = try fixture.placement("a/file", "new", replacing: file)
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "new"))))
        #expect(result.failures.count == 1)
        #expect(
            try fixture.perform(.makeFolder(RemoteKey("/a/sub"), at: MirrorFixture.path("a/sub"))).failures.count == 1)
        #expect(try isUnchanged(outside))
    }

    @Test("a link in the path is not followed for removing", arguments: LocalChanges.allCases)
    func removing(localChanges: LocalChanges) throws {
        let (fixture, outside, file) = try linked(localChanges)
        try fixture.perform(.removeFile(file))
        try fixture.perform(.clear(file.key, [file]))
        try fixture.perform(
            .removeFolder(LocalEntry(key: file.key, path: file.path, node: .folder(name: FileName("file"), inode: 1))))
        #expect(try isUnchanged(outside))
    }

    @Test("a link in the path is not followed for reading") func reading() throws {
        let (fixture, outside, file) = try linked()
        let version = fixture.version(of: "treasure".utf8)
        #expect(try fixture.mirror.adoptable(file.path, as: version) == nil)
        #expect(try fixture.mirror.stageCopy(of: file, as: version, for: RemoteKey("/b")) == nil)
        #expect(try fixture.mirror.strangers(in: MirrorFixture.path("a")) == [])
        #expect(try fixture.mirror.inspect(file) == .missing)
        #expect(try isUnchanged(outside))
    }

    @Test("what stands behind a link is nothing: a crash before it can be settled") func observing() throws {
        let (fixture, _, file) = try linked()
        #expect(try fixture.mirror.observe(file.path) == .nothing)
        guard case .link = try fixture.mirror.observe(MirrorFixture.path("a")) else {
            Issue.record("a is no link any more")
            return
        }
    }

    @Test("a link under a file's own name is replaced or set aside, its target is left alone") func leafLink() throws {
        let fixture = try MirrorFixture()
        try fixture.folder.write("treasure", to: "outside")
        try #require(symlink(fixture.folder("outside"), fixture.path + "/f") == 0)
        try fixture.place("f", "ours")
        #expect(try fixture.tree() == ["f": "ours"])
        #expect(try fixture.attic() == ["f": "-> " + fixture.folder("outside")])
        #expect(FileManager.default.contents(atPath: fixture.folder("outside")) == Data("treasure".utf8))
    }

    @Test("a link where a folder is to be made is set aside") func folderLink() throws {
        let fixture = try MirrorFixture()
        _ = try fixture.folder.folder("outside")
        try #require(symlink(fixture.folder("outside"), fixture.path + "/a") == 0)
        try fixture.make("a")
        #expect(try fixture.tree() == ["a": "/"])
        #expect(try fixture.mode("a") == "755")
    }

    @Test("a folder replaced by a link during the batch is not followed") func duringBatch() throws {
        let swap = Swap()
        let fixture = try MirrorFixture(faults: { if $0 == .effect { swap.once() } })
        _ = try fixture.folder.folder("outside")
        let a = try fixture.make("a")
        let b = try fixture.make("b")
        let batch = try ["a/x", "b/x"].map { path in
            let placement = try fixture.placement(path, "x")
            return PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x")))
        }
        swap.prepare(fixture.path + "/b", with: fixture.folder("outside"))
        let results = try fixture.mirror.perform(batch)
        #expect(results[0].failures.isEmpty)
        #expect(results[1].failures.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder("outside")) == [])
        #expect(a.key != b.key)
    }

    @Test("no path can be made that leads out") func noSuchPath() {
        for text in ["..", "a/../..", "./a", "a/./b", "\0", ".dbxsync/staging"] {
            #expect(MirrorPath(text: text) == nil, "\(text)")
        }
    }

    @Test("pipes and sockets are neither opened nor hashed") func specialFiles() throws {
        let fixture = try MirrorFixture()
        try #require(mkfifo(fixture.path + "/pipe", 0o600) == 0)
        let placement = try fixture.placement("pipe", "x")
        #expect(try fixture.mirror.adoptable(placement.path, as: placement.version) == nil)
        #expect(try fixture.mirror.adoptable(placement.path, as: fixture.version(of: [])) == nil)
        try fixture.place("pipe", "x")
        #expect(try fixture.tree() == ["pipe": "x"])
    }
}

/// Replaces a folder by a link, once, when told to.
private final class Swap: @unchecked Sendable {
    // `@unchecked`: used by the one thread that performs the batch.
    private var plan: (path: String, target: String)?

    func prepare(_ path: String, with target: String) { plan = (path, target) }

    func once() {
        guard let (path, target) = plan else { return }
        plan = nil
        rmdir(path)
        symlink(target, path)
    }
}
