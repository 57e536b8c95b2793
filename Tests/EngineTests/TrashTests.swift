import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// What Dropbox removed or replaced is kept, and can be told from what only moved.
@Suite(.timeLimit(.minutes(30)))
struct TrashTests {
    private func fixture() async throws -> EngineFixture {
        let fixture = try EngineFixture(inMemory: true)
        for number in 0..<6 { _ = try fixture.account.put("/d/\(number)", "text \(number)") }
        try await fixture.pass()
        return fixture
    }

    private func kept(_ fixture: EngineFixture) async throws -> [String] {
        #expect(try await fixture.trashDifferences() == [])
        return try await fixture.start().store.trash().map { row in
            let place = fixture.mirror + "/.dbxsync/" + row.item.place
            let text = FileManager.default.contents(atPath: place).map { String(decoding: $0, as: UTF8.self) }
            return "\(row.item.reason.rawValue) \(row.item.path): \(text ?? "nothing")"
        }.sorted()
    }

    @Test("what is removed or replaced is in the trash, with what it held; what moved or got a new revision is not")
    func keeps() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d/0")
        _ = try fixture.account.put("/d/1", "another text")
        _ = try fixture.account.move("/d/2", "/e/2")
        _ = try fixture.account.put("/d/3", "text 3")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await kept(fixture) == ["removed /d/0: text 0", "replaced /d/1: text 1"])
        _ = try fixture.account.delete("/d")
        try await fixture.pass()
        #expect(
            try await kept(fixture) == [
                "removed /d/0: text 0", "removed /d/1: another text", "removed /d/3: text 3", "removed /d/4: text 4",
                "removed /d/5: text 5", "replaced /d/1: text 1",
            ])
    }

    @Test("a folder that makes way for a file is kept, but what of it moved elsewhere is not") func makesWay()
        async throws
    {
        let fixture = try await fixture()
        _ = try fixture.account.move("/d/1", "/elsewhere")
        _ = try fixture.account.delete("/d")
        _ = try fixture.account.put("/d", "a file")
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(fixture.remote.downloads == 1)
        #expect(try await kept(fixture) == [0, 2, 3, 4, 5].map { "removed /d/\($0): text \($0)" })
    }

    @Test("what was changed locally and set aside is listed, too") func aside() async throws {
        let fixture = try await fixture()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/d/0"))
        _ = try fixture.account.put("/d/0", "theirs")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await kept(fixture) == ["aside /d/0: mine"])
    }

    @Test("strangers that are set aside are listed, whoever found them") func strangers() async throws {
        let fixture = try await fixture()
        fixture.settings.strangers = .aside
        try fixture.crash()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/d/stranger"))
        try await fixture.pass()
        #expect(try await kept(fixture) == ["aside /d/stranger: mine"])
        try Data("mine, too".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/d/another"))
        _ = try await fixture.repair()
        #expect(try await kept(fixture) == ["aside /d/another: mine, too", "aside /d/stranger: mine"])
        let rows = try await fixture.start().store.history(HistoryQuery())
        #expect(rows.filter { $0.change.kind == .setAside }.map(\.change.path) == ["/d/stranger", "/d/another"])
    }

    @Test("what local_changes = \"overwrite\" replaces or removes is kept as well") func overwrites() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.localChanges = .overwrite
        for number in 0..<2 { _ = try fixture.account.put("/\(number)", "text \(number)") }
        try await fixture.pass()
        for number in 0..<2 {
            try Data("mine \(number)".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/\(number)"))
        }
        _ = try fixture.account.put("/0", "theirs")
        _ = try fixture.account.delete("/1")
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await kept(fixture) == ["removed /1: mine 1", "replaced /0: mine 0"])
    }

    @Test("what made way and is to be used by a file that cannot be placed yet can be read") func used() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.localChanges = .keep
        _ = try fixture.account.put("/d/0", "text 0")
        try await fixture.pass()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: fixture.mirror + "/new"))
        _ = try fixture.account.delete("/d/0")
        _ = try fixture.account.put("/d/0/inside", "x")
        _ = try fixture.account.put("/new", "text 0")
        for _ in 0..<2 {
            try await fixture.pass()
            fixture.time.advance(by: 100_000)
        }
        #expect(try await fixture.trashDifferences() == [])
        let store = try await fixture.start().store
        let tree = try await MirrorTree.openReadOnly(at: fixture.mirror, expecting: store.progress().mirrorID)
        let row = try #require(try await store.trash(at: "/d/0").first)
        #expect(row.item.place.hasPrefix("spared/"), "it is not used any more")
        #expect(try MirrorTree.size(tree.openKept(row.item.place)) == 6)
    }

    @Test("the oldest goes when it is too old, or too much") func limits() async throws {
        let fixture = try await fixture()
        fixture.settings.trash.limit = .bytes(12)
        try fixture.crash()
        for number in 0..<3 {
            _ = try fixture.account.delete("/d/\(number)")
            try await fixture.pass()
            fixture.time.advance(by: 86_400)
        }
        #expect(try await kept(fixture) == ["removed /d/1: text 1", "removed /d/2: text 2"])
        fixture.time.advance(by: 28 * 86_400 + 60)
        try await fixture.pass()
        #expect(try await kept(fixture) == ["removed /d/2: text 2"])
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(try await kept(fixture) == [])
        #expect(!FileManager.default.fileExists(atPath: fixture.mirror + "/.dbxsync/trash/2023-11-14"))
    }

    @Test("free space goes before the trash") func freeSpace() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d/0")
        try await fixture.pass()
        #expect(try await kept(fixture).count == 1)
        fixture.settings.minFreeSpace = .max / 2
        try fixture.crash()
        try await fixture.pass()
        #expect(try await kept(fixture) == [])
    }

    @Test("nothing is kept where keep is \"0\", and what was kept stays") func off() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d/0")
        try await fixture.pass()
        fixture.settings.trash.keep = nil
        try fixture.crash()
        _ = try fixture.account.delete("/d/1")
        fixture.time.advance(by: 365 * 86_400)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await kept(fixture) == ["removed /d/0: text 0"])
    }

    @Test("what is found again is kept as long as what comes there now, however old its files are") func foundAnew()
        async throws
    {
        let fixture = try await fixture()
        let folder = fixture.mirror + "/.dbxsync/aside/2020-01-01/mine"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/doc"))
        try fixture.crash()
        fixture.time.advance(by: 90 * 86_400 + 2_000_000_000)
        try await fixture.pass()
        try await fixture.pass()
        #expect(try await kept(fixture) == ["found /mine/doc: old"])
    }

    @Test("what is kept is found again when the state was lost") func stateLost() async throws {
        let fixture = try await fixture()
        _ = try fixture.account.delete("/d/0")
        try await fixture.pass()
        try fixture.crash()
        for name in ["state.db", "state.db-wal", "state.db-shm"] { unlink(fixture.folder(name)) }
        try await fixture.pass()
        #expect(try await kept(fixture) == ["found /d/0: text 0"])
    }

    @Test("a crash at any point loses nothing: each version is in the mirror, or in the trash and told") func crashes()
        async throws
    {
        var point = 0
        while true {
            let fixture = try await fixture()
            fixture.settings.batch = 3
            for number in 0..<3 { _ = try fixture.account.delete("/d/\(number)") }
            for number in 3..<5 { _ = try fixture.account.put("/d/\(number)", "new \(number)") }
            _ = try fixture.account.delete("/d/5")
            _ = try fixture.account.put("/d/5/inside", "below")
            let wasReached = try await fixture.crashes(at: point)
            try await fixture.pass()
            #expect(try fixture.differences() == [], "crash at fault point \(point)")
            let expected =
                [0, 1, 2, 5].map { "removed /d/\($0): text \($0)" } + [3, 4].map { "replaced /d/\($0): text \($0)" }
            let found = try await kept(fixture)
            #expect(found == expected, "crash at fault point \(point)")
            if !wasReached { break }
            point += 1
        }
        #expect(point > 20)
    }
}
