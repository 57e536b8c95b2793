import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Trees of unusual shape.
@Suite struct ShapeTests {
    @Test("a folder of 100,000 entries is mirrored, and a change in it costs that change") func wide() async throws {
        let rig = try Rig(inMemory: true)
        rig.settings.batch = 512
        rig.settings.window = 2048
        for number in 0..<99_000 { _ = try rig.account.makeFolder("/wide/folder \(number)") }
        for number in 0..<1_000 { _ = try rig.account.put("/wide/file \(number)", "\(number)") }
        #expect(try await rig.pass().folders == 99_001)
        #expect(try rig.differences() == [])
        // What a verification asks of a folder.
        let (store, mirror, _) = try await rig.parts()
        let names = try await store.names(in: RemoteKey("/wide"))
        #expect(names.count == 100_000)
        #expect(try mirror.strangers(in: MirrorPath.root.appending(FileName("wide")), besides: names) == [])
        _ = try rig.account.put("/wide/file 1", "changed")
        _ = try rig.account.move("/wide/file 2", "/wide/moved")
        _ = try rig.account.delete("/wide/folder 3")
        rig.remote.resetCounts()
        let report = try await rig.pass()
        #expect(report.placed == 2)
        #expect(report.removed == 1)
        #expect(rig.remote.downloads == 1)
    }

    @Test("a tree 100 folders deep is mirrored, renamed at its top and removed") func deep() async throws {
        let rig = try Rig(inMemory: true)
        var path = ""
        for depth in 1...100 {
            path += "/\(depth % 10)"
            _ = try rig.account.put(path + "/file", "at \(depth)")
        }
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.repair() == 0)
        rig.remote.resetCounts()
        _ = try rig.account.move("/1", "/top")
        try await rig.pass()
        #expect(rig.remote.downloads == 0)
        #expect(try rig.differences() == [])
        _ = try rig.account.delete("/top")
        try await rig.pass()
        #expect(try Tree(directory: rig.mirror).lines.isEmpty)
    }
}
