import Foundation
import Sandbox
import TestSupport
import Testing

/// The one-shot commands.
@Suite(.timeLimit(.minutes(15)))
struct CommandTests {
    private func document(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any], "\(ending)")
    }

    @Test("a dry run says what would be done and changes nothing")
    func dryRun() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 30))
            let first = try await fixture.place.run("sync", "--dry-run", "--json")
            #expect(first.code == 0, "\(first)")
            let plan = try document(first)
            #expect(plan["files"] as? Int == 30)
            #expect(plan["bytes"] as? Int64 == fixture.account.usedBytes)
            #expect(try fixture.mirror().lines == [:])
            try await fixture.sync()
            let before = try fixture.mirror()
            try fixture.account.delete(try #require(fixture.account.tree().first { $0.isFile }).path)
            let second = try await fixture.place.run("sync", "--dry-run", "--json")
            #expect(try document(second)["removals"] as? Int == 1, "\(second)")
            #expect(try fixture.mirror() == before)
            // What others did in the mirror would be put right, too.
            let lost = try #require(fixture.account.tree().last { $0.isFile }).path
            try FileManager.default.removeItem(atPath: fixture.place.mirror + lost)
            let third = try await fixture.place.run("sync", "--dry-run", "--json")
            #expect(try document(third)["files"] as? Int == 1, "\(third)")
            #expect(!FileManager.default.fileExists(atPath: fixture.place.mirror + lost))
        }
    }

    @Test("sync --json and the log say where the time of a pass went, and of a short one the log says nothing")
    func times() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 30))
            let sync = try await fixture.place.run("sync", "--json")
            #expect(sync.code == 0, "\(sync)")
            let result = try document(sync)
            let seconds = try #require(result["seconds"] as? [String: Double], "\(sync)")
            let stages = [
                "hashing", "listing", "network", "planning", "publishing", "recording", "sweeping", "total", "writing",
            ]
            #expect(seconds.keys.sorted() == stages)
            let total = try #require(seconds["total"])
            #expect(seconds.values.allSatisfy { (0...total).contains($0) }, "\(seconds)")
            #expect(try #require(result["bytes_per_second"] as? Int64) > 0, "\(sync)")
            #expect(!sync.errors.contains("seconds"), "\(sync)")
            let unchanged = try document(try await fixture.place.run("sync", "--json"))
            #expect(unchanged["bytes_per_second"] as? Int64 == 0)
        }
    }

    @Test("what cannot be mirrored is listed with its reason; sync and status end with 1, the rest is there")
    func parked() async throws {
        try await DaemonFixture.run { fixture in
            var hashless = FileTraits()
            hashless.hidesHash = true
            try fixture.account.put("/old", .bytes([1]), traits: hashless)
            try fixture.account.put("/notes.paper", OnlineDocument(.paper))
            try fixture.account.put("/notes.paper.md", "another one")
            try fixture.account.put("/\(String(repeating: "ä", count: 128))", "a name of 256 bytes")
            try fixture.account.put("/.dbxsync", "ours")
            try fixture.account.put("/fine.txt", "fine")
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 1, "\(sync)")
            let status = try await fixture.place.run("status", "--json")
            #expect(status.code == 1, "\(status)")
            let report = try document(status)
            #expect(report["parked"] as? Int == 4 && report["failing"] as? Int == 0, "\(status)")
            let troubles = try #require(report["issues"] as? [[String: Any]])
            #expect((report["troubles"] as? [[String: Any]])?.count == troubles.count, "the old key")
            #expect(troubles.count == 4 && troubles.allSatisfy { ($0["reason"] as? String)?.isEmpty == false })
            // No sync by hand tries them sooner, so it is told when somebody does.
            let day = Date.now.addingTimeInterval(86_000)...Date.now.addingTimeInterval(86_500)
            for trouble in troubles {
                let text = try #require(trouble["next_try"] as? String)
                #expect(day.contains(try Date(text, strategy: .iso8601)), "\(trouble)")
            }
            #expect(sync.output.split(separator: "\n").count { $0.contains("; next try in ") } == 4, "\(sync)")
            let again = try await fixture.place.run("sync")
            #expect(again.code == 1 && again.output.contains("; next try in "), "\(again)")
            for name in ["old", "notes.paper", ".dbxsync", "ä"] {
                #expect(sync.output.contains(name), "\(name): \(sync)")
            }
            #expect(try fixture.mirror().lines.keys.sorted() == ["fine.txt", "notes.paper.md"])
        }
    }

    @Test("what cannot be mirrored and is accepted is listed, and the mirror is in step")
    func accepted() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 3))
            for path in ["/notes.paper", "/Deep/Other.PAPER", "/Deep/plan.gsheet"] {
                var old = FileTraits()
                old.hidesHash = true
                try fixture.account.put(path, .bytes([1]), traits: old)
            }
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "accept = [\"*.paper\"]"])
            #expect(try await fixture.place.run("sync").code == 1)
            var report = try document(try await fixture.place.run("status", "--json"))
            #expect(report["parked"] as? Int == 1 && report["accepted"] as? Int == 2, "\(report)")
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "accept = [\"*.paper\", \"/deep/\"]"])
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 0 && sync.output.contains("3 accepted"), "\(sync)")
            let status = try await fixture.place.run("status")
            #expect(status.code == 0 && status.output.contains("accepted   /Deep/plan.gsheet"), "\(status)")
            report = try document(try await fixture.place.run("status", "--json"))
            #expect(report["in_step"] as? Bool == true && report["accepted"] as? Int == 3, "\(report)")
        }
    }

    @Test("status --json has the same keys before, during and after")
    func statusKeys() async throws {
        try await DaemonFixture.run { fixture in
            let keys = [
                "accepted", "account", "backlog", "checked_at", "daemon", "daemon_end", "damaged_state", "disk_as_of",
                "failing",
                "heartbeat_problem", "held",
                "in_step", "in_step_as_of", "issues", "last_pass", "left_out", "limit", "listed_at", "listing",
                "mirror",
                "outbox",
                "parked",
                "proofs", "stale", "stranger_paths", "strangers", "textfile_problem", "troubles", "unread",
                "unread_entries",
            ]
            fixture.account.fill(Seed(files: 30))
            let before = try await fixture.place.run("status", "--json")
            #expect(before.code == 1, "\(before)")
            #expect(try document(before).keys.sorted() == keys)
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            let during = try await fixture.place.run("status", "--json")
            #expect(try document(during).keys.sorted() == keys)
            let running = try #require(try document(during)["daemon"] as? [String: Any])
            #expect(running["pid"] as? Int32 == daemon.pid)
            daemon.send(SIGTERM)
            _ = try await daemon.ending()
            try await fixture.sync()
            let after = try await fixture.place.run("status", "--json")
            #expect(after.code == 0, "\(after)")
            #expect(try document(after).keys.sorted() == keys)
            #expect(try document(after)["in_step"] as? Bool == true)
        }
    }

    @Test("patterns leave out what they match; status and a dry run say so, and verify finds no fault with it")
    func patterns() async throws {
        try await DaemonFixture.run(["mirror": "exclude = [\"*.TMP\", \"/private/\"]"]) { fixture in
            for path in ["/a.txt", "/b.tmp", "/private/c", "/d/e.tmp"] { try fixture.account.put(path, path) }
            let plan = try document(try await fixture.place.run("sync", "--dry-run", "--json"))
            #expect(plan["files"] as? Int == 1 && plan["folders"] as? Int == 1, "\(plan)")
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 0, "\(sync)")
            #expect(try fixture.mirror().lines.keys.sorted() == ["a.txt", "d"])
            let status = try await fixture.place.run("status", "--json")
            #expect(status.code == 0, "\(status)")
            #expect(try document(status)["left_out"] as? Int == 4, "\(status)")
            #expect(try await fixture.place.run("status").output.contains("left out   4 of the account"))
            // New patterns are not in effect before the next pass; then nothing is removed, and what comes in arrives.
            try fixture.place.configure(
                endpoint: fixture.server.url, ["mirror": "exclude = [\"a.txt\", \"/private/\"]"])
            #expect(try await fixture.place.run("status").code == 1)
            let next = try await fixture.place.run("sync")
            #expect(next.code == 0, "\(next)")
            #expect(try fixture.mirror().lines.keys.sorted() == ["a.txt", "b.tmp", "d", "d/e.tmp"])
            try fixture.place.folder.write("changed here", to: "mirror/a.txt")
            let verify = try await fixture.place.run("verify")
            #expect(verify.code == 0, "\(verify)")
        }
    }

    @Test("a file of somebody else's in the way is set aside, not lost")
    func aside() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/report.txt", "from Dropbox")
            try fixture.place.folder.write("from somebody else", to: "mirror/report.txt")
            try fixture.place.folder.write("a stranger", to: "mirror/stranger.txt")
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(
                try String(contentsOfFile: fixture.place.folder("mirror/report.txt"), encoding: .utf8) == "from Dropbox"
            )
            #expect(FileManager.default.fileExists(atPath: fixture.place.folder("mirror/stranger.txt")))
            let kept = try #require(fixture.aside.first { $0.hasSuffix("report.txt") })
            let path = fixture.place.folder("mirror/.dbxsync/aside/" + kept)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "from somebody else")
        }
    }

    @Test("verify finds a damaged file, --repair puts it right")
    func verify() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 30))
            try await fixture.sync()
            let clean = try await fixture.place.run("verify")
            #expect(clean.code == 0, "\(clean)")
            let victim = try #require(fixture.account.tree().first { $0.isFile })
            try fixture.place.folder.write("damaged", to: "mirror" + victim.path)
            let found = try await fixture.place.run("verify")
            #expect(found.code == 1 && found.output.contains(String(victim.path.dropFirst())), "\(found)")
            _ = try await fixture.place.run("verify", "--repair")
            #expect(try fixture.differences() == [])
            let again = try await fixture.place.run("verify")
            #expect(again.code == 0, "\(again)")
        }
    }
}
