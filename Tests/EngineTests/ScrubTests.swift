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
@Suite struct ScrubTests {
    /// A mirror in step, all of whose proofs are a day old; what is overdue is read within a second.
    private static func rig(
        _ paths: [String], localChanges: LocalChanges = .aside, scrub: Duration? = .seconds(30)
    ) async throws -> (Rig, Story) {
        let rig = try Rig()
        let story = Story()
        rig.logger = Logger(label: "story") { _ in story }
        rig.localChanges = localChanges
        rig.settings.longpoll = false
        rig.settings.sweep = nil
        rig.settings.scrub = scrub
        for path in paths { _ = try rig.account.put(path, "content of \(path)") }
        try await rig.pass()
        try rig.crash()
        rig.remote.resetCounts()
        rig.time.advance(by: 86_400)
        return (rig, story)
    }

    /// Runs the engine of `rig` beside `body`.
    private static func running(_ rig: Rig, _ body: () async throws -> Void) async throws {
        let engine = try await rig.start().engine
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
        try await TestSupport.eventually("what is to hold", within: .seconds(120), fileID: fileID, line: line) {
            (try? await condition()) == true
        }
    }

    private static func allProven(_ rig: Rig) async throws -> Bool {
        let proofs = try await rig.start().store.proofs(now: rig.time.now)
        return proofs.unknown == 0 && proofs.oldest == rig.time.now
    }

    @Test(
        "a flipped byte is found, told, kept aside and fetched again, whatever is done with local changes",
        arguments: LocalChanges.allCases) func damaged(localChanges: LocalChanges) async throws
    {
        let (rig, story) = try await Self.rig(["/Good", "/Deep/In/Bad", "/Deep/Fine"], localChanges: localChanges)
        try Self.flip(rig.mirror + "/Deep/In/Bad")
        let bad = try #require(FileManager.default.contents(atPath: rig.mirror + "/Deep/In/Bad"))
        try await Self.running(rig) {
            try await Self.eventually { try await Self.allProven(rig) && rig.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/Deep/In/Bad"])
        #expect(story.pathsByEvent["drift"] == nil && story.pathsByEvent["set_aside"] == nil)
        #expect(story.lines.contains { $0.contains("/Deep/In/Bad: its bytes") && $0.contains(".dbxsync/aside/") })
        #expect(rig.remote.downloads == 1)
        let attic = rig.mirror + "/.dbxsync/aside"
        let kept = try FileManager.default.subpathsOfDirectory(atPath: attic).filter { $0.hasSuffix("/Deep/In/Bad") }
        #expect(kept.count == 1)
        #expect(FileManager.default.contents(atPath: attic + "/" + (kept.first ?? "")) == bad)
        #expect(try await rig.brokenInvariants() == [])
        #expect(try await rig.start().store.verifyChecksums() == 0)
    }

    @Test("a file of several pieces is read to its end, and only its damage is damage") func large() async throws {
        let (rig, story) = try await Self.rig([])
        var bytes = [UInt8](repeating: 7, count: 9 << 20)
        bytes[0] = 1
        _ = try rig.account.put("/large", .bytes(bytes))
        bytes[0] = 2
        _ = try rig.account.put("/larger", .bytes(bytes))
        try await rig.pass()
        rig.time.advance(by: 86_400)
        let file = open(rig.mirror + "/larger", O_RDWR)
        var before = stat()
        try #require(fstat(file, &before) == 0 && pwrite(file, "x", 1, (9 << 20) - 1) == 1)
        var times = [before.st_atim, before.st_mtim]
        try #require(futimens(file, &times) == 0)
        close(file)
        try await Self.running(rig) {
            try await Self.eventually { try await Self.allProven(rig) && rig.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/larger"])
    }

    @Test("what was read stays read after a restart, and the pace is kept") func place() async throws {
        // What is overdue takes 200 seconds.
        let (rig, story) = try await Self.rig((0..<20).map { "/\($0)" }, scrub: .seconds(6000))
        var read: Set<RemoteKey> = []
        for _ in 0..<4 {
            rig.time.advance(by: 10)
            try await Self.running(rig) { try await Self.eventually { try await Self.proven(rig) == 1 } }
            try rig.crash()
            let now = try await Self.provenKeys(rig)
            #expect(read.isDisjoint(with: now), "it was read twice")
            read.formUnion(now)
        }
        #expect(read.count < 20)
        #expect(story.pathsByEvent["damaged"] == nil)
    }

    /// The files that were proven at this moment.
    private static func provenKeys(_ rig: Rig) async throws -> Set<RemoteKey> {
        let outlook = try await rig.start().store.scrubOutlook(
            after: nil, limit: 1000, grain: 1, sparing: nil, now: rig.time.now)
        return Set(outlook.next.filter { $0.provenAt == rig.time.now }.map(\.key))
    }

    private static func proven(_ rig: Rig) async throws -> Int { try await provenKeys(rig).count }

    @Test("nothing is read when it is off, and all of it once it is on by a reload") func off() async throws {
        let (rig, story) = try await Self.rig(["/a"], scrub: nil)
        try Self.flip(rig.mirror + "/a")
        try await Self.running(rig) {
            try await Self.eventually { rig.board.now.phase == .idle && rig.board.now.watch != nil }
            try await Task.sleep(for: .seconds(2))
            #expect(try await Self.proven(rig) == 0)
            #expect(story.pathsByEvent["damaged"] == nil)
            rig.settings.scrub = .seconds(30)
            await rig.select(.everything)
            try await Self.eventually { try await Self.allProven(rig) && rig.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == ["/a"])
    }

    @Test("a file that somebody has changed is drift, and is not taken for damage") func drift() async throws {
        let (rig, story) = try await Self.rig(["/a", "/b"])
        rig.settings.watch = false
        try await Self.running(rig) {
            try await Self.eventually { try await Self.allProven(rig) }
            try rig.folder.write("edited", to: "mirror/a")
            rig.time.advance(by: 86_400)
            try await Self.eventually { try await Self.allProven(rig) && rig.differences() == [] }
        }
        #expect(story.pathsByEvent["damaged"] == nil)
        #expect(story.pathsByEvent["drift"] == ["/a"])
    }

    @Test("an outbox in the mirror and what the selection leaves out are not read") func leftAlone() async throws {
        let (rig, story) = try await Self.rig(["/box/sent", "/out/mine", "/a"])
        rig.settings.outbox = MirrorPath(text: "box")
        rig.settings.selection = try Selection(including: [], excluding: ["/out"])
        for path in ["/box/sent", "/out/mine"] { try Self.flip(rig.mirror + path) }
        try await Self.running(rig) {
            try await Self.eventually {
                try await rig.start().store.proofs(sparing: RemoteKey("/box"), now: rig.time.now).oldest
                    == rig.time.now
            }
            try await Task.sleep(for: .seconds(2))
        }
        #expect(story.pathsByEvent["damaged"] == nil)
        #expect(try await rig.start().store.proofs(sparing: RemoteKey("/box"), now: rig.time.now).files == 1)
    }

    /// In a process of its own, since whoever is root may read everything.
    @Test("a file that cannot be read is told once, stops nothing, and is forgotten when it can be read") func locked()
        async
    {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let (rig, story) = try await ScrubTests.rig(["/a", "/locked", "/z"])
            chmod(rig.mirror + "/locked", 0)
            try await ScrubTests.running(rig) {
                let store = try await rig.start().store
                try await ScrubTests.eventually { try await ScrubTests.proven(rig) == 2 }
                try await ScrubTests.eventually {
                    try await store.findings(limit: 5).unproven.map(\.path) == ["/locked"]
                }
                try await Task.sleep(for: .seconds(3))
                guard story.pathsByEvent["failed"] == ["/locked"], story.pathsByEvent["damaged"] == nil else {
                    print(story.lines)
                    exit(EXIT_FAILURE)
                }
                chmod(rig.mirror + "/locked", 0o640)
                try await ScrubTests.eventually { try await store.findings(limit: 5).unproven.isEmpty }
                try await ScrubTests.eventually { try await ScrubTests.proven(rig) == 3 }
            }
        }
    }

    /// In a process of its own, since whoever is root may write everywhere.
    @Test("a damaged file that cannot be set aside stays, is told as failing, and is put right once it can be")
    func stuck() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
            let (rig, story) = try await ScrubTests.rig(["/f/bad", "/good"], localChanges: .overwrite)
            try ScrubTests.flip(rig.mirror + "/f/bad")
            let bad = FileManager.default.contents(atPath: rig.mirror + "/f/bad")
            chmod(rig.mirror + "/f", 0o550)
            try await ScrubTests.running(rig) {
                let store = try await rig.start().store
                try await ScrubTests.eventually {
                    try await store.findings(limit: 5).unproven.map(\.path) == ["/f/bad"]
                }
                try await Task.sleep(for: .seconds(3))
                guard story.pathsByEvent["failed"] == ["/f/bad"], story.pathsByEvent["damaged"] == nil,
                    FileManager.default.contents(atPath: rig.mirror + "/f/bad") == bad
                else {
                    print(story.lines)
                    exit(EXIT_FAILURE)
                }
                chmod(rig.mirror + "/f", 0o750)
                try await ScrubTests.eventually { try await store.findings(limit: 5).unproven.isEmpty }
                try await ScrubTests.eventually { try await ScrubTests.allProven(rig) }
                try await ScrubTests.eventually { try rig.differences() == [] }
            }
        }
    }

    @Test("what is renamed in the account is as well proven as before, what is changed is proven anew") func renamed()
        async throws
    {
        let (rig, _) = try await Self.rig(["/a", "/Folder/b", "/c"])
        let before = rig.time.now - 86_400
        _ = try rig.account.move("/a", "/Folder/moved")
        _ = try rig.account.move("/Folder", "/Other")
        _ = try rig.account.put("/c", "changed")
        try await rig.pass()
        #expect(rig.remote.downloads == 1)
        #expect(try rig.differences() == [])
        let outlook = try await rig.start().store.scrubOutlook(
            after: nil, limit: 9, grain: 1, sparing: nil, now: rig.time.now)
        #expect(outlook.next.map(\.key.text) == ["/other/b", "/other/moved", "/c"])
        #expect(outlook.next.map(\.provenAt) == [before, before, rig.time.now])
        #expect(try await rig.start().store.verifyChecksums() == 0)
    }

    @Test("verify counts as proof of what it finds right") func verified() async throws {
        let (rig, _) = try await Self.rig(["/a/right", "/wrong"])
        try Self.flip(rig.mirror + "/wrong")
        let (store, mirror, disk) = try await rig.parts()
        let now = rig.time.now
        let verifier = Verifier(
            store: store, mirror: mirror, disk: disk, lasting: nil,
            proving: { try await store.prove($0, at: now) })
        _ = try await verifier.run { _ in }
        #expect(try await Self.provenKeys(rig) == [RemoteKey("/a/right")])
    }

    @Test("a file that is written to while it is read is neither damaged nor proven") func disturbed() async throws {
        let (rig, _) = try await Self.rig([])
        _ = try rig.account.put("/a", .bytes([UInt8](repeating: 7, count: 6 << 20)))
        try await rig.pass()
        let (store, mirror, _) = try await rig.parts()
        let standing = try #require(try await store.standing(of: RemoteKey("/a")))
        let piece = 4 << 20
        let whole = Proofreading(standing, in: mirror)
        #expect(try whole.readOn(piece).finding == .unfinished)
        #expect(try whole.readOn(piece) == (.right, 2 << 20))
        let changed = Proofreading(standing, in: mirror)
        #expect(try changed.readOn(piece).finding == .unfinished)
        try Self.flip(rig.mirror + "/a")
        #expect(try changed.readOn(piece).finding == .disturbed)
        let damaged = Proofreading(standing, in: mirror)
        #expect(try damaged.readOn(piece).finding == .unfinished)
        #expect(try damaged.readOn(piece).finding == .damaged)
        let cut = Proofreading(standing, in: mirror)
        #expect(try cut.readOn(piece).finding == .unfinished)
        #expect(truncate(rig.mirror + "/a", 5 << 20) == 0)
        #expect(try cut.readOn(piece).finding == .drifted)
        #expect(unlink(rig.mirror + "/a") == 0)
        #expect(try Proofreading(standing, in: mirror).readOn(piece).finding == .drifted)
    }
}
