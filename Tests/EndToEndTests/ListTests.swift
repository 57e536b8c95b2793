import Foundation
import Sandbox
import TestSupport
import Testing

/// `dbxsync ls` as a user sees it.
@Suite(.timeLimit(.minutes(15)))
struct ListTests {
    private func entries(_ ending: Program.Ending) throws -> [String: String] {
        let document = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        let entries = try #require(document?["entries"] as? [[String: Any]], "\(ending)")
        return Dictionary(
            entries.map { ($0["path"] as? String ?? "", $0["mirror"] as? String ?? "") }, uniquingKeysWith: { $1 })
    }

    @Test("before the first pass everything is told as missing, and nothing is written")
    func before() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/Docs/a.txt", "a")
            let listed = try await fixture.place.run("ls")
            #expect(listed.code == 0 && listed.output == "  Docs/\n", "\(listed)")
            #expect(!FileManager.default.fileExists(atPath: fixture.place.stateFile))
        }
    }

    @Test("each entry has the mark of what stands in the mirror, beside a daemon and without one")
    func marks() async throws {
        try await DaemonFixture.run(["mirror": "exclude = [\"*.tmp\"]"]) { fixture in
            try fixture.account.put("/Docs/Same.txt", "same")
            try fixture.account.put("/Docs/Changed.txt", "old")
            try fixture.account.put("/Docs/x.tmp", "excluded")
            var traits = FileTraits()
            traits.isDownloadable = false
            try fixture.account.put("/Docs/Sheet.gsheet", .bytes([]), traits: traits)
            _ = try await fixture.place.run("sync")
            try fixture.account.put("/Docs/Changed.txt", "new")
            try fixture.account.put("/Docs/Sub/Late\u{202E}.txt", "late")
            let expected = [
                "/Docs/Same.txt": "same", "/Docs/Changed.txt": "other", "/Docs/x.tmp": "excluded",
                "/Docs/Sheet.gsheet": "parked", "/Docs/Sub": "missing", "/Docs/Sub/Late\u{202E}.txt": "missing",
            ]
            let all = try await fixture.place.run("ls", "/docs", "--recursive", "--json")
            #expect(try entries(all) == expected, "\(all)")
            let plain = try await fixture.place.run("ls", "Docs/")
            let lines = plain.output.split(separator: "\n")
            #expect(plain.code == 0)
            #expect(lines == ["~ Changed.txt", "= Same.txt", "! Sheet.gsheet", "  Sub/", "- x.tmp"], "\(plain)")
            let deep = try await fixture.place.run("ls", "--recursive", "--long")
            #expect(deep.output.contains("  Docs/Sub/Late\\u{202e}.txt\n"), "\(deep)")
            #expect(deep.output.contains("=               4  "), "\(deep)")
            let one = try await fixture.place.run("ls", "/docs/SAME.txt")
            #expect(one.code == 0 && one.output == "= Same.txt\n", "\(one)")

            let daemon = try fixture.place.start("run")
            try await eventually("the daemon's pass", or: daemon.log) {
                let now = try entries(try await fixture.place.run("ls", "/Docs", "--json"))
                return now["/Docs/Changed.txt"] == "same" && now["/Docs/Sub"] == "same"
            }
        }
    }

    @Test("what is not there, and who is not signed in, is told with an exit code")
    func refusals() async throws {
        try await DaemonFixture.run { fixture in
            let missing = try await fixture.place.run("ls", "/nowhere")
            #expect(missing.code == 1 && missing.output == "", "\(missing)")
            #expect(missing.errors == "dbxsync: /nowhere: no such file or folder in the account\n")
            try FileManager.default.removeItem(atPath: fixture.place.folder("state/credentials.json"))
            #expect(try await fixture.place.run("ls").code == 77)
        }
    }

    @Test("outside of the mirrored folder everything is left out; without a path the mirrored folder is listed")
    func remoteRoot() async throws {
        try await DaemonFixture.run(["mirror": "remote_root = \"/Team\""]) { fixture in
            try fixture.account.put("/Team/in.txt", "in")
            try fixture.account.put("/Teams/out.txt", "out")
            #expect(try await fixture.place.run("sync").code == 0)
            #expect(try await fixture.place.run("ls").output == "= in.txt\n")
            let top = try entries(try await fixture.place.run("ls", "/", "--recursive", "--json"))
            #expect(top["/Team/in.txt"] == "same" && top["/Teams/out.txt"] == "excluded" && top["/Teams"] == "excluded")
        }
    }

    @Test("a folder of many pages is listed whole, once each, and a reader that goes away ends it")
    func large() async throws {
        try await DaemonFixture.run { fixture in
            for number in 0..<4_500 { try fixture.account.put("/big/\(number)", "x") }
            let listed = try await fixture.place.run("ls", "/big")
            let names = listed.output.split(separator: "\n").map { $0.dropFirst(2) }
            #expect(listed.code == 0 && names.count == 4_500 && Set(names).count == 4_500)
            #expect(fixture.server.log.records.contains { $0.endpoint == "files/list_folder/continue" })
            let document = try await fixture.place.run("ls", "/big", "--json")
            #expect(try entries(document).count == 4_500)
            let dbxsync = try Program.path("dbxsync")
            let shell = try Program(
                "/bin/sh", ["-c", "\(dbxsync) ls /big --config \(fixture.place.configuration) | head -n 1"])
            let cut = try await shell.ending()
            #expect(cut.code == 0 && cut.errors == "", "\(cut)")
        }
    }

    @Test("log.format = \"json\" makes every line of the daemon a JSON object, from a reload on, too")
    func jsonLog() async throws {
        try await DaemonFixture.run(["log": "format = \"json\""]) { fixture in
            try fixture.account.put("/a.txt", "a")
            let socket = try NotifySocket()
            let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await fixture.equality(from: daemon)
            try await eventually("the end of the pass", or: daemon.log) { daemon.log.contains("pass_done") }
            let objects = try daemon.log.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(objects.allSatisfy { $0["time"] is String && $0["level"] is String && $0["message"] is String })
            let placed = objects.first { $0["event"] as? String == "file_placed" }
            #expect(placed?["path"] as? String == "/a.txt" && placed?["bytes"] as? Int == 1 && placed?["pass"] is Int)
            try fixture.place.configure(endpoint: fixture.server.url, ["log": "format = \"text\""])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            try await eventually("a line of text", or: daemon.log) {
                daemon.log.contains("notice  reloaded; in effect now: log.format\n")
            }
        }
    }
}
