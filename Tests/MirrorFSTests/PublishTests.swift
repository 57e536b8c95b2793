import Foundation
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

/// Files and folders appear with the bytes, modes and times of their versions.
@Suite(.timeLimit(.minutes(15)))
struct PublishTests {
    @Test("a file has the content, the time of its version and the configured mode, whatever the umask")
    func published() throws {
        let fixture = try MirrorFixture()
        try fixture.place("Letter.txt", "dear")
        #expect(try fixture.tree() == ["Letter.txt": "dear"])
        let status = try fixture.status("Letter.txt")
        #expect(status.st_mtim.tv_sec == 1_500_000_000)
        #expect(status.st_mtim.tv_nsec == 0)
        #expect(try fixture.mode("Letter.txt") == "644")
    }

    @Test("folders have the configured mode, whatever the umask") func folderModes() throws {
        let fixture = try MirrorFixture()
        try fixture.make("a")
        #expect(try fixture.mode("a") == "755")
        // The folders above a file are gone: they are made again, with the same mode.
        try fixture.place("lost/deep/file", "x")
        #expect(try fixture.mode("lost") == "755")
        #expect(try fixture.mode("lost/deep") == "755")
        #expect(try fixture.mode(".dbxsync") == "700")
        #expect(try fixture.mode(".dbxsync/staging") == "700")
    }

    @Test("a folder that somebody has there already keeps its mode") func foreignFolderMode() throws {
        let fixture = try MirrorFixture()
        mkdir(fixture.path + "/theirs", 0o700)
        try fixture.make("theirs")
        try fixture.place("theirs/new/file", "x")
        #expect(try fixture.mode("theirs") == "700")
    }

    @Test("a new version replaces the old one, and the fingerprint recognises it") func replaced() throws {
        let fixture = try MirrorFixture()
        let old = try fixture.place("f", "old")
        let new = try fixture.place("f", "newer", replacing: old)
        #expect(try fixture.tree() == ["f": "newer"])
        guard case .file(_, _, let print) = new.node else { throw Unexpected(outcomes: []) }
        #expect(try fixture.mirror.observe(new.path) == .file(print))
        #expect(try fixture.attic() == [:])
    }

    @Test("an empty file and times before 1970 are placed as they are") func oddVersions() throws {
        let fixture = try MirrorFixture()
        try fixture.place("empty", "")
        let placement = Placement(
            key: RemoteKey("/old"), path: try MirrorFixture.path("old"),
            version: fixture.version(of: "x".utf8, modified: -5),
            replacing: nil, sources: [.download])
        try fixture.perform(PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        #expect(try fixture.tree() == ["empty": "", "old": "x"])
        #expect(try fixture.status("old").st_mtim.tv_sec == -5)
    }

    @Test(
        "a time that no file system or no 64 bits of nanoseconds hold is no damage for ever",
        arguments: [-62_135_596_800, -9_300_000_000, 16_000_000_000, 253_402_300_799] as [Int64])
    func extremeTimes(seconds: Int64) throws {
        let fixture = try MirrorFixture()
        let placement = Placement(
            key: RemoteKey("/f"), path: try MirrorFixture.path("f"),
            version: fixture.version(of: "x".utf8, modified: seconds),
            replacing: nil, sources: [.download])
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        let entry = try fixture.entry(result, at: placement.path)
        #expect(try fixture.mirror.inspect(entry) == nil)
        let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        try #require(utimensat(AT_FDCWD, fixture.path + "/f", times, 0) == 0)
        #expect(try fixture.mirror.inspect(entry) == .time)
    }

    @Test(
        "hostile names stand as they are",
        arguments: [
            String(repeating: "n", count: 255), String(repeating: "日", count: 85), "line\nbreak", "back\\slash",
            "-rf", "right\u{202E}left", "e\u{301}", "é", "ς", "ı", "👩‍👩‍👧‍👦", ".dbxsync2", "\u{301}leading accent", "\r\n",
            "tab\t\u{7}", " ", "...",
        ])
    func hostileNames(name: String) throws {
        let fixture = try MirrorFixture()
        let place = try MirrorPath.root.appending(FileName("folder")).appending(FileName(name))
        let key = RemoteKey("/folder/" + name)
        let version = fixture.version(of: "x".utf8)
        let placement = Placement(key: key, path: place, version: version, replacing: nil, sources: [.download])
        try fixture.perform(PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        let names = try fixture.mirror.strangers(in: try MirrorFixture.path("folder")).map(\.name)
        #expect(names == [FileName(name)])
    }

    @Test("composed and decomposed names are two files") func normalForms() throws {
        let fixture = try MirrorFixture()
        try fixture.place("e\u{301}", "decomposed")
        try fixture.place("\u{e9}", "composed")
        let names = Set(try fixture.mirror.strangers(in: .root).map(\.name))
        #expect(names == [FileName("e\u{301}"), FileName("\u{e9}")])
    }

    @Test("a path of a hundred long names is made, filled and emptied again") func deepPath() throws {
        let fixture = try MirrorFixture()
        let name = FileName(String(repeating: "d", count: 200))
        var path = MirrorPath.root
        var made: [LocalEntry] = []
        for _ in 0..<100 {
            path = try path.appending(name)
            let key = RemoteKey("/" + path.text)
            made.append(try fixture.entry(fixture.perform(.makeFolder(key, at: path)), at: path))
        }
        let place = try path.appending(FileName("file"))
        let placement = Placement(
            key: RemoteKey("/" + place.text), path: place, version: fixture.version(of: "x".utf8), replacing: nil,
            sources: [.download])
        let result = try fixture.perform(
            PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        let file = try fixture.entry(result, at: place)
        #expect(try fixture.mirror.inspect(file) == nil)
        let outcomes = try fixture.mirror.perform(
            ([PlannedOperation.removeFile(file)] + made.reversed().map { .removeFolder($0) }).map {
                PreparedOperation($0)
            }
        ).flatMap(\.outcomes)
        #expect(outcomes.allSatisfy { if case .have(_, nil) = $0 { true } else { false } })
        #expect(try fixture.tree() == [:])
    }

    @Test("a batch over more folders than a process may have files open holds few of them open") func descriptors()
        throws
    {
        let counter = OpenFiles()
        let fixture = try MirrorFixture(faults: { _ in counter.count() })
        counter.watch(fixture.path)
        var batch: [PreparedOperation] = []
        for number in 0..<400 {
            let placement = try fixture.placement("f\(number)/file", "x")
            batch.append(PreparedOperation(.place(placement), content: .staged(try fixture.staged(placement, "x"))))
        }
        #expect(try fixture.mirror.perform(batch).flatMap(\.failures) == [])
        #expect(counter.most > 0)
        #expect(counter.most < 150)
    }

    @Test("what is hard-linked from outside is not changed through the link") func hardLinks() throws {
        let fixture = try MirrorFixture()
        let outside = fixture.folder("snapshot")
        let entry = try fixture.place("f", "same")
        try #require(link(fixture.path + "/f", outside) == 0)
        var later = fixture.version(of: "same".utf8, modified: 1_600_000_000)
        later.rev = Rev("b1")
        let result = try fixture.perform(.updateMetadata(entry, later))
        let now = try fixture.entry(result, at: entry.path)
        #expect(try fixture.mirror.inspect(now) == nil)
        #expect(try fixture.status("f").st_mtim.tv_sec == 1_600_000_000)
        var status = stat()
        try #require(stat(outside, &status) == 0)
        #expect(status.st_mtim.tv_sec == 1_500_000_000)
        #expect(status.st_nlink == 1)
    }

    @Test("a hard-linked stranger with the wanted content is adopted, its other name left alone") func adoptLinked()
        throws
    {
        let fixture = try MirrorFixture()
        let outside = fixture.folder("original")
        try fixture.folder.write("same", to: "original")
        try #require(chmod(outside, 0o600) == 0)
        try #require(link(outside, fixture.path + "/f") == 0)
        let placement = try fixture.placement("f", "same")
        let print = try #require(try fixture.mirror.adoptable(placement.path, as: placement.version))
        let result = try fixture.perform(PreparedOperation(.place(placement), content: .adopted(print)))
        #expect(try fixture.mirror.inspect(fixture.entry(result, at: placement.path)) == nil)
        #expect(try fixture.mode("f") == "644")
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
