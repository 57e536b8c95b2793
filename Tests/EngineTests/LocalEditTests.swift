import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// What somebody does in the mirror is told and holds up nothing else.
@Suite(.timeLimit(.minutes(30)))
struct LocalEditTests {
    @Test("keep: an edited file in a folder's way stays, is told, and the pass ends") func keptFile() async throws {
        let fixture = try EngineFixture()
        fixture.localChanges = .keep
        _ = try fixture.account.put("/k", "ours")
        try await fixture.pass()
        try fixture.folder.write("edited", to: "mirror/k")
        _ = try fixture.account.delete("/k")
        _ = try fixture.account.put("/k/inside", "x")
        _ = try fixture.account.put("/other", "y")
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.keys.sorted() == ["k", "other"])
        let troubles = try await fixture.start().store.pathIssues(limit: 5).map(\.path)
        #expect(troubles.contains("/k"))
        #expect(try await fixture.brokenInvariants() == [])
        // The file goes away: the rest comes by itself.
        try FileManager.default.removeItem(atPath: fixture.mirror + "/k")
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("keep: strangers deep in a folder that becomes a file stay, are told, and the pass ends") func keptDeep()
        async throws
    {
        let fixture = try EngineFixture()
        fixture.localChanges = .keep
        _ = try fixture.account.put("/k/sub/file", "ours")
        try await fixture.pass()
        try fixture.folder.write("mine", to: "mirror/k/sub/stranger")
        _ = try fixture.account.delete("/k")
        _ = try fixture.account.put("/k", "a file now")
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.keys.contains("k/sub/stranger"))
        #expect(try await fixture.start().store.pathIssues(limit: 5).map(\.path).contains("/k"))
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("keep: a file whose donor was edited is downloaded, the edited one stays") func keptDonor() async throws {
        let fixture = try EngineFixture()
        fixture.localChanges = .keep
        _ = try fixture.account.put("/from", "ours")
        try await fixture.pass()
        try fixture.folder.write("edited", to: "mirror/from")
        _ = try fixture.account.move("/from", "/to")
        try await fixture.pass()
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(FileManager.default.contents(atPath: fixture.mirror + "/from") == Data("edited".utf8))
        #expect(FileManager.default.contents(atPath: fixture.mirror + "/to") == Data("ours".utf8))
        #expect(try await fixture.start().store.pathIssues(limit: 5).map(\.path) == ["/from"])
    }

    @Test("keep: an edited file goes with its folder when somebody removes that, and is not pending for ever")
    func keptInRemovedFolder() async throws {
        let fixture = try EngineFixture()
        fixture.localChanges = .keep
        _ = try fixture.account.put("/f/edited", "ours")
        _ = try fixture.account.put("/f/sub/edited", "ours, too")
        try await fixture.pass()
        try fixture.folder.write("edited", to: "mirror/f/edited")
        try fixture.folder.write("edited", to: "mirror/f/sub/edited")
        _ = try fixture.account.delete("/f")
        try await fixture.pass()
        try FileManager.default.removeItem(atPath: fixture.mirror + "/f")
        // The folder is tried again long before the file.
        for wait in [60, 120, 4_000, 86_400] as [Int64] {
            fixture.time.advance(by: wait)
            try await fixture.pass()
            #expect(try await fixture.brokenInvariants() == [])
        }
        let store = try await fixture.start().store
        #expect(try await store.backlog().pendingRemovals == 0)
        #expect(try await store.progress().inStepAsOf == fixture.time.now)
    }

    @Test("a disk that fails between a rename and its record loses track of nothing") func failedAfterRename()
        async throws
    {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/B/stays", "x")
        _ = try fixture.account.put("/B/goes", "y")
        try await fixture.pass()
        try fixture.crash()
        try fixture.account.renameCase("/B", to: "b")
        _ = try fixture.account.delete("/B/goes")
        fixture.time.advance(by: 8 * 86_400)
        let left = Atomic<Int>(1)
        fixture.faults = { point in
            if point == .effectDone, left.wrappingSubtract(1, ordering: .relaxed).oldValue == 1 {
                throw SandboxError(disposition: .abortPass)
            }
        }
        await #expect(throws: SandboxError.self) { try await fixture.pass() }
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a folder replaced by a link between a crash and the restart is no reason to stand still") func linkedFolder()
        async throws
    {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/a/old", "x")
        try await fixture.pass()
        try fixture.crash()
        _ = try fixture.account.put("/a/new", "y")
        let left = Atomic<Int>(1)
        fixture.faults = { point in
            if point == .effect, left.wrappingSubtract(1, ordering: .relaxed).oldValue <= 1 { throw SimulatedCrash() }
        }
        await #expect(throws: SimulatedCrash.self) { try await fixture.pass() }
        try fixture.crash()
        fixture.faults = { _ in }
        try FileManager.default.removeItem(atPath: fixture.mirror + "/a")
        let outside = try fixture.folder.folder("outside")
        try FileManager.default.createSymbolicLink(atPath: fixture.mirror + "/a", withDestinationPath: outside)
        _ = try fixture.account.put("/b", "z")
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines["b"] != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
        // The comparison at the start has found the link, and moved it out of the way.
        #expect(try await fixture.start().store.pathIssues(limit: 5).map(\.path) == [])
        #expect(try fixture.differences() == [])
        // A verification finds what the link hides, and the repair puts the folder back.
        _ = try await fixture.repair()
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
    }

    @Test("a mirror somebody has emptied is found empty, not left half") func emptied() async throws {
        let fixture = try EngineFixture()
        for number in 0..<20 { _ = try fixture.account.put("/f\(number % 4)/\(number)", "content \(number)") }
        try await fixture.pass()
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.mirror) where name != ".dbxsync" {
            try FileManager.default.removeItem(atPath: fixture.mirror + "/" + name)
        }
        _ = try fixture.account.move("/f1", "/moved")
        _ = try fixture.account.put("/f2/2", "changed")
        _ = try fixture.account.delete("/f3")
        try await fixture.pass()
        fixture.time.advance(by: 86_400)
        try await fixture.pass()
        #expect(try await fixture.brokenInvariants() == [])
        _ = try await fixture.repair()
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }

    @Test("a version that can no longer be downloaded takes the old one's place: it is parked, nothing stands there")
    func becameUnavailable() async throws {
        let fixture = try EngineFixture()
        _ = try fixture.account.put("/paper", "once a file")
        try await fixture.pass()
        var commit = Commit(path: "/paper")
        commit.traits.isDownloadable = false
        _ = try fixture.account.commit(commit, .text("document"))
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.isEmpty)
        #expect(try await fixture.start().store.pathIssues(limit: 5).map(\.isParked) == [true])
    }
}
