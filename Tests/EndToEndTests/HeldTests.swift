import Foundation
import Sandbox
import TestSupport
import Testing

/// `dbxsync held`, and what the daemon says of removals that are held.
@Suite(.timeLimit(.minutes(15)))
struct HeldTests {
    private static let guarded = ["guard": "removals = 10\nshare = \"off\""]

    private func document(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any], "\(ending)")
    }

    private func fill(_ fixture: DaemonFixture) throws {
        for number in 0..<40 { try fixture.account.put("/d\(number % 2)/\(number)", "text \(number)") }
    }

    private func held(_ fixture: DaemonFixture) async throws -> [[String: Any]] {
        try #require(try document(try await fixture.place.run("held", "--json"))["holds"] as? [[String: Any]])
    }

    @Test("without a daemon: sync and status end with 1, approved they go, rejected they stay as strangers")
    func oneShot() async throws {
        try await DaemonFixture.run(Self.guarded) { fixture in
            try fill(fixture)
            try await fixture.sync()
            try fixture.account.delete("/d0")
            let preview = try await fixture.place.run("sync", "--dry-run")
            #expect(preview.output.contains("20 removals would be held"), "\(preview)")
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 1, "\(sync)")
            #expect(sync.errors.contains("20 removals are held"), "\(sync)")
            let status = try await fixture.place.run("status")
            #expect(
                status.code == 1 && status.output.hasPrefix("not in step: 20 removals held below /d0 since"),
                "\(status)")
            let list = try await fixture.place.run("held")
            #expect(list.code == 1 && list.output.contains("20 files") && list.output.contains("/d0"), "\(list)")
            let all = try await fixture.place.run("held", "--all")
            #expect(all.output.split(separator: "\n").count { $0.contains("  /d0/") } == 20, "\(all)")
            let unknown = try await fixture.place.run("held", "--approve", "7")
            #expect(unknown.code == 64 && unknown.errors.contains("there are: 1"), "\(unknown)")
            #expect(try await fixture.place.run("held", "--approve").code == 0)
            try await fixture.sync()
            #expect(try await fixture.place.run("held").code == 0)

            try fixture.account.delete("/d1")
            #expect(try await fixture.place.run("sync").code == 1)
            #expect(try await fixture.place.run("held", "--reject").code == 0)
            let after = try await fixture.place.run("sync")
            #expect(after.code == 0, "\(after)")
            #expect(try fixture.mirror().lines.keys.count { $0.hasPrefix("d1/") } == 20)
            #expect(try document(try await fixture.place.run("status", "--json"))["strangers"] as? Int == 1)
        }
    }

    @Test("a running daemon takes a decision within seconds, and one left for it before its start") func daemon()
        async throws
    {
        try await DaemonFixture.run(Self.guarded) { fixture in
            try fill(fixture)
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            try fixture.account.delete("/d0")
            try await eventually("a hold", or: daemon.log) { daemon.log.contains("20 removals are held") }
            let approved = try await fixture.place.run("held", "--approve")
            #expect(approved.code == 0 && approved.output.contains("hold 1 approved: 20 removals"), "\(approved)")
            try await fixture.equality(from: daemon)
            try fixture.account.delete("/d1")
            try await eventually("another hold", or: daemon.log) {
                daemon.log.components(separatedBy: "20 removals are held").count == 3
            }
            try await daemon.crash()
            #expect(try await fixture.place.run("held", "--approve").code == 0)
            try await fixture.equality(from: try fixture.place.start("run"))
        }
    }
}
