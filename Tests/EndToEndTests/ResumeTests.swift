import Foundation
import Sandbox
import TestSupport
import Testing

/// A large file that is cut again and again, by the network and by `kill -9`: what has arrived is not fetched again.
@Suite(.timeLimit(.minutes(30)))
struct ResumeTests {
    /// The size of the file that is cut: `DBXSYNC_LARGE`, 128 MiB without it.
    private static let size = ProcessInfo.processInfo.environment["DBXSYNC_LARGE"].flatMap { Int64($0) } ?? 128 << 20

    @Test("a file whose download is cut 50 times costs less than 2 % more than its size")
    func cuts() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/large.bin", .generated(seed: 3, size: Self.size))
            // The bytes of the 50 answers that are cut, with those of the whole ones that must come in between.
            fixture.server.faults.add(
                Fault(.cut(after: Self.size / 64, isReset: false), endpoint: "files/download", times: 50))
            try await fixture.sync()
            let counters = fixture.server.log.counters
            #expect(counters.faults == 50)
            #expect(counters.bytes >= Self.size)
            #expect(counters.bytes < Self.size + Self.size / 50, "\(counters.bytes) bytes for \(Self.size)")
        }
    }

    @Test("kill -9 at a third and at two thirds: what was received is not asked for again")
    func kills() async throws {
        let size: Int64 = 128 << 20
        try await DaemonFixture.run(["transfer": "bandwidth = \"40MB/s\"\nparallel = 2"]) { fixture in
            try fixture.account.put("/large.bin", .generated(seed: 4, size: size))
            for part in 1...2 {
                let daemon = try fixture.place.start("run")
                try await eventually("part \(part) of 3", or: daemon.log) {
                    fixture.server.log.counters.bytes > size * Int64(part) / 3
                }
                try await daemon.crash()
                #expect(try fixture.mirror().lines == [:], "half a file has no name")
            }
            try await fixture.sync()
            let sent = fixture.server.log.counters.bytes
            #expect(sent < size + 2 * Self.lostByKill, "\(sent) bytes for \(size)")
        }
    }

    /// What one kill may cost: on each of two connections the block of 4 MiB that was not complete, and what was on its
    /// way in the two sockets' buffers, up to 4 MiB.
    private static let lostByKill: Int64 = 16 << 20
}
