import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// Trees of unusual shape.
@Suite(.timeLimit(.minutes(30)))
struct TreeShapeTests {
    @Test("a folder of 100,000 entries is mirrored, and a change in it costs that change") func wide() async throws {
        let fixture = try EngineFixture(inMemory: true)
        fixture.settings.batch = 512
        fixture.settings.window = 2048
        for number in 0..<99_000 { _ = try fixture.account.makeFolder("/wide/folder \(number)") }
        for number in 0..<1_000 { _ = try fixture.account.put("/wide/file \(number)", "\(number)") }
        #expect(try await fixture.pass().folders == 99_001)
        #expect(try fixture.differences() == [])
        // What a verification asks of a folder.
        let (store, mirror, _) = try await fixture.parts()
        let names = try await store.names(in: RemoteKey("/wide"))
        #expect(names.count == 100_000)
        #expect(try mirror.strangers(in: MirrorPath.root.appending(FileName("wide")), besides: names) == [])
        _ = try fixture.account.put("/wide/file 1", "changed")
        _ = try fixture.account.move("/wide/file 2", "/wide/moved")
        _ = try fixture.account.delete("/wide/folder 3")
        fixture.remote.resetCounts()
        let report = try await fixture.pass()
        #expect(report.placed == 2)
        #expect(report.removed == 1)
        #expect(fixture.remote.downloads == 1)
    }

    @Test("a tree 100 folders deep is mirrored, renamed at its top and removed") func deep() async throws {
        let fixture = try EngineFixture(inMemory: true)
        var path = ""
        for depth in 1...100 {
            path += "/\(depth % 10)"
            _ = try fixture.account.put(path + "/file", "at \(depth)")
        }
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.repair() == 0)
        fixture.remote.resetCounts()
        _ = try fixture.account.move("/1", "/top")
        try await fixture.pass()
        #expect(fixture.remote.downloads == 0)
        #expect(try fixture.differences() == [])
        _ = try fixture.account.delete("/top")
        try await fixture.pass()
        #expect(try Tree(directory: fixture.mirror).lines.isEmpty)
    }
}
