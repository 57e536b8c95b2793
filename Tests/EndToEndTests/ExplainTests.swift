import Foundation
import Sandbox
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15)))
struct ExplainTests {
    private func explain(_ fixture: DaemonFixture, _ arguments: String...) async throws -> (
        code: Int32, report: [String: Any]
    ) {
        let all = ["explain"] + arguments + ["--json", "--config", fixture.place.configuration]
        let ending = try await Program("dbxsync", all).ending()
        let report = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        return (ending.code, try #require(report, "\(ending)"))
    }

    @Test("each path is explained for what it is")
    func states() async throws {
        let tables = ["mirror": "exclude = [\n    \"*.bak\",\n    \"/Private/\",\n]", "guard": "removals = 2"]
        try await DaemonFixture.run(tables) { fixture in
            let account = fixture.account
            for path in ["/D/a", "/D/gone", "/x.bak", "/Private/p", "/H/1", "/H/2", "/H/3"] {
                try account.put(path, .text(path))
            }
            var paper = FileTraits()
            paper.isDownloadable = false
            try account.put("/notes.paper", .bytes([1]), traits: paper)
            var blocked = FileTraits()
            blocked.isRestricted = true
            #expect(try await fixture.place.run("sync").code == 0)
            try account.delete("/D/gone")
            _ = try await fixture.place.run("sync")
            try account.put("/failing", .bytes([1]), traits: blocked)
            try account.delete("/H")
            _ = try await fixture.place.run("sync")
            let id = try #require(account.tree().first { $0.path == "/D/a" }).id
            let expected: [(path: String, state: String, code: Int32)] = [
                ("/D/a", "in_step", 0), ("/d/A", "in_step", 0), (fixture.place.mirror + "/D/a", "in_step", 0),
                (id, "in_step", 0), ("/x.bak", "left_out", 0), ("/Private/p", "left_out", 0),
                ("/notes.paper", "accepted", 0), ("/D/gone", "removed", 0), ("/H/1", "held", 1), ("/H", "held", 1),
                ("/D/b", "unknown", 1),
            ]
            for (path, state, code) in expected {
                let (found, report) = try await explain(fixture, path)
                #expect(report["state"] as? String == state && found == code, "\(path): \(report)")
            }
            let blockedReport = try await explain(fixture, "/failing")
            #expect(["parked", "failing"].contains(blockedReport.report["state"] as? String), "\(blockedReport)")
            #expect(blockedReport.code == 1)
            let pending = try #require(blockedReport.report["pending"] as? [String: Any])
            #expect((pending["reason"] as? String)?.isEmpty == false && pending["next_try"] is String)
            let text = try await fixture.place.run("explain", "/Private/p")
            let line = try String(contentsOfFile: fixture.place.configuration, encoding: .utf8)
                .split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.contains("/Private/") }
            #expect(text.output.contains("dbxsync.conf:\(try #require(line) + 1)"), "\(text)")
            let gone = try await fixture.place.run("explain", "/D/gone")
            #expect(gone.output.contains("file removed") && gone.output.contains("in trash"), "\(gone)")
            let similar = try await explain(fixture, "/D/aa").report["similar"] as? [String]
            #expect(similar == ["/D/a"])
            try account.put("/D/a", "news")
            #expect(try await explain(fixture, "/D/a", "--ask").report["state"] as? String == "changed")
            try FileManager.default.removeItem(atPath: fixture.place.mirror + "/D/a")
            let drift = try await explain(fixture, "/D/a")
            #expect(drift.report["state"] as? String == "drift" && drift.code == 1)
            let outside = try await fixture.place.run("explain", "../elsewhere")
            #expect(outside.code == 64, "\(outside)")
        }
    }
}
