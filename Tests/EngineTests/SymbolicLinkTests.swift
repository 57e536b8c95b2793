import Engine
import Foundation
import Glibc
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Links of the account that lead to a place in the mirror stand there as what they are.
@Suite(.timeLimit(.minutes(30)))
struct SymbolicLinkTests {
    private func put(_ fixture: EngineFixture, _ path: String, to target: String) throws {
        var traits = FileTraits()
        traits.symlinkTarget = target
        try fixture.account.put(path, .text("link to \(target)"), clientModified: 1_600_000_000, traits: traits)
    }

    private func fixture(_ links: [String: String] = [:], isCreated: Bool = true) async throws -> EngineFixture {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.selection = Selection(symlinks: isCreated)
        for (path, target) in links { try put(fixture, path, to: target) }
        try await fixture.pass()
        return fixture
    }

    private func target(_ fixture: EngineFixture, _ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: fixture.mirror + path)
    }

    private func issues(_ fixture: EngineFixture) async throws -> [String] {
        try await fixture.start().store.pathIssues(limit: 100).map {
            "\($0.isAccepted ? "accepted" : $0.isParked ? "parked" : "failing") \($0.path)"
        }
    }

    /// What must hold after each step.
    private func check(_ fixture: EngineFixture, _ what: String = "") async throws {
        #expect(try fixture.differences() == [], "\(what)")
        #expect(try await fixture.start().store.brokenInvariants() == [], "\(what)")
        #expect(try await fixture.trashDifferences() == [], "\(what)")
    }

    private func kept(_ fixture: EngineFixture) async throws -> [String] {
        try await fixture.start().store.trash().map { row in
            let place = fixture.mirror + "/.dbxsync/" + row.item.place
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place)
            return "\(row.item.reason) \(row.item.path) -> \(target ?? "no link")"
        }
    }

    @Test("those that stay in the mirror are made, the others are told of, and both are in step") func kinds()
        async throws
    {
        let fixture = try await fixture([
            "/d/Up": "../file", "/d/e/Here": "./x", "/Dangling": "no/such", "/Loop": "Loop", "/abs": "/etc/passwd",
            "/out": "../x", "/d/tricky": "e/../../x", "/own": ".dbxsync/mirror-id", "/nul": "a\0b", "/empty": "",
            "/long": String(repeating: "x/", count: 3000), "/Umlaut": "e\u{301}",
        ])
        try await check(fixture)
        #expect(target(fixture, "/d/Up") == "../file")
        #expect(target(fixture, "/Umlaut").map { Array($0.utf8) } == [0x65, 0xCC, 0x81])
        #expect(
            try await issues(fixture)
                == ["/abs", "/d/tricky", "/empty", "/long", "/nul", "/out", "/own"].map { "accepted \($0)" })
        let why = try await fixture.start().store.pathIssues(limit: 1).first?.reason
        #expect(why?.hasSuffix("which is not made: its target is absolute, so it leads out of the mirror") == true)
        #expect(try await fixture.start().store.backlog().parked == 0)
        #expect(try await fixture.start().store.verifyChecksums() == 0)
        var status = stat()
        #expect(lstat(fixture.mirror + "/d/Up", &status) == 0 && status.st_mtim.tv_sec == 1_600_000_000)

        fixture.remote.resetCounts()
        #expect(try await fixture.pass().placed == 0)
        try await fixture.start().store.beginRelist()
        #expect(try await fixture.pass().placed == 0)
        try fixture.crash()
        #expect(try await fixture.pass().placed == 0)
        #expect(fixture.remote.downloads == 0)
        #expect(try await fixture.repair() == 0)
        try await check(fixture)
    }

    @Test("by default none is made; the setting counts from the next pass, and back again") func settings() async throws
    {
        let fixture = try await fixture(["/d/l": "../a", "/abs": "/a"], isCreated: false)
        try await check(fixture)
        #expect(try await issues(fixture) == ["accepted /abs", "accepted /d/l"])
        await fixture.select(Selection(symlinks: true))
        try await fixture.pass()
        try await check(fixture)
        #expect(target(fixture, "/d/l") == "../a")
        #expect(try await issues(fixture) == ["accepted /abs"])
        try fixture.crash()
        try await fixture.pass()
        try await check(fixture)
        await fixture.select(.everything)
        try await fixture.pass()
        try await check(fixture)
        #expect(target(fixture, "/d/l") == nil)
        #expect(try await issues(fixture) == ["accepted /abs", "accepted /d/l"])
        #expect(try await kept(fixture) == ["removed /d/l -> ../a"])
    }

    @Test("a link that changes, moves, goes, or becomes a file or folder, and the reverse") func changes() async throws
    {
        let fixture = try await fixture(["/a": "x", "/b": "x", "/c": "x", "/d/l": "../a", "/e": "x"])
        _ = try fixture.account.put("/f", "a file")
        _ = try fixture.account.put("/g/h", "in a folder")
        try await fixture.pass()
        try put(fixture, "/a", to: "y")
        _ = try fixture.account.delete("/b")
        _ = try fixture.account.put("/b", "a file now")
        _ = try fixture.account.delete("/c")
        _ = try fixture.account.put("/c/inside", "a folder now")
        _ = try fixture.account.move("/d", "/D2")
        _ = try fixture.account.delete("/e")
        _ = try fixture.account.delete("/f")
        try put(fixture, "/f", to: "g")
        _ = try fixture.account.delete("/g")
        try put(fixture, "/g", to: "f")
        try await fixture.pass()
        try await check(fixture)
        #expect(
            Set(try await kept(fixture)) == [
                "replaced /a -> x", "removed /b -> x", "removed /c -> x", "removed /d/l -> ../a", "removed /e -> x",
                "removed /f -> no link", "removed /g/h -> no link",
            ])
        try put(fixture, "/a", to: "/etc")
        try await fixture.pass()
        try await check(fixture, "what leads out goes")
        _ = try fixture.account.put("/a", "a file")
        try await fixture.pass()
        try await check(fixture)
    }

    @Test("a name that changes in case only is renamed") func relocated() async throws {
        let fixture = try await fixture(["/dir/Link": "x"])
        _ = try fixture.account.delete("/dir/Link")
        try put(fixture, "/dir/LINK", to: "x")
        try await fixture.start().store.beginRelist()
        try await fixture.pass()
        try await check(fixture)
        #expect(target(fixture, "/dir/LINK") == "x")
    }

    @Test("what others did to a link is put right as local_changes says", arguments: LocalChanges.allCases)
    func local(setting: LocalChanges) async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.selection = Selection(symlinks: true)
        fixture.localChanges = setting
        for name in ["gone", "file", "folder", "other", "same", "removed"] { try put(fixture, "/" + name, to: "x") }
        try await fixture.pass()
        try fixture.crash()
        let files = FileManager.default
        for name in ["gone", "file", "folder", "other", "same", "removed"] {
            try files.removeItem(atPath: "\(fixture.mirror)/\(name)")
        }
        try fixture.folder.write("mine", to: "mirror/file")
        try fixture.folder.write("mine", to: "mirror/folder/inside")
        try #require(symlink("/etc/passwd", fixture.mirror + "/other") == 0)
        try #require(symlink("x", fixture.mirror + "/same") == 0)
        try #require(symlink("mine", fixture.mirror + "/removed") == 0)
        try put(fixture, "/new", to: "x")
        try fixture.folder.write("mine", to: "mirror/new")
        _ = try fixture.account.delete("/removed")
        try await fixture.pass()
        try await fixture.pass()
        #expect(try await fixture.start().store.brokenInvariants() == [])
        #expect(try await fixture.trashDifferences() == [])
        #expect(target(fixture, "/gone") == "x")
        #expect(target(fixture, "/same") == "x")
        if setting == .keep {
            let failing = try await issues(fixture)
            #expect(failing == ["/file", "/folder", "/new", "/other", "/removed"].map { "failing \($0)" })
            #expect(target(fixture, "/other") == "/etc/passwd")
        } else {
            #expect(try fixture.differences() == [])
            let reasons = try await kept(fixture)
            #expect(reasons.count == 5, "\(reasons)")
            #expect(
                reasons.contains { $0.hasPrefix(setting == .aside ? "aside" : "replaced") && $0.contains("/other") })
        }
    }

    @Test("verify finds a link that leads elsewhere, and repairs it") func verify() async throws {
        let fixture = try await fixture(["/a": "x", "/b": "x", "/c": "x"])
        _ = try fixture.account.put("/x", "text")
        try await fixture.pass()
        unlink(fixture.mirror + "/a")
        unlink(fixture.mirror + "/b")
        unlink(fixture.mirror + "/c")
        try #require(symlink("/etc", fixture.mirror + "/a") == 0)
        try #require(link(fixture.mirror + "/x", fixture.mirror + "/b") == 0)
        #expect(try await fixture.repair() == 3)
        try await fixture.pass()
        try await check(fixture)
        #expect(try await fixture.repair() == 0)
    }

    @Test("the text of a target is never taken for content, and a link never followed") func content() async throws {
        let fixture = try await fixture(["/link": "text", "/into": "folder"])
        _ = try fixture.account.put("/text", "text")
        _ = try fixture.account.put("/folder/a", "a")
        fixture.remote.resetCounts()
        try await fixture.pass()
        #expect(fixture.remote.downloads == 2)
        _ = try fixture.account.put("/copy", "text")
        _ = try fixture.account.delete("/into")
        _ = try fixture.account.put("/into/a", "in a folder of its own")
        try await fixture.pass()
        try await check(fixture)
    }

    @Test("a listing under way forgets a link that is deleted meanwhile, though the setting changes") func relist()
        async throws
    {
        let fixture = try await fixture(["/a": "x", "/b": "x"], isCreated: false)
        let store = try await fixture.start().store
        try await store.beginRelist()
        _ = try fixture.account.delete("/b")
        await fixture.select(Selection(symlinks: true))
        try await fixture.pass()
        try await check(fixture)
        #expect(try await issues(fixture) == [])
    }

    @Test("many that go are no loss for the guard") func guarded() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.selection = Selection(symlinks: true)
        fixture.settings.brake = GuardSettings(removals: 3, sharePercent: nil)
        for number in 0..<10 { try put(fixture, "/l/\(number)", to: "x") }
        try await fixture.pass()
        await fixture.select(.everything)
        try await fixture.pass()
        try await check(fixture)
        #expect(try await fixture.start().store.backlog().held == 0)
    }

    @Test("whatever a crash interrupts, the next start brings it to its end") func crashes() async throws {
        var point = 0
        while true {
            let fixture = try await fixture(["/d/a": "../x", "/b": "x", "/c": "x", "/e": "x", "/f": "x"])
            _ = try fixture.account.put("/g", "a file")
            try await fixture.pass()
            try put(fixture, "/d/a", to: "../y")
            _ = try fixture.account.delete("/b")
            _ = try fixture.account.delete("/c")
            _ = try fixture.account.put("/c", "a file now")
            _ = try fixture.account.delete("/e")
            _ = try fixture.account.put("/e/inside", "a folder now")
            try put(fixture, "/g", to: "c")
            try put(fixture, "/new/l", to: "../f")
            let crashed = try await fixture.crashes(at: point)
            try await fixture.pass()
            try await fixture.pass()
            try await check(fixture, "crash at point \(point)")
            #expect(
                Set(try await kept(fixture)).isSuperset(of: ["replaced /d/a -> ../x", "removed /b -> x"]),
                "crash at point \(point)")
            if !crashed { return }
            point += 1
        }
    }
}
