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

/// What others do in the mirror of a running engine is noticed by itself and put right.
@Suite(.timeLimit(.minutes(30)))
struct WatchTests {
    /// Runs the engine of `fixture` beside `body`.
    private static func running(_ fixture: EngineFixture, _ body: () async throws -> Void) async throws {
        let engine = try await fixture.start().engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await eventually { fixture.board.now.phase == .idle && fixture.board.now.watch != nil }
            try await body()
            group.cancelAll()
        }
    }

    /// Waits until a condition holds; entries that come and go while they are looked at are looked at again.
    private static func eventually(
        _ left: () -> [String] = { [] }, _ condition: () async throws -> Bool
    ) async throws {
        try await TestSupport.eventually("what is to hold", within: .seconds(240), or: "\(left())") {
            (try? await condition()) == true
        }
    }

    private static func fixture(_ paths: [String]) throws -> EngineFixture {
        let fixture = try EngineFixture()
        for path in paths { _ = try fixture.account.put(path, "content of \(path)") }
        fixture.settings.longpoll = false
        fixture.settings.sweep = nil
        return fixture
    }

    @Test("removed, edited, added, renamed and touched: it is put right each time, twenty times in a row")
    func putRight() async throws {
        let fixture = try Self.fixture(["/a", "/d/e/one", "/d/two", "/k"])
        let mirror = fixture.mirror
        try await Self.running(fixture) {
            for round in 0..<20 {
                switch round % 5 {
                case 0: try FileManager.default.removeItem(atPath: mirror + "/a")
                case 1: try fixture.folder.write("edited \(round)", to: "mirror/d/e/one")
                case 2: #expect(rename(mirror + "/d", mirror + "/stranger-\(round)") == 0)
                case 3:
                    #expect(truncate(mirror + "/d/two", 3) == 0)
                    #expect(unlink(mirror + "/d/e/one") == 0)
                default:
                    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: round, tv_nsec: 0)]
                    #expect(utimensat(AT_FDCWD, mirror + "/k", &times, 0) == 0)
                }
                try await Self.eventually({ ["round \(round)"] + ((try? fixture.differences()) ?? []) }) {
                    try Self.differencesButStrangers(fixture) == []
                }
            }
            #expect(fixture.board.now.watch?.isWhole == true)
            // Four renamed folders stay, each with what was in it.
            try await Self.eventually { try await fixture.start().store.findings(limit: 10).strangers == 4 }
        }
        #expect(try await fixture.brokenInvariants() == [])
    }

    private static func differencesButStrangers(_ fixture: EngineFixture) throws -> [String] {
        try fixture.differences().filter { !$0.contains("stranger-") }
    }

    @Test("a mirror that is moved, alone or with the folder above it, is missed and taken up again without a look")
    func moved() async throws {
        let folder = try TemporaryFolder()
        let place = try folder.folder("above/mirror")
        let fixture = try EngineFixture(mirror: place)
        _ = try fixture.account.put("/a", "content")
        fixture.settings.longpoll = false
        fixture.clock = StandingClock()
        try await Self.running(fixture) {
            for name in ["above/mirror", "above"] {
                #expect(rename(folder(name), folder("elsewhere")) == 0)
                try await Self.eventually { if case .waiting = fixture.board.now.phase { true } else { false } }
                #expect(fixture.board.now.diskAsOf == nil)
                #expect(rename(folder("elsewhere"), folder(name)) == 0)
                try await Self.eventually { fixture.board.now.phase == .idle }
            }
        }
        #expect(try fixture.differences() == [])
    }

    @Test("what dbxsync does itself becomes pending by nobody's word") func ownWork() async throws {
        let fixture = try Self.fixture((0..<300).map { "/f\($0 % 7)/g\($0 % 3)/\($0)" })
        let story = Story()
        fixture.logger = Logger(label: "story") { _ in story }
        try await Self.running(fixture) {
            for round in 0..<5 {
                for number in 0..<100 {
                    _ = try fixture.account.put("/f\(number % 7)/g\(round)/new-\(number)", "\(round)")
                }
                _ = try fixture.account.delete("/f\(round)")
                _ = try fixture.account.move("/f6/g\(round)", "/moved-\(round)")
                try await fixture.start().engine.request()
                try await Self.eventually { try fixture.differences() == [] }
            }
            try await Task.sleep(for: .seconds(3))
            let backlog = try await fixture.start().store.backlog()
            #expect(backlog.pendingFiles + backlog.pendingRemovals == 0)
        }
        #expect(story.pathsByEvent["drift"] == nil)
        #expect(fixture.board.now.watch?.isWhole == true)
    }

    @Test("folders that are made later are watched, too, and so are those that others have made and the account has")
    func newFolders() async throws {
        let fixture = try Self.fixture(["/a"])
        try await Self.running(fixture) {
            try fixture.folder.write("mine", to: "mirror/early/file")
            _ = try fixture.account.put("/early/file", "ours")
            _ = try fixture.account.put("/late/er/file", "ours")
            try await fixture.start().engine.request()
            try await Self.eventually { try fixture.differences() == [] }
            try await Self.eventually { fixture.board.now.watch?.watched == 4 }
            for path in ["/early/file", "/late/er/file"] {
                try FileManager.default.removeItem(atPath: fixture.mirror + path)
                try await Self.eventually { try fixture.differences() == [] }
            }
        }
    }

    @Test("a folder of somebody's that the account has from now on is watched, and what else is in it is told")
    func takenOver() async throws {
        let fixture = try Self.fixture(["/a"])
        try fixture.folder.write("mine", to: "mirror/early/mine")
        try await Self.running(fixture) {
            _ = try fixture.account.put("/early/file", "ours")
            try await fixture.start().engine.request()
            try await Self.eventually {
                try await fixture.start().store.findings(limit: 9).strangerPaths == ["/early/mine"]
            }
            try await Self.eventually { fixture.board.now.watch?.watched == 2 }
            try FileManager.default.removeItem(atPath: fixture.mirror + "/early/file")
            try await Self.eventually { FileManager.default.fileExists(atPath: fixture.mirror + "/early/file") }
        }
    }

    @Test("folders that change places, or are exchanged for a copy, are put right with all that is in them")
    func exchanged() async throws {
        let fixture = try Self.fixture(["/A/f", "/A/sub/g", "/B/f", "/B/sub/g", "/c"])
        let mirror = fixture.mirror
        func move(_ from: String, _ to: String) { #expect(rename(mirror + from, mirror + to) == 0) }
        try await Self.running(fixture) {
            try await Self.eventually { fixture.board.now.watch?.watched == 5 }
            for (one, other) in [("/A", "/B"), ("/A/sub", "/B/sub")] {
                let text = FileManager.default.contents(atPath: mirror + one + (one == "/A" ? "/f" : "/g"))
                move(one, "/away")
                move(other, one)
                move("/away", other)
                #expect(FileManager.default.contents(atPath: mirror + one + (one == "/A" ? "/f" : "/g")) != text)
                try await Self.eventually({ (try? fixture.differences()) ?? [] }) { try fixture.differences() == [] }
            }
        }
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("without a watch a comparison finds it when it is due") func unwatched() async throws {
        let fixture = try Self.fixture(["/a"])
        fixture.settings.watch = false
        fixture.settings.sweep = .seconds(2)
        try await Self.running(fixture) {
            #expect(fixture.board.now.watch?.watched == 0)
            try FileManager.default.removeItem(atPath: fixture.mirror + "/a")
            fixture.time.advance(by: 3)
            try await Self.eventually { try fixture.differences() == [] }
        }
    }
}
