import Engine
import Foundation
import MirrorFS
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct SegmentTests {
    private static let size = Int(BlockFile.leastSize) + 5_000_008

    private func fixture() throws -> (fixture: EngineFixture, rev: String) {
        let fixture = try EngineFixture(inMemory: true)
        let file = try fixture.account.put("/large", String(repeating: "0123456789", count: Self.size / 10))
        return (fixture, file.rev)
    }

    @Test("a large file comes in several segments and is what it should be") func segments() async throws {
        let (fixture, _) = try fixture()
        let report = try await fixture.pass()
        #expect(fixture.remote.downloads > 1)
        #expect(fixture.remote.bytes == Int64(Self.size))
        #expect(report.bytes == Int64(Self.size))
        #expect(report.downloaded == 1)
        #expect(try fixture.differences() == [])
    }

    @Test("after a failure only the blocks that are missing are fetched") func resume() async throws {
        let (fixture, rev) = try fixture()
        let calls = Atomic<Int>(0)
        fixture.remote.onDownload { asked in
            // The second segment and all after it fail.
            if asked == rev, calls.wrappingAdd(1, ordering: .relaxed).oldValue > 0 {
                throw SandboxError(disposition: .retry(after: nil))
            }
        }
        let first = try await fixture.pass()
        #expect(first.failed == 1)
        let got = fixture.remote.bytes
        #expect(got > 0 && got < Int64(Self.size))
        try fixture.crash()
        fixture.remote.onDownload(nil)
        fixture.time.advance(by: 3600)
        try await fixture.pass()
        #expect(fixture.remote.bytes == Int64(Self.size))
        #expect(try fixture.differences() == [])
    }

    @Test("a server that knows no ranges is asked for the whole") func noRanges() async throws {
        let (fixture, _) = try fixture()
        fixture.remote.ignoresRanges(true)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
    }
}
