import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Files and folders appear with the bytes, modes and times of their versions.
@Suite struct PublishTests {
    @Test("a file has the content, the time of its version and the configured mode, whatever the umask")
    func published() throws {
        let bench = try Bench()
        try bench.place("Letter.txt", "dear")
        #expect(try bench.tree() == ["Letter.txt": "dear"])
        let status = try bench.status("Letter.txt")
        #expect(status.st_mtim.tv_sec == 1_500_000_000)
        #expect(status.st_mtim.tv_nsec == 0)
        #expect(try bench.mode("Letter.txt") == "644")
    }

    @Test("folders have the configured mode, whatever the umask") func folderModes() throws {
        let bench = try Bench()
        try bench.make("a")
        #expect(try bench.mode("a") == "755")
        // The folders above a file are gone: they are made again, with the same mode.
        try bench.place("lost/deep/file", "x")
        #expect(try bench.mode("lost") == "755")
        #expect(try bench.mode("lost/deep") == "755")
        #expect(try bench.mode(".dbxsync") == "700")
        #expect(try bench.mode(".dbxsync/staging") == "700")
    }

    @Test("a folder that somebody has there already keeps its mode") func foreignFolderMode() throws {
        let bench = try Bench()
        mkdir(bench.path + "/theirs", 0o700)
        try bench.make("theirs")
        try bench.place("theirs/new/file", "x")
        #expect(try bench.mode("theirs") == "700")
    }

    @Test("a new version replaces the old one, and the fingerprint recognises it") func replaced() throws {
        let bench = try Bench()
        let old = try bench.place("f", "old")
        let new = try bench.place("f", "newer", replacing: old)
        #expect(try bench.tree() == ["f": "newer"])
        guard case .file(_, _, let print) = new.node else { throw Unexpected(outcomes: []) }
        #expect(try bench.mirror.observe(new.path) == .file(print))
        #expect(try bench.attic() == [:])
    }

    @Test("an empty file and times before 1970 are placed as they are") func oddVersions() throws {
        let bench = try Bench()
        try bench.place("empty", "")
        let placement = Placement(
            key: RemoteKey("/old"), path: try Bench.path("old"), version: bench.version(of: "x".utf8, modified: -5),
            replacing: nil, sources: [.download])
        try bench.perform(Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        #expect(try bench.tree() == ["empty": "", "old": "x"])
        #expect(try bench.status("old").st_mtim.tv_sec == -5)
    }

    @Test(
        "a time that no file system or no 64 bits of nanoseconds hold is no damage for ever",
        arguments: [-62_135_596_800, -9_300_000_000, 16_000_000_000, 253_402_300_799] as [Int64])
    func extremeTimes(seconds: Int64) throws {
        let bench = try Bench()
        let placement = Placement(
            key: RemoteKey("/f"), path: try Bench.path("f"), version: bench.version(of: "x".utf8, modified: seconds),
            replacing: nil, sources: [.download])
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        let standing = try bench.standing(result, at: placement.path)
        #expect(try bench.mirror.inspect(standing) == nil)
        let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        try #require(utimensat(AT_FDCWD, bench.path + "/f", times, 0) == 0)
        #expect(try bench.mirror.inspect(standing) == .time)
    }

    @Test(
        "hostile names stand as they are",
        arguments: [
            String(repeating: "n", count: 255), String(repeating: "日", count: 85), "line\nbreak", "back\\slash",
            "-rf", "right\u{202E}left", "e\u{301}", "é", "ς", "ı", "👩‍👩‍👧‍👦", ".dbxsync2", "\u{301}leading accent", "\r\n",
            "tab\t\u{7}", " ", "...",
        ])
    func hostileNames(name: String) throws {
        let bench = try Bench()
        let place = try MirrorPath.root.appending(FileName("folder")).appending(FileName(name))
        let key = RemoteKey("/folder/" + name)
        let version = bench.version(of: "x".utf8)
        let placement = Placement(key: key, path: place, version: version, replacing: nil, sources: [.download])
        try bench.perform(Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        let names = try bench.mirror.strangers(in: try Bench.path("folder")).map(\.name)
        #expect(names == [FileName(name)])
    }

    @Test("composed and decomposed names are two files") func normalForms() throws {
        let bench = try Bench()
        try bench.place("e\u{301}", "decomposed")
        try bench.place("\u{e9}", "composed")
        let names = Set(try bench.mirror.strangers(in: .root).map(\.name))
        #expect(names == [FileName("e\u{301}"), FileName("\u{e9}")])
    }

    @Test("a path of a hundred long names is made, filled and emptied again") func deepPath() throws {
        let bench = try Bench()
        let name = FileName(String(repeating: "d", count: 200))
        var path = MirrorPath.root
        var made: [Standing] = []
        for _ in 0..<100 {
            path = try path.appending(name)
            let key = RemoteKey("/" + path.text)
            made.append(try bench.standing(bench.perform(.makeFolder(key, at: path)), at: path))
        }
        let place = try path.appending(FileName("file"))
        let placement = Placement(
            key: RemoteKey("/" + place.text), path: place, version: bench.version(of: "x".utf8), replacing: nil,
            sources: [.download])
        let result = try bench.perform(
            Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        let file = try bench.standing(result, at: place)
        #expect(try bench.mirror.inspect(file) == nil)
        let outcomes = try bench.mirror.perform(
            ([Operation.removeFile(file)] + made.reversed().map { .removeFolder($0) }).map { Mutation($0) }
        ).flatMap(\.outcomes)
        #expect(outcomes.allSatisfy { if case .have(_, nil) = $0 { true } else { false } })
        #expect(try bench.tree() == [:])
    }

    @Test("a batch over more folders than a process may have files open holds few of them open") func descriptors()
        throws
    {
        let counter = OpenFiles()
        let bench = try Bench(faults: { _ in counter.count() })
        counter.watch(bench.path)
        var batch: [Mutation] = []
        for number in 0..<400 {
            let placement = try bench.placement("f\(number)/file", "x")
            batch.append(Mutation(.place(placement), content: .staged(try bench.staged(placement, "x"))))
        }
        #expect(try bench.mirror.perform(batch).flatMap(\.failures) == [])
        #expect(counter.most > 0)
        #expect(counter.most < 150)
    }

    @Test("what is hard-linked from outside is not changed through the link") func hardLinks() throws {
        let bench = try Bench()
        let outside = bench.folder("snapshot")
        let standing = try bench.place("f", "same")
        try #require(link(bench.path + "/f", outside) == 0)
        var later = bench.version(of: "same".utf8, modified: 1_600_000_000)
        later.rev = Rev("b1")
        let result = try bench.perform(.retag(standing, later))
        let now = try bench.standing(result, at: standing.path)
        #expect(try bench.mirror.inspect(now) == nil)
        #expect(try bench.status("f").st_mtim.tv_sec == 1_600_000_000)
        var status = stat()
        try #require(stat(outside, &status) == 0)
        #expect(status.st_mtim.tv_sec == 1_500_000_000)
        #expect(status.st_nlink == 1)
    }

    @Test("a hard-linked stranger with the wanted content is adopted, its other name left alone") func adoptLinked()
        throws
    {
        let bench = try Bench()
        let outside = bench.folder("original")
        try bench.folder.write("same", to: "original")
        try #require(chmod(outside, 0o600) == 0)
        try #require(link(outside, bench.path + "/f") == 0)
        let placement = try bench.placement("f", "same")
        let print = try #require(try bench.mirror.adoptable(placement.path, as: placement.version))
        let result = try bench.perform(Mutation(.place(placement), content: .adopted(print)))
        #expect(try bench.mirror.inspect(bench.standing(result, at: placement.path)) == nil)
        #expect(try bench.mode("f") == "644")
        var status = stat()
        try #require(stat(outside, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_mtim.tv_sec != 1_500_000_000)
    }
}

/// Counts the open descriptors that lead into one directory.
private final class OpenFiles: @unchecked Sendable {
    // `@unchecked`: used by the one thread that performs the batch.
    private var place = "\u{0}"
    private(set) var most = 0

    func watch(_ path: String) { place = path }

    func count() {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let targets = numbers.compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)
        }
        most = max(most, targets.count { $0.hasPrefix(place) })
    }
}
