import Engine
import Foundation
import MirrorFS
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

@Suite struct SegmentTests {
    private static let size = Int(BlockFile.leastSize) + 5_000_008

    private func rig() throws -> (rig: Rig, rev: String) {
        let rig = try Rig(inMemory: true)
        let file = try rig.account.put("/large", String(repeating: "0123456789", count: Self.size / 10))
        return (rig, file.rev)
    }

    @Test("a large file comes in several segments and is what it should be") func segments() async throws {
        let (rig, _) = try rig()
        let report = try await rig.pass()
        #expect(rig.remote.downloads > 1)
        #expect(rig.remote.bytes == Int64(Self.size))
        #expect(report.bytes == Int64(Self.size))
        #expect(report.downloaded == 1)
        #expect(try rig.differences() == [])
    }

    @Test("after a failure only the blocks that are missing are fetched") func resume() async throws {
        let (rig, rev) = try rig()
        let calls = Atomic<Int>(0)
        rig.remote.onDownload { asked in
            // The second segment and all after it fail.
            if asked == rev, calls.wrappingAdd(1, ordering: .relaxed).oldValue > 0 {
                throw SandboxError(disposition: .retry(after: nil))
            }
        }
        let first = try await rig.pass()
        #expect(first.failed == 1)
        let got = rig.remote.bytes
        #expect(got > 0 && got < Int64(Self.size))
        try rig.crash()
        rig.remote.onDownload(nil)
        rig.time.advance(by: 3600)
        try await rig.pass()
        #expect(rig.remote.bytes == Int64(Self.size))
        #expect(try rig.differences() == [])
    }

    @Test("a server that knows no ranges is asked for the whole") func noRanges() async throws {
        let (rig, _) = try rig()
        rig.remote.ignoresRanges(true)
        try await rig.pass()
        #expect(try rig.differences() == [])
    }
}
