import Engine
import Foundation
import Glibc
import Logging
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// The bytes of the mirror's files are read again; what has changed by itself is found, kept and put right.
@Suite(.timeLimit(.minutes(30)))
struct ScrubTests {
    /// A mirror in step, all of whose proofs are a day old; what is overdue is read within a second.
    private static func fixture(
        _ paths: [String], localChanges: LocalChanges = .aside, scrub: Duration? = .seconds(30)
    ) async throws -> (EngineFixture, Story) {
        let fixture = try EngineFixture()
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        fixture.localChanges = localChanges
        fixture.settings.longpoll = false
        fixture.settings.sweep = nil
        fixture.settings.scrub = scrub
        for path in paths { _ = try fixture.account.put(path, "content of \(path)") }
        try await fixture.pass()
        try fixture.crash()
        fixture.remote.resetCounts()
        fixture.time.advance(by: 86_400)
        return (fixture, story)
    }

    /// Runs the engine of `fixture` beside `body`.
    private static func running(_ fixture: EngineFixture, _ body: () async throws -> Void) async throws {
        let engine = try await fixture.start().engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await body()
            group.cancelAll()
        }
    }

    /// Changes a byte as a disk does: nothing else shows it.
    private static func flip(_ path: String) throws {
        var before = stat()
        try #require(stat(path, &before) == 0)
        let file = open(path, O_RDWR)
        try #require(file >= 0)
        defer { close(file) }
        var byte: UInt8 = 0
        try #require(pread(file, &byte, 1, 3) == 1)
        byte ^= 0x10
        try #require(pwrite(file, &byte, 1, 3) == 1)
        var times = [before.st_atim, before.st_mtim]
        try #require(futimens(file, &times) == 0)
    }

    /// Waits until a condition holds; entries that come and go while they are looked at are looked at again.
    private static func eventually(
        fileID: String = #fileID, line: Int = #line, _ condition: () async throws -> Bool
    ) async throws {
        try await TestSupport.eventually("what is to hold", within: .seconds(240), fileID: fileID, line: line) {
            (try? await condition()) == true
        }
    }

    private static func allProven(_ fixture: EngineFixture) async throws -> Bool {
        let proofs = try await fixture.start().store.proofs(now: fixture.time.now)
        return proofs.unknown == 0 && proofs.oldest == fixture.time.now
    }

    @Test(
        "a flipped byte is found, told, kept aside and fetched again, whatever is done with local changes",
        arguments: LocalChanges.allCases) func damaged(localChanges: LocalChanges) async throws
    {
        let (fixture, story) = try await Self.fixture(
            ["/Good", "/Deep/In/Bad", "/Deep/Fine"], localChanges: localChanges)
        try Self.flip(fixture.mirror + "/Deep/In/Bad")
        let bad = try #require(FileManager.default.contents(atPath: fixture.mirror + "/Deep/In/Bad"))
        try await Self.running(fixture) {
            try await Self.eventually { try await Self.allProven(fixture) && fixture.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/Deep/In/Bad"])
        #expect(story.pathsByEvent["drift"] == nil && story.pathsByEvent["set_aside"] == nil)
        #expect(story.lines.contains { $0.contains("/Deep/In/Bad: its bytes") && $0.contains(".dbxsync/aside/") })
        #expect(fixture.remote.downloads == 1)
        let attic = fixture.mirror + "/.dbxsync/aside"
        let kept = try FileManager.default.subpathsOfDirectory(atPath: attic).filter { $0.hasSuffix("/Deep/In/Bad") }
        #expect(kept.count == 1)
        #expect(FileManager.default.contents(atPath: attic + "/" + (kept.first ?? "")) == bad)
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try await fixture.start().store.verifyChecksums() == 0)
    }

    @Test("a file of several pieces is read to its end, and only its damage is damage") func large() async throws {
        let (fixture, story) = try await Self.fixture([])
        var bytes = [UInt8](repeating: 7, count: 9 << 20)
        bytes[0] = 1
        _ = try fixture.account.put("/large", .bytes(bytes))
        bytes[0] = 2
        _ = try fixture.account.put("/larger", .bytes(bytes))
        try await fixture.pass()
        fixture.time.advance(by: 86_400)
        let file = open(fixture.mirror + "/larger", O_RDWR)
        var before = stat()
        try #require(fstat(file, &before) == 0 && pwrite(file, "x", 1, (9 << 20) - 1) == 1)
        var times = [before.st_atim, before.st_mtim]
        try #require(futimens(file, &times) == 0)
        close(file)
        try await Self.running(fixture) {
            try await Self.eventually { try await Self.allProven(fixture) && fixture.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/larger"])
    }

    @Test("what was read stays read after a restart, and the pace is kept") func place() async throws {
        // What is overdue takes 200 seconds.
        let (fixture, story) = try await Self.fixture((0..<20).map { "/\($0)" }, scrub: .seconds(6000))
        var read: Set<RemoteKey> = []
        for _ in 0..<4 {
            fixture.time.advance(by: 10)
            try await Self.running(fixture) { try await Self.eventually { try await Self.proven(fixture) == 1 } }
            try fixture.crash()
            let now = try await Self.provenKeys(fixture)
            #expect(read.isDisjoint(with: now), "it was read twice")
            read.formUnion(now)
        }
        #expect(read.count < 20)
        #expect(story.pathsByEvent["damaged"] == nil)
    }

    /// The files that were proven at this moment.
    private static func provenKeys(_ fixture: EngineFixture) async throws -> Set<RemoteKey> {
        let outlook = try await fixture.start().store.scrubOutlook(
            after: nil, limit: 1000, grain: 1, sparing: nil, now: fixture.time.now)
        return Set(outlook.next.filter { $0.provenAt == fixture.time.now }.map(\.key))
    }

    private static func proven(_ fixture: EngineFixture) async throws -> Int { try await provenKeys(fixture).count }

    @Test("nothing is read when it is off, and all of it once it is on by a reload") func off() async throws {
        let (fixture, story) = try await Self.fixture(["/a"], scrub: nil)
        try Self.flip(fixture.mirror + "/a")
        try await Self.running(fixture) {
            try await Self.eventually { fixture.board.now.phase == .idle && fixture.board.now.watch != nil }
            try await Task.sleep(for: .seconds(2))
            #expect(try await Self.proven(fixture) == 0)
            #expect(story.pathsByEvent["damaged"] == nil)
            fixture.settings.scrub = .seconds(30)
            await fixture.select(.everything)
            try await Self.eventually { try await Self.allProven(fixture) && fixture.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/a"])
    }

    @Test("a file that somebody has changed is drift, and is not taken for damage") func drift() async throws {
        let (fixture, story) = try await Self.fixture(["/a", "/b"])
        fixture.settings.watch = false
        try await Self.running(fixture) {
            try await Self.eventually { try await Self.allProven(fixture) }
            try fixture.folder.write("edited", to: "mirror/a")
            fixture.time.advance(by: 86_400)
            try await Self.eventually { try await Self.allProven(fixture) && fixture.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == nil)
        #expect(story.pathsByEvent["drift"] == ["/a"])
    }

    @Test("an outbox in the mirror and what the selection leaves out are not read") func leftAlone() async throws {
        let (fixture, story) = try await Self.fixture(["/box/sent", "/out/mine", "/a"])
        fixture.settings.outbox = MirrorPath(text: "box")
        fixture.settings.selection = try Selection(including: [], excluding: ["/out"])
        for path in ["/box/sent", "/out/mine"] { try Self.flip(fixture.mirror + path) }
        try await Self.running(fixture) {
            try await Self.eventually {
                try await fixture.start().store.proofs(sparing: RemoteKey("/box"), now: fixture.time.now).oldest
                    == fixture.time.now
            }
            try await Task.sleep(for: .seconds(2))
        }
        #expect(story.pathsByEvent["damaged"] == nil)
        #expect(try await fixture.start().store.proofs(sparing: RemoteKey("/box"), now: fixture.time.now).files == 1)
    }

    /// In a process of its own, since whoever is root may read everything.
    @Test("a file that cannot be read is told once, stops nothing, and is forgotten when it can be read") func locked()
        async
    {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let (fixture, story) = try await ScrubTests.fixture(["/a", "/locked", "/z"])
            chmod(fixture.mirror + "/locked", 0)
            try await ScrubTests.running(fixture) {
                let store = try await fixture.start().store
                try await ScrubTests.eventually { try await ScrubTests.proven(fixture) == 2 }
                try await ScrubTests.eventually {
                    try await store.findings(limit: 5).unproven.map(\.path) == ["/locked"]
                }
                try await Task.sleep(for: .seconds(3))
                guard story.pathsByEvent["failed"] == ["/locked"], story.pathsByEvent["damaged"] == nil else {
                    print(story.lines)
                    exit(EXIT_FAILURE)
                }
                chmod(fixture.mirror + "/locked", 0o640)
                try await ScrubTests.eventually { try await store.findings(limit: 5).unproven.isEmpty }
                try await ScrubTests.eventually { try await ScrubTests.proven(fixture) == 3 }
            }
        }
    }

    /// In a process of its own, since whoever is root may write everywhere.
    @Test("a damaged file that cannot be set aside stays, is told as failing, and is put right once it can be")
    func stuck() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let (fixture, story) = try await ScrubTests.fixture(["/f/bad", "/good"], localChanges: .overwrite)
            try ScrubTests.flip(fixture.mirror + "/f/bad")
            let bad = FileManager.default.contents(atPath: fixture.mirror + "/f/bad")
            chmod(fixture.mirror + "/f", 0o550)
            try await ScrubTests.running(fixture) {
                let store = try await fixture.start().store
                try await ScrubTests.eventually {
                    try await store.findings(limit: 5).unproven.map(\.path) == ["/f/bad"]
                }
                try await Task.sleep(for: .seconds(3))
                guard story.pathsByEvent["failed"] == ["/f/bad"], story.pathsByEvent["damaged"] == nil,
                    FileManager.default.contents(atPath: fixture.mirror + "/f/bad") == bad
                else {
                    print(story.lines)
                    exit(EXIT_FAILURE)
                }
                chmod(fixture.mirror + "/f", 0o750)
                try await ScrubTests.eventually { try await store.findings(limit: 5).unproven.isEmpty }
                try await ScrubTests.eventually { try await ScrubTests.allProven(fixture) }
                try await ScrubTests.eventually { try fixture.differences() == [] }
            }
        }
    }

    @Test("what is renamed in the account is as well proven as before, what is changed is proven anew") func renamed()
        async throws
    {
        let (fixture, _) = try await Self.fixture(["/a", "/Folder/b", "/c"])
        let before = fixture.time.now - 86_400
        _ = try fixture.account.move("/a", "/Folder/moved")
        _ = try fixture.account.move("/Folder", "/Other")
        _ = try fixture.account.put("/c", "changed")
        try await fixture.pass()
        #expect(fixture.remote.downloads == 1)
        #expect(try fixture.differences() == [])
        let outlook = try await fixture.start().store.scrubOutlook(
            after: nil, limit: 9, grain: 1, sparing: nil, now: fixture.time.now)
        #expect(outlook.next.map(\.key.text) == ["/other/b", "/other/moved", "/c"])
        #expect(outlook.next.map(\.provenAt) == [before, before, fixture.time.now])
        #expect(try await fixture.start().store.verifyChecksums() == 0)
    }

    @Test("verify counts as proof of what it finds right") func verified() async throws {
        let (fixture, _) = try await Self.fixture(["/a/right", "/wrong"])
        try Self.flip(fixture.mirror + "/wrong")
        let (store, mirror, disk) = try await fixture.parts()
        let now = fixture.time.now
        let verifier = Verifier(
            store: store, mirror: mirror, disk: disk, lasting: nil,
            proving: { try await store.prove($0, at: now) })
        _ = try await verifier.run { _ in }
        #expect(try await Self.provenKeys(fixture) == [RemoteKey("/a/right")])
    }

    @Test("a file that is written to while it is read is neither damaged nor proven") func disturbed() async throws {
        let (fixture, _) = try await Self.fixture([])
        _ = try fixture.account.put("/a", .bytes([UInt8](repeating: 7, count: 6 << 20)))
        try await fixture.pass()
        let (store, mirror, _) = try await fixture.parts()
        let entry = try #require(try await store.entry(of: RemoteKey("/a")))
        let piece = 4 << 20
        let whole = Proofreading(entry, in: mirror)
        #expect(try whole.readOn(piece).finding == .unfinished)
        #expect(try whole.readOn(piece) == (.right, 2 << 20))
        let changed = Proofreading(entry, in: mirror)
        #expect(try changed.readOn(piece).finding == .unfinished)
        try Self.flip(fixture.mirror + "/a")
        #expect(try changed.readOn(piece).finding == .disturbed)
        let damaged = Proofreading(entry, in: mirror)
        #expect(try damaged.readOn(piece).finding == .unfinished)
        #expect(try damaged.readOn(piece).finding == .damaged)
        let cut = Proofreading(entry, in: mirror)
        #expect(try cut.readOn(piece).finding == .unfinished)
        #expect(truncate(fixture.mirror + "/a", 5 << 20) == 0)
        #expect(try cut.readOn(piece).finding == .drifted)
        #expect(unlink(fixture.mirror + "/a") == 0)
        #expect(try Proofreading(entry, in: mirror).readOn(piece).finding == .drifted)
    }
}
