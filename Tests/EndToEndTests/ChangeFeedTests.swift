import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// `dbxsync history` and `dbxsync run-on-change` beside the real daemon.
@Suite(.timeLimit(.minutes(20)))
struct ChangeFeedTests {
    /// A line of the feed, as far as the tests look at it.
    private struct Line: Decodable, Equatable {
        var n: Int64
        var event: String
        var path: String
    }

    private func lines(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    private func history(_ fixture: DaemonFixture) async throws -> [Line] {
        let ending = try await fixture.place.run("history", "--json", "--after", "0")
        try #require(ending.code == 0, "\(ending)")
        return try lines(ending.output)
    }

    /// A stand with commands: each run of `name` keeps its input as `runs/NAME.N`, and ends as the script says.
    private func withCommand(
        _ script: String, more: String = "", _ body: (DaemonFixture) async throws -> Void
    ) async throws {
        try await DaemonFixture.run { fixture in
            let runs = try fixture.place.folder.folder("runs")
            let text = """
                n=$(ls "\(runs)" | wc -l)
                cat > "\(runs)/.part"
                mv "\(runs)/.part" "\(runs)/$(printf %03d $n)"
                \(script)
                """
            try fixture.place.folder.write(text, to: "command")
            let table = "command = [\"/bin/sh\", \"\(fixture.place.folder("command"))\"]\nsettle = \"200ms\"\n" + more
            try fixture.place.configure(endpoint: fixture.server.url, ["on_change.index": table])
            // A first mirror is summed up by folder.
            try fixture.account.put("/first.txt", "first")
            try await fixture.sync()
            try await body(fixture)
        }
    }

    /// What each run has got, in order.
    private func runs(_ fixture: DaemonFixture) throws -> [[Line]] {
        let folder = fixture.place.folder("runs")
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted().map {
            try lines(String(contentsOfFile: folder + "/" + $0, encoding: .utf8))
        }
    }

    private func runs(_ count: Int, _ fixture: DaemonFixture, _ feed: Program) async throws -> [[Line]] {
        try await eventually("\(count) runs", or: feed.log) { try runs(fixture).count >= count }
        return try runs(fixture)
    }

    private func waitForRow(_ path: String, _ fixture: DaemonFixture) async throws {
        try await eventually("a row of \(path)") {
            let rows = try await history(fixture)
            return rows.contains { $0.path == path } && rows.last?.event == "pass_done"
        }
    }

    /// Starts the command's runner, as soon as no command of an earlier one runs.
    private func started(_ fixture: DaemonFixture) async throws -> Program {
        var feed = try fixture.place.start("run-on-change", "index")
        try await eventually("the start", or: feed.log) {
            if !feed.isRunning { feed = try fixture.place.start("run-on-change", "index") }
            if feed.log.contains("is done again") { return true }
            guard feed.log.contains("of the history") else { return false }
            return try position(fixture)["upto"] == nil
        }
        return feed
    }

    /// Where the command stands; before that was ever written, in the middle of nothing.
    private func position(_ fixture: DaemonFixture) throws -> [String: Int64] {
        let file = fixture.place.folder("state/on-change/index.json")
        guard let text = FileManager.default.contents(atPath: file) else { return ["upto": -1] }
        return try JSONDecoder().decode([String: Int64].self, from: text)
    }

    @Test("history tells what has changed: last rows, of a path, of a kind, since a time, after a number")
    func history() async throws {
        try await DaemonFixture.run { fixture in
            for name in ["/a.txt", "/Docs/b.txt", "/Docs/c.txt"] { try fixture.account.put(name, name) }
            try await fixture.sync()
            try fixture.account.put("/Docs/d.txt", "new")
            try fixture.account.move("/a.txt", "/Docs/a.txt")
            try fixture.account.delete("/Docs/b.txt")
            try await fixture.sync()
            let all = try await history(fixture)
            #expect(all.map(\.n) == all.map(\.n).sorted() && Set(all.map(\.n)).count == all.count)
            #expect(all.last?.event == "pass_done")
            func paths(_ arguments: String...) async throws -> [String] {
                let ending = try await Program(
                    "dbxsync", ["history", "--json", "--config", fixture.place.configuration] + arguments
                ).ending()
                #expect(ending.code == 0 && ending.errors == "", "\(ending)")
                return try lines(ending.output).map(\.path)
            }
            #expect(try await paths("--limit", "1") == ["/"])
            #expect(
                try await paths("--event", "file_removed", "--event", "moved").sorted() == [
                    "/Docs/a.txt", "/Docs/b.txt",
                ])
            #expect(try await paths("/a.txt") == ["/Docs/a.txt"])
            #expect(try await paths("/docs/D.TXT") == ["/Docs/d.txt"])
            #expect(try await paths(fixture.place.folder("mirror/Docs/d.txt")) == ["/Docs/d.txt"])
            #expect(try await paths("--since", "1h") == all.map(\.path))
            #expect(try await paths("--until", "2020-01-01") == [])
            #expect(try await paths("--after", "\(all[0].n)") == all.dropFirst().map(\.path))
            #expect(try await paths("--after", "\(all[0].n)", "--limit", "2") == all.dropFirst().prefix(2).map(\.path))
            let text = try await fixture.place.run("history")
            #expect(text.output.contains("moved          /a.txt -> /Docs/a.txt (6 B)"), "\(text)")
            let nothing = try await fixture.place.run("history", "/no/such")
            #expect(
                nothing.code == 0 && nothing.output == "" && nothing.errors.contains("no such changes"), "\(nothing)")
            #expect(!nothing.errors.contains("as a whole"), "\(nothing)")
            let summedUp = try await fixture.place.run("history", "/docs/C.txt")
            #expect(
                summedUp.code == 0 && summedUp.output == ""
                    && summedUp.errors.contains("its folder was filled as a whole: ")
                    && summedUp.errors.contains("folder_filled  /Docs (2 files"), "\(summedUp)")
            let top = try await fixture.place.run("history", "/z.txt")
            #expect(top.errors.contains("folder_filled  / (1 file"), "\(top)")
        }
    }

    @Test("a wrong command line ends with 64, and says what is right")
    func wrong() async throws {
        let place = try Installation()
        for (arguments, text) in [
            (["--since", "yesterday"], "\"2026-11-30 05:00\""), (["--event", "placed"], "file_placed"),
            (["--limit", "0"], "at least 1"), (["../elsewhere"], "outside of the mirror"),
            (["--follow", "--until", "1h"], "--follow has no end"),
        ] {
            let all = ["history"] + arguments + ["--config", place.configuration]
            let ending = try await Program("dbxsync", all).ending()
            #expect(ending.code == 64 && ending.errors.contains(text), "\(ending)")
        }
        let early = try await place.run("history")
        #expect(early.code == 0 && early.errors.contains("dbxsync has not run here"), "\(early)")
    }

    @Test("--follow waits for the first history, tells changes as they come, and ends when nobody reads")
    func follow() async throws {
        try await DaemonFixture.run { fixture in
            let follower = try fixture.place.start("history", "--follow", "--json")
            let daemon = try fixture.place.start("run")
            try fixture.account.put("/first.txt", "first")
            try await eventually("a pass", or: follower.log) { follower.written.contains("\"event\":\"pass_done\"") }
            try fixture.account.put("/a.txt", "a")
            try await eventually("a row", or: follower.log) { follower.written.contains("\"path\":\"/a.txt\"") }
            try await daemon.crash()
            let next = try fixture.place.start("run")
            try fixture.account.put("/b.txt", "b")
            try await eventually("another row", or: follower.log) { follower.written.contains("\"path\":\"/b.txt\"") }
            next.send(SIGTERM)
            let ending = try await next.ending()
            #expect(ending.code == 0, "\(ending)")
            let log = try? FileManager.default.attributesOfItem(atPath: fixture.place.stateFile + "-wal")
            #expect(log?[.size] as? Int ?? 0 == 0, "it held the state open")
            try await eventually("all rows", or: follower.log) {
                try lines(follower.written) == (try await history(fixture))
            }
            let abandoned = try Program(
                "/bin/sh",
                [
                    "-c", "{ \"$0\" history --follow --json --config \"$1\"; echo $? >&2; } | head -n 1",
                    try Program.path("dbxsync"), fixture.place.configuration,
                ])
            try await follower.crash()
            let left = try await abandoned.ending()
            #expect(left.code == 0 && left.errors == "0\n", "\(left)")
        }
    }

    @Test("what is no longer kept is told")
    func pruned() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/a.txt", "a")
            try await fixture.sync()
            let first = try #require(try await history(fixture).first?.n)
            let ending = try await fixture.place.run("history", "--json", "--after", "\(first - 10)")
            #expect(
                ending.code == 0 && ending.errors.contains("rows up to \(first - 1) are no longer kept"), "\(ending)")
            #expect(try lines(ending.output).first?.n == first)
        }
    }

    @Test("a command gets what comes after its first start, a whole batch at a time, each once and in order")
    func batches() async throws {
        try await withCommand("echo \"$DBXSYNC_NAME $DBXSYNC_MIRROR\"") { fixture in
            let old = try await history(fixture)
            let notify = try NotifySocket()
            let feed = try fixture.place.start("run-on-change", "index", environment: ["NOTIFY_SOCKET": notify.path])
            try await notify.wait(for: "READY=1", from: feed)
            let daemon = try fixture.place.start("run")
            for number in 1...3 {
                for name in ["x", "y"] { try fixture.account.put("/\(number)/\(name)", "\(number)") }
                try await waitForRow("/\(number)/y", fixture)
                let all = try await history(fixture).dropFirst(old.count)
                try await eventually("the rows", or: feed.log) { try runs(fixture).flatMap(\.self).count >= all.count }
                let got = try runs(fixture)
                #expect(got.flatMap(\.self) == Array(all))
                #expect(got.allSatisfy { $0.last?.event == "pass_done" })
            }
            #expect(feed.written.contains("index \(fixture.place.mirror)\n"), "\(feed.written)")
            let last = try #require(try await history(fixture).last?.n)
            try await eventually("the position", or: feed.log) { try position(fixture) == ["after": last] }
            try await daemon.crash()
            feed.send(SIGTERM)
            let ending = try await feed.ending()
            #expect(ending.code == 0 && ending.errors.contains("runs for the first time"), "\(ending)")
        }
    }

    @Test("a command that fails gets the very same batch again, whatever has changed meanwhile, also after a restart")
    func failing() async throws {
        try await withCommand("[ -e \"$0.go\" ] || exit 7") { fixture in
            let first = try await started(fixture)
            try fixture.account.put("/a.txt", "a")
            try await fixture.sync()
            _ = try await runs(1, fixture, first)
            try await eventually("a warning", or: first.log) { first.log.contains("ended with exit code 7; again") }
            let begun = try position(fixture)
            #expect(begun["upto"] == (try await history(fixture).last?.n))
            try fixture.account.put("/b.txt", "b")
            try await fixture.sync()
            _ = try await runs(2, fixture, first)
            try await first.crash()
            let second = try await started(fixture)
            #expect(second.log.contains("the batch that was begun is done again"), "\(second.log)")
            let before = try runs(fixture).count
            _ = try await runs(before + 1, fixture, second)
            try fixture.place.folder.write("", to: "command.go")
            try await eventually("the next batch", or: second.log) {
                try runs(fixture).last?.contains { $0.path == "/b.txt" } == true
            }
            let got = try runs(fixture)
            #expect(got[0].contains { $0.path == "/a.txt" } && !got[0].contains { $0.path == "/b.txt" })
            #expect(got.dropLast().allSatisfy { $0 == got[0] })
            #expect(got.last?.contains { $0.path == "/a.txt" } == false)
            try await second.crash()
        }
    }

    @Test("batches without any of the events are passed over, and of the others only those events are handed over")
    func events() async throws {
        try await withCommand("", more: "events = [\"file_removed\"]") { fixture in
            let feed = try await started(fixture)
            for name in ["/a.txt", "/b.txt"] { try fixture.account.put(name, name) }
            try await fixture.sync()
            let placed = try #require(try await history(fixture).last?.n)
            try await eventually("the position", or: feed.log) { try position(fixture) == ["after": placed] }
            #expect(try runs(fixture).isEmpty)
            try fixture.account.delete("/a.txt")
            try fixture.account.put("/c.txt", "c")
            try await fixture.sync()
            let got = try await runs(1, fixture, feed)
            #expect(got.map { $0.map(\.path) } == [["/a.txt"]])
            try await feed.crash()
        }
    }

    @Test("a stop ends the command, whose batch comes again; while a killed one's command runs there is no second one")
    func stops() async throws {
        try await withCommand("trap 'exit 9' TERM; while [ ! -e \"$0.go\" ]; do sleep 0.1; done") { fixture in
            let first = try await started(fixture)
            try fixture.account.put("/a.txt", "a")
            try await fixture.sync()
            _ = try await runs(1, fixture, first)
            let other = try await fixture.place.run("run-on-change", "index")
            #expect(other.code == 75 && other.errors.contains("PID \(first.pid)"), "\(other)")
            first.send(SIGTERM)
            let stopped = try await first.ending()
            #expect(stopped.code == 0, "\(stopped)")
            let second = try fixture.place.start("run-on-change", "index")
            _ = try await runs(2, fixture, second)
            try await second.crash()
            let barred = try await fixture.place.run("run-on-change", "index")
            #expect(barred.code == 75, "\(barred)")
            try fixture.place.folder.write("", to: "command.go")
            let third = try await started(fixture)
            try await eventually("the end", or: third.log) { third.log.contains("the command has taken") }
            let got = try runs(fixture)
            #expect(got.count == 3 && got[1] == got[0] && got[2] == got[0])
            try await third.crash()
        }
    }

    @Test("an unknown name ends with 78 and says which there are; a state directory of its own is used")
    func names() async throws {
        try await withCommand("") { fixture in
            let ending = try await fixture.place.run("run-on-change", "indx")
            #expect(ending.code == 78 && ending.errors.contains("there are index"), "\(ending)")
            let own = try fixture.place.folder.folder("own")
            let feed = try fixture.place.start("run-on-change", "index", environment: ["STATE_DIRECTORY": own])
            try await eventually("a position", or: feed.log) { access(own + "/index.json", F_OK) == 0 }
            #expect(access(fixture.place.folder("state/on-change"), F_OK) != 0)
            try await feed.crash()
        }
    }
}
