import Foundation
import Sandbox
import TestSupport
import Testing

/// `dbxsync run` hears of changes while files arrive.
@Suite(.timeLimit(.minutes(15)))
struct ListeningTests {
    @Test("in a first mirror of a minute, a removal, an edit and an addition are done within seconds")
    func minute() async throws {
        try await DaemonFixture.run(["transfer": "bandwidth = \"1MB/s\"\nparallel = 4"]) { fixture in
            for name in ["/a/removed", "/edited", "/kept"] { try fixture.account.put(name, "as it was") }
            for number in 0..<12 {
                try fixture.account.put("/m/\(number)", .generated(seed: UInt64(number), size: 5_000_000))
            }
            let daemon = try fixture.place.start("run")
            func heard(_ what: String, _ condition: (Tree) -> Bool) async throws {
                try await eventually(what, within: .seconds(20), or: daemon.log) { try condition(fixture.mirror()) }
            }
            try await eventually("what is small", or: daemon.log) {
                try fixture.mirror().lines.keys.contains("kept") && fixture.downloads.count > 4
            }
            let before = try fixture.mirror().lines
            try fixture.account.delete("/a/removed")
            try await heard("the removal") { $0.lines["a/removed"] == nil && $0.lines["a"] != nil }
            try fixture.account.put("/edited", "as it is")
            try await heard("the edit") { $0.lines["edited"] != before["edited"] }
            try fixture.account.put("/z/added", "new")
            try await heard("the addition") { $0.lines["z/added"] != nil }
            // Files still arrive.
            #expect(try fixture.mirror().lines.keys.count { $0.hasPrefix("m/") } < 12)
            try fixture.place.configure(
                endpoint: fixture.server.url, ["transfer": "bandwidth = \"2GB/s\"\nparallel = 4"])
            daemon.send(SIGHUP)
            try await fixture.equality(from: daemon)
        }
    }
}
