import Engine
import Foundation
import Glibc
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// What others do in the mirror is found by a comparison by stat, and put right by the pass.
@Suite(.timeLimit(.minutes(30)))
struct SweepTests {
    /// A mirror in step whose next pass belongs to a new process, which looks at the disk first.
    private static func settled(_ paths: [String], localChanges: LocalChanges = .aside) async throws -> EngineFixture {
        let fixture = try EngineFixture()
        fixture.localChanges = localChanges
        for path in paths { _ = try fixture.account.put(path, "content of \(path)") }
        try await fixture.pass()
        try fixture.crash()
        fixture.remote.resetCounts()
        return fixture
    }

    private static func touch(_ path: String, to seconds: Int) {
        var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 5)]
        #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
    }

    @Test("removed, edited, touched, replaced and hidden entries are found and put right") func everything()
        async throws
    {
        let fixture = try await Self.settled([
            "/gone", "/edited", "/touched", "/replaced", "/link", "/d/e/one", "/d/two", "/k",
        ])
        let mirror = fixture.mirror
        try FileManager.default.removeItem(atPath: mirror + "/gone")
        try fixture.folder.write("edited", to: "mirror/edited")
        Self.touch(mirror + "/touched", to: 77)
        try FileManager.default.copyItem(atPath: mirror + "/replaced", toPath: mirror + "/copy")
        #expect(rename(mirror + "/copy", mirror + "/replaced") == 0)
        try FileManager.default.removeItem(atPath: mirror + "/link")
        try FileManager.default.createSymbolicLink(atPath: mirror + "/link", withDestinationPath: "touched")
        try FileManager.default.removeItem(atPath: mirror + "/d")
        try FileManager.default.removeItem(atPath: mirror + "/k")
        try fixture.folder.write("in a folder", to: "mirror/k/file")
        let report = try await fixture.pass()
        #expect(report.drifted == 7)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
        // What only looks different is not fetched again.
        #expect(report.downloaded == 6)
        #expect(report.adopted == 2)
        let attic = try FileManager.default.subpathsOfDirectory(atPath: mirror + "/.dbxsync/aside")
        #expect(
            Set(attic.compactMap { $0.split(separator: "/").last }.map(String.init)).isSuperset(of: [
                "edited", "link", "k",
            ]))
    }

    @Test("an untouched mirror causes no work") func downloadOnly() async throws {
        let fixture = try await Self.settled(["/a", "/b/c", "/b/d/e"])
        let report = try await fixture.pass()
        #expect(report.isEmpty)
        #expect(fixture.remote.downloads == 0)
        #expect(try await fixture.start().store.sweptAt() == fixture.time.now)
    }

    @Test("a touched file that the account removes before it was looked at again goes") func touchedThenRemoved()
        async throws
    {
        let fixture = try await Self.settled(["/kept", "/touched", "/edited"])
        Self.touch(fixture.mirror + "/touched", to: 77)
        try fixture.folder.write("edited", to: "mirror/edited")
        fixture.remote.onPage { _ in throw SandboxError(disposition: .retry(after: nil)) }
        await #expect(throws: SandboxError.self) { try await fixture.pass() }
        fixture.remote.onPage(nil)
        _ = try fixture.account.delete("/touched")
        _ = try fixture.account.delete("/edited")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: fixture.mirror + "/.dbxsync/aside").contains {
                $0.hasSuffix("edited")
            })
    }

    @Test("keep: an edited file stays and is told, and looking again does not disturb its next try") func kept()
        async throws
    {
        let fixture = try await Self.settled(["/edited"], localChanges: .keep)
        try fixture.folder.write("edited", to: "mirror/edited")
        try await fixture.pass()
        #expect(FileManager.default.contents(atPath: fixture.mirror + "/edited") == Data("edited".utf8))
        let before = try await fixture.start().store.pathIssues(limit: 5)
        #expect(before.map(\.path) == ["/edited"])
        try fixture.crash()
        fixture.remote.resetCounts()
        let report = try await fixture.pass()
        #expect(report.drifted == 0)
        #expect(fixture.remote.downloads == 0)
        #expect(try await fixture.start().store.pathIssues(limit: 5) == before)
    }

    @Test("strangers are counted and named, also in a mirror that was adopted without its state") func strangers()
        async throws
    {
        let fixture = try await Self.settled(["/a", "/b/c"])
        try fixture.folder.write("mine", to: "mirror/mine")
        try fixture.folder.write("mine, too", to: "mirror/b/deep/mine")
        try await fixture.pass()
        var found = try await fixture.start().store.findings(limit: 10)
        #expect(found.strangers == 2)
        #expect(Set(found.strangerPaths) == ["/mine", "/b/deep"])
        #expect(try await fixture.start().store.progress().inStepAsOf == fixture.time.now)
        try fixture.crash()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder("state.db" + suffix)) }
        try await fixture.pass()
        try fixture.crash()
        try await fixture.pass()
        found = try await fixture.start().store.findings(limit: 10)
        #expect(Set(found.strangerPaths) == ["/mine", "/b/deep"])
        try FileManager.default.removeItem(atPath: fixture.mirror + "/b/deep")
        try fixture.crash()
        try await fixture.pass()
        #expect(try await fixture.start().store.findings(limit: 10).strangerPaths == ["/mine"])
    }

    @Test("strangers = aside: they are moved out of the way, and nothing of the account is") func strangersAside()
        async throws
    {
        let fixture = try await Self.settled(["/a", "/b/c"], localChanges: .keep)
        fixture.settings.strangers = .aside
        try fixture.folder.write("mine", to: "mirror/mine")
        try fixture.folder.write("mine", to: "mirror/b/deep/mine")
        _ = try fixture.account.put("/later", "x")
        let report = try await fixture.pass()
        #expect(report.setAside == 2)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.start().store.findings(limit: 10).strangers == 0)
    }

    @Test("what the selection leaves alone, and an outbox in the mirror, are nobody's business") func leftAlone()
        async throws
    {
        let fixture = try await Self.settled(["/out/mine", "/box/sent", "/a"])
        fixture.settings.selection = try Selection(including: [], excluding: ["/out"])
        fixture.settings.outbox = MirrorPath(text: "box")
        fixture.settings.strangers = .aside
        try fixture.folder.write("edited", to: "mirror/out/mine")
        try fixture.folder.write("new", to: "mirror/out/new")
        try fixture.folder.write("edited", to: "mirror/box/sent")
        try fixture.folder.write("new", to: "mirror/box/new")
        let report = try await fixture.pass()
        #expect(report.drifted == 0 && report.setAside == 0)
        #expect(FileManager.default.contents(atPath: fixture.mirror + "/box/sent") == Data("edited".utf8))
        #expect(try await fixture.start().store.findings(limit: 10).strangers == 0)
    }

    @Test("a comparison is due at a start and when its time has come, and not in between") func due() async throws {
        let fixture = try await Self.settled(["/a"])
        fixture.settings.sweep = .seconds(3600)
        let first = fixture.time.now
        try await fixture.pass()
        let store = try await fixture.start().store
        #expect(try await store.sweptAt() == first)
        fixture.time.advance(by: 1800)
        try FileManager.default.removeItem(atPath: fixture.mirror + "/a")
        #expect(try await fixture.pass().drifted == 0)
        fixture.time.advance(by: 1800)
        #expect(try await fixture.pass().drifted == 1)
        #expect(try await store.sweptAt() == fixture.time.now)
        #expect(try fixture.differences() == [])
    }

    @Test("large folders are compared page by page") func large() async throws {
        let fixture = try EngineFixture(inMemory: true)
        for number in 0..<5000 { _ = try fixture.account.put("/big/\(number)", "\(number)") }
        for number in 0..<50 { _ = try fixture.account.put("/big/sub-\(number)/file", "\(number)") }
        try await fixture.pass()
        try fixture.crash()
        for number in stride(from: 0, to: 5000, by: 100) {
            try FileManager.default.removeItem(atPath: fixture.mirror + "/big/\(number)")
        }
        try fixture.folder.write("mine", to: "mirror/big/mine")
        #expect(try await fixture.pass().drifted == 50)
        #expect(try await fixture.start().store.findings(limit: 10).strangerPaths == ["/big/mine"])
        try FileManager.default.removeItem(atPath: fixture.mirror + "/big/mine")
        #expect(try fixture.differences() == [])
    }
}
