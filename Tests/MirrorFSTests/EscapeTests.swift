import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Nothing outside the mirror directory is read, written or removed.
@Suite struct EscapeTests {
    /// A mirror with a folder that somebody has replaced by a link to a directory outside.
    private func linked(_ localChanges: LocalChanges = .aside) throws -> (Bench, outside: String, file: Standing) {
        let bench = try Bench(localChanges)
        try bench.make("a")
        let file = try bench.place("a/file", "ours")
        _ = try bench.folder.folder("outside")
        try bench.folder.write("treasure", to: "outside/file")
        try FileManager.default.removeItem(atPath: bench.path + "/a")
        try #require(symlink(bench.folder("outside"), bench.path + "/a") == 0)
        return (bench, bench.folder("outside"), file)
    }

    private func isUntouched(_ outside: String) throws -> Bool {
        let names = try FileManager.default.contentsOfDirectory(atPath: outside)
        return names == ["file"]
            && FileManager.default.contents(atPath: outside + "/file") == Data("treasure".utf8)
    }

    @Test("a link in the path is not followed for writing", arguments: LocalChanges.allCases)
    func writing(localChanges: LocalChanges) throws {
        let (bench, outside, file) = try linked(localChanges)
        let placement = try bench.placement("a/file", "new", replacing: file)
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "new"))))
        #expect(result.failures.count == 1)
        #expect(try bench.perform(.makeFolder(RemoteKey("/a/sub"), at: Bench.path("a/sub"))).failures.count == 1)
        #expect(try isUntouched(outside))
    }

    @Test("a link in the path is not followed for removing", arguments: LocalChanges.allCases)
    func removing(localChanges: LocalChanges) throws {
        let (bench, outside, file) = try linked(localChanges)
        try bench.perform(.removeFile(file))
        try bench.perform(.clear(file.key, [file]))
        try bench.perform(
            .removeFolder(Standing(key: file.key, path: file.path, node: .folder(name: FileName("file"), inode: 1))))
        #expect(try isUntouched(outside))
    }

    @Test("a link in the path is not followed for reading") func reading() throws {
        let (bench, outside, file) = try linked()
        let version = bench.version(of: "treasure".utf8)
        #expect(try bench.mirror.adoptable(file.path, as: version) == nil)
        #expect(try bench.mirror.stageCopy(of: file, as: version, for: RemoteKey("/b")) == nil)
        #expect(try bench.mirror.strangers(in: Bench.path("a")) == [])
        #expect(try bench.mirror.inspect(file) == .missing)
        #expect(try isUntouched(outside))
    }

    @Test("what stands behind a link is nothing: a crash before it can be settled") func observing() throws {
        let (bench, _, file) = try linked()
        #expect(try bench.mirror.observe(file.path) == .nothing)
        #expect(try bench.mirror.observe(Bench.path("a")) == .other)
    }

    @Test("a link under a file's own name is replaced or set aside, its target is left alone") func leafLink() throws {
        let bench = try Bench()
        try bench.folder.write("treasure", to: "outside")
        try #require(symlink(bench.folder("outside"), bench.path + "/f") == 0)
        try bench.place("f", "ours")
        #expect(try bench.tree() == ["f": "ours"])
        #expect(try bench.attic() == ["f": "-> " + bench.folder("outside")])
        #expect(FileManager.default.contents(atPath: bench.folder("outside")) == Data("treasure".utf8))
    }

    @Test("a link where a folder is to be made is set aside") func folderLink() throws {
        let bench = try Bench()
        _ = try bench.folder.folder("outside")
        try #require(symlink(bench.folder("outside"), bench.path + "/a") == 0)
        try bench.make("a")
        #expect(try bench.tree() == ["a": "/"])
        #expect(try bench.mode("a") == "755")
    }

    @Test("a folder replaced by a link during the batch is not followed") func duringBatch() throws {
        let swap = Swap()
        let bench = try Bench(faults: { if $0 == .effect { swap.once() } })
        _ = try bench.folder.folder("outside")
        let a = try bench.make("a")
        let b = try bench.make("b")
        let batch = try ["a/x", "b/x"].map { path in
            let placement = try bench.placement(path, "x")
            return Mutation(.place(placement), content: .staged(try bench.staged(placement, "x")))
        }
        swap.prepare(bench.path + "/b", with: bench.folder("outside"))
        let results = try bench.mirror.perform(batch)
        #expect(results[0].failures.isEmpty)
        #expect(results[1].failures.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder("outside")) == [])
        #expect(a.key != b.key)
    }

    @Test("no path can be made that leads out") func noSuchPath() {
        for text in ["..", "a/../..", "./a", "a/./b", "\0", ".dbxsync/staging"] {
            #expect(MirrorPath(text: text) == nil, "\(text)")
        }
    }

    @Test("pipes and sockets are neither opened nor hashed") func specialFiles() throws {
        let bench = try Bench()
        try #require(mkfifo(bench.path + "/pipe", 0o600) == 0)
        let placement = try bench.placement("pipe", "x")
        #expect(try bench.mirror.adoptable(placement.path, as: placement.version) == nil)
        #expect(try bench.mirror.adoptable(placement.path, as: bench.version(of: [])) == nil)
        try bench.place("pipe", "x")
        #expect(try bench.tree() == ["pipe": "x"])
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
