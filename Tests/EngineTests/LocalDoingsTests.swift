import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// What somebody does in the mirror is told and holds up nothing else.
@Suite struct LocalDoingsTests {
    @Test("keep: an edited file in a folder's way stays, is told, and the pass ends") func keptFile() async throws {
        let rig = try Rig()
        rig.localChanges = .keep
        _ = try rig.account.put("/k", "ours")
        try await rig.pass()
        try rig.folder.write("edited", to: "mirror/k")
        _ = try rig.account.delete("/k")
        _ = try rig.account.put("/k/inside", "x")
        _ = try rig.account.put("/other", "y")
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines.keys.sorted() == ["k", "other"])
        let troubles = try await rig.start().store.troubles(limit: 5).map(\.path)
        #expect(troubles.contains("/k"))
        #expect(try await rig.brokenInvariants() == [])
        // The file goes away: the rest comes by itself.
        try FileManager.default.removeItem(atPath: rig.mirror + "/k")
        rig.time.advance(by: 86_400)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("keep: strangers deep in a folder that becomes a file stay, are told, and the pass ends") func keptDeep()
        async throws
    {
        let rig = try Rig()
        rig.localChanges = .keep
        _ = try rig.account.put("/k/sub/file", "ours")
        try await rig.pass()
        try rig.folder.write("mine", to: "mirror/k/sub/stranger")
        _ = try rig.account.delete("/k")
        _ = try rig.account.put("/k", "a file now")
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines.keys.contains("k/sub/stranger"))
        #expect(try await rig.start().store.troubles(limit: 5).map(\.path).contains("/k"))
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("keep: a file whose donor was edited is downloaded, the edited one stays") func keptDonor() async throws {
        let rig = try Rig()
        rig.localChanges = .keep
        _ = try rig.account.put("/from", "ours")
        try await rig.pass()
        try rig.folder.write("edited", to: "mirror/from")
        _ = try rig.account.move("/from", "/to")
        try await rig.pass()
        rig.time.advance(by: 86_400)
        try await rig.pass()
        #expect(FileManager.default.contents(atPath: rig.mirror + "/from") == Data("edited".utf8))
        #expect(FileManager.default.contents(atPath: rig.mirror + "/to") == Data("ours".utf8))
        #expect(try await rig.start().store.troubles(limit: 5).map(\.path) == ["/from"])
    }

    @Test("keep: an edited file goes with its folder when somebody removes that, and is not pending for ever")
    func keptInRemovedFolder() async throws {
        let rig = try Rig()
        rig.localChanges = .keep
        _ = try rig.account.put("/f/edited", "ours")
        _ = try rig.account.put("/f/sub/edited", "ours, too")
        try await rig.pass()
        try rig.folder.write("edited", to: "mirror/f/edited")
        try rig.folder.write("edited", to: "mirror/f/sub/edited")
        _ = try rig.account.delete("/f")
        try await rig.pass()
        try FileManager.default.removeItem(atPath: rig.mirror + "/f")
        // The folder is tried again long before the file.
        for wait in [60, 120, 4_000, 86_400] as [Int64] {
            rig.time.advance(by: wait)
            try await rig.pass()
            #expect(try await rig.brokenInvariants() == [])
        }
        let store = try await rig.start().store
        #expect(try await store.backlog().pendingRemovals == 0)
        #expect(try await store.progress().inStepAsOf == rig.time.now)
    }

    @Test("a disk that fails between a rename and its record loses track of nothing") func failedAfterRename()
        async throws
    {
        let rig = try Rig()
        _ = try rig.account.put("/B/stays", "x")
        _ = try rig.account.put("/B/goes", "y")
        try await rig.pass()
        try rig.crash()
        try rig.account.renameCase("/B", to: "b")
        _ = try rig.account.delete("/B/goes")
        rig.time.advance(by: 8 * 86_400)
        let left = Atomic<Int>(1)
        rig.faults = { point in
            if point == .effectDone, left.wrappingSubtract(1, ordering: .relaxed).oldValue == 1 {
                throw SandboxError(disposition: .pass)
            }
        }
        await #expect(throws: SandboxError.self) { try await rig.pass() }
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a folder replaced by a link between a crash and the restart is no reason to stand still") func linkedFolder()
        async throws
    {
        let rig = try Rig()
        _ = try rig.account.put("/a/old", "x")
        try await rig.pass()
        try rig.crash()
        _ = try rig.account.put("/a/new", "y")
        let left = Atomic<Int>(1)
        rig.faults = { point in
            if point == .effect, left.wrappingSubtract(1, ordering: .relaxed).oldValue <= 1 { throw SimulatedCrash() }
        }
        await #expect(throws: SimulatedCrash.self) { try await rig.pass() }
        try rig.crash()
        rig.faults = { _ in }
        try FileManager.default.removeItem(atPath: rig.mirror + "/a")
        let outside = try rig.folder.folder("outside")
        try FileManager.default.createSymbolicLink(atPath: rig.mirror + "/a", withDestinationPath: outside)
        _ = try rig.account.put("/b", "z")
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines["b"] != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
        // The comparison at the start has found the link, and moved it out of the way.
        #expect(try await rig.start().store.troubles(limit: 5).map(\.path) == [])
        #expect(try rig.differences() == [])
        // A verification finds what the link hides, and the repair puts the folder back.
        _ = try await rig.repair()
        rig.time.advance(by: 86_400)
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == [])
    }

    @Test("a mirror somebody has emptied is found empty, not left half") func emptied() async throws {
        let rig = try Rig()
        for number in 0..<20 { _ = try rig.account.put("/f\(number % 4)/\(number)", "content \(number)") }
        try await rig.pass()
        for name in try FileManager.default.contentsOfDirectory(atPath: rig.mirror) where name != ".dbxsync" {
            try FileManager.default.removeItem(atPath: rig.mirror + "/" + name)
        }
        _ = try rig.account.move("/f1", "/moved")
        _ = try rig.account.put("/f2/2", "changed")
        _ = try rig.account.delete("/f3")
        try await rig.pass()
        rig.time.advance(by: 86_400)
        try await rig.pass()
        #expect(try await rig.brokenInvariants() == [])
        _ = try await rig.repair()
        try await rig.pass()
        #expect(try rig.differences() == [])
    }

    @Test("a version that can no longer be downloaded takes the old one's place: it is parked, nothing stands there")
    func becameUnavailable() async throws {
        let rig = try Rig()
        _ = try rig.account.put("/paper", "once a file")
        try await rig.pass()
        var commit = Commit(path: "/paper")
        commit.traits.isDownloadable = false
        _ = try rig.account.commit(commit, .text("document"))
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines.isEmpty)
        #expect(try await rig.start().store.troubles(limit: 5).map(\.isParked) == [true])
    }
}
