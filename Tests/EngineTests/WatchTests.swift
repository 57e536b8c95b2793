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
@Suite struct WatchTests {
    /// Runs the engine of `rig` beside `body`.
    private static func running(_ rig: Rig, _ body: () async throws -> Void) async throws {
        let engine = try await rig.start().engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            try await eventually { rig.board.now.phase == .idle && rig.board.now.watch != nil }
            try await body()
            group.cancelAll()
        }
    }

    private struct TookTooLong: Error { var left: [String] }

    /// Waits until a condition holds; entries that come and go while they are looked at are looked at again.
    private static func eventually(
        _ left: () -> [String] = { [] }, _ condition: () async throws -> Bool
    ) async throws {
        for _ in 0..<2400 {
            if (try? await condition()) == true { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw TookTooLong(left: left())
    }

    private static func rig(_ paths: [String]) throws -> Rig {
        let rig = try Rig()
        for path in paths { _ = try rig.account.put(path, "content of \(path)") }
        rig.settings.longpoll = false
        rig.settings.sweep = nil
        return rig
    }

    @Test("removed, edited, added, renamed and touched: it is put right each time, twenty times in a row")
    func putRight() async throws {
        let rig = try Self.rig(["/a", "/d/e/one", "/d/two", "/k"])
        let mirror = rig.mirror
        try await Self.running(rig) {
            for round in 0..<20 {
                switch round % 5 {
                case 0: try FileManager.default.removeItem(atPath: mirror + "/a")
                case 1: try rig.folder.write("edited \(round)", to: "mirror/d/e/one")
                case 2: #expect(rename(mirror + "/d", mirror + "/stranger-\(round)") == 0)
                case 3:
                    #expect(truncate(mirror + "/d/two", 3) == 0)
                    #expect(unlink(mirror + "/d/e/one") == 0)
                default:
                    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: round, tv_nsec: 0)]
                    #expect(utimensat(AT_FDCWD, mirror + "/k", &times, 0) == 0)
                }
                try await Self.eventually({ ["round \(round)"] + ((try? rig.differences()) ?? []) }) {
                    try Self.differencesButStrangers(rig) == []
                }
            }
            #expect(rig.board.now.watch?.isWhole == true)
            // Four renamed folders stay, each with what was in it.
            try await Self.eventually { try await rig.start().store.findings(limit: 10).strangers == 4 }
        }
        #expect(try await rig.brokenInvariants() == [])
    }

    private static func differencesButStrangers(_ rig: Rig) throws -> [String] {
        try rig.differences().filter { !$0.contains("stranger-") }
    }

    @Test("what dbxsync does itself becomes pending by nobody's word") func ownWork() async throws {
        let rig = try Self.rig((0..<300).map { "/f\($0 % 7)/g\($0 % 3)/\($0)" })
        let story = Story()
        rig.logger = Logger(label: "story") { _ in story }
        try await Self.running(rig) {
            for round in 0..<5 {
                for number in 0..<100 { _ = try rig.account.put("/f\(number % 7)/g\(round)/new-\(number)", "\(round)") }
                _ = try rig.account.delete("/f\(round)")
                _ = try rig.account.move("/f6/g\(round)", "/moved-\(round)")
                try await rig.start().engine.request()
                try await Self.eventually { try rig.differences() == [] }
            }
            try await Task.sleep(for: .seconds(3))
            let backlog = try await rig.start().store.backlog()
            #expect(backlog.pendingFiles + backlog.pendingRemovals == 0)
        }
        #expect(story.pathsByEvent["drift"] == nil)
        #expect(rig.board.now.watch?.isWhole == true)
    }

    @Test("folders that are made later are watched, too, and so are those that others have made and the account has")
    func newFolders() async throws {
        let rig = try Self.rig(["/a"])
        try await Self.running(rig) {
            try rig.folder.write("mine", to: "mirror/early/file")
            _ = try rig.account.put("/early/file", "ours")
            _ = try rig.account.put("/late/er/file", "ours")
            try await rig.start().engine.request()
            try await Self.eventually { try rig.differences() == [] }
            try await Self.eventually { rig.board.now.watch?.watched == 4 }
            for path in ["/early/file", "/late/er/file"] {
                try FileManager.default.removeItem(atPath: rig.mirror + path)
                try await Self.eventually { try rig.differences() == [] }
            }
        }
    }

    @Test("a folder of somebody's that the account has from now on is watched, and what else is in it is told")
    func takenOver() async throws {
        let rig = try Self.rig(["/a"])
        try rig.folder.write("mine", to: "mirror/early/mine")
        try await Self.running(rig) {
            _ = try rig.account.put("/early/file", "ours")
            try await rig.start().engine.request()
            try await Self.eventually {
                try await rig.start().store.findings(limit: 9).strangerPaths == ["/early/mine"]
            }
            try await Self.eventually { rig.board.now.watch?.watched == 2 }
            try FileManager.default.removeItem(atPath: rig.mirror + "/early/file")
            try await Self.eventually { FileManager.default.fileExists(atPath: rig.mirror + "/early/file") }
        }
    }

    @Test("folders that change places, or are exchanged for a copy, are put right with all that is in them")
    func exchanged() async throws {
        let rig = try Self.rig(["/A/f", "/A/sub/g", "/B/f", "/B/sub/g", "/c"])
        let mirror = rig.mirror
        func move(_ from: String, _ to: String) { #expect(rename(mirror + from, mirror + to) == 0) }
        try await Self.running(rig) {
            try await Self.eventually { rig.board.now.watch?.watched == 5 }
            for (one, other) in [("/A", "/B"), ("/A/sub", "/B/sub")] {
                let text = FileManager.default.contents(atPath: mirror + one + (one == "/A" ? "/f" : "/g"))
                move(one, "/away")
                move(other, one)
                move("/away", other)
                #expect(FileManager.default.contents(atPath: mirror + one + (one == "/A" ? "/f" : "/g")) != text)
                try await Self.eventually({ (try? rig.differences()) ?? [] }) { try rig.differences() == [] }
            }
        }
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("without a watch a comparison finds it when it is due") func unwatched() async throws {
        let rig = try Self.rig(["/a"])
        rig.settings.watch = false
        rig.settings.sweep = .seconds(2)
        try await Self.running(rig) {
            #expect(rig.board.now.watch?.watched == 0)
            try FileManager.default.removeItem(atPath: rig.mirror + "/a")
            rig.time.advance(by: 3)
            try await Self.eventually { try rig.differences() == [] }
        }
    }
}
