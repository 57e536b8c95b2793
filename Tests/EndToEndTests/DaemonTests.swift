import Foundation
import Sandbox
import TestSupport
import Testing

/// `dbxsync run` as a service manager sees it.
@Suite(.timeLimit(.minutes(15)))
struct DaemonTests {
    @Test("it mirrors, hears of changes by longpoll, reloads, and ends with 0 at SIGTERM")
    func life() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 300))
            let socket = try NotifySocket()
            let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try await fixture.equality(from: daemon)

            try change(fixture.account)
            try await fixture.equality(from: daemon)
            #expect(fixture.aside == [])
            try await eventually("a status in step", or: daemon.log) {
                socket.assignments.contains { $0.hasPrefix("STATUS=in step as of") }
            }

            daemon.send(SIGHUP)
            try await socket.wait(for: "RELOADING=1", from: daemon)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            #expect(socket.assignments.contains { $0.hasPrefix("MONOTONIC_USEC=") })

            daemon.send(SIGTERM)
            let ending = try await daemon.ending(within: .seconds(10))
            #expect(ending.code == 0, "\(ending)")
            #expect(socket.assignments.contains("STOPPING=1"))
        }
    }

    /// Adds, edits, renames a folder and a file, and deletes.
    private func change(_ account: Account) throws {
        let tree = account.tree()
        let files = tree.filter(\.isFile)
        let folder = try #require(tree.first { !$0.isFile })
        try account.put("/neu/Ünïcode ’.txt", "added")
        try account.put(try #require(files.last).path, "edited")
        try account.move(folder.path, folder.path + " renamed")
        try account.move(try #require(files.dropLast().last).path, "/moved.bin")
        try account.delete(try #require(tree.last { !$0.isFile }).path)
    }

    @Test("a wrong configuration at SIGHUP changes nothing, the right one takes effect")
    func reload() async throws {
        try await DaemonFixture.run { fixture in
            let socket = try NotifySocket()
            let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try fixture.place.configure(endpoint: fixture.server.url, ["transfer": "paralel = 1\nbandwidth = 7"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            #expect(daemon.log.contains("transfer.paralel") && daemon.log.contains("transfer.bandwidth"))
            try fixture.account.put("/still.txt", "there")
            try await fixture.equality(from: daemon)
            try fixture.place.configure(endpoint: fixture.server.url, ["transfer": "parallel = 3"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 3, from: daemon)
            #expect(daemon.log.contains("transfer.parallel"), "\(daemon.log)")
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "exclude = [\"still.txt\"]"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 4, from: daemon)
            #expect(daemon.log.contains("from the next pass on: mirror.exclude"), "\(daemon.log)")
            try await eventually("a pass with the patterns", or: daemon.log) {
                daemon.log.contains("another selection is in effect")
            }
            try fixture.account.delete("/still.txt")
            try fixture.account.put("/next.txt", "next")
            try await eventually("the next file", or: daemon.log) {
                (try? fixture.mirror().lines.keys.sorted()) == ["next.txt", "still.txt"]
            }
        }
    }

    /// A daemon in the middle of a download that would take hours.
    private func longDownload(_ fixture: DaemonFixture) async throws -> (Program, NotifySocket) {
        try fixture.account.put("/large.bin", .generated(seed: 1, size: 100_000_000))
        let socket = try NotifySocket()
        let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
        try await socket.wait(for: "READY=1", from: daemon)
        try await eventually("a download", or: daemon.log) { fixture.downloads.count > 0 }
        return (daemon, socket)
    }

    @Test("a bandwidth limit that would take hours is gone after SIGHUP")
    func bandwidth() async throws {
        try await DaemonFixture.run(["transfer": "bandwidth = \"10kB/s\""]) { fixture in
            let (daemon, socket) = try await longDownload(fixture)
            #expect(try fixture.mirror().lines == [:])
            try fixture.place.configure(endpoint: fixture.server.url, ["transfer": "bandwidth = \"2GB/s\""])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            try await fixture.equality(from: daemon)
        }
    }

    @Test("a rule of the timetable holds transfers back, status names it, and a reload without it lets them go")
    func timetable() async throws {
        let rule = "[[transfer.timetable]]\nbandwidth = \"10kB/s\"\n"
        try await DaemonFixture.run(["transfer": rule]) { fixture in
            let (daemon, socket) = try await longDownload(fixture)
            try await eventually("the limit", or: daemon.log) {
                try await fixture.place.run("status").output.contains(
                    "  limit      10.0 kB/s (transfer.timetable, rule 1)\n")
            }
            let document = try await fixture.place.run("status", "--json").output
            let report = try JSONSerialization.jsonObject(with: Data(document.utf8)) as? [String: Any]
            let limit = report?["limit"] as? [String: Any]
            #expect(limit?["bytes_per_second"] as? Int == 10_000 && limit?["rule"] as? Int == 1)
            #expect(limit?["until"] is NSNull)
            #expect(try fixture.mirror().lines == [:])
            // What the file says does not count before the reload.
            try fixture.place.configure(endpoint: fixture.server.url, ["transfer": "bandwidth = \"2GB/s\""])
            #expect(try await fixture.place.run("status").output.contains("(transfer.timetable, rule 1)"))
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            try await fixture.equality(from: daemon)
            try await eventually("the new limit", or: daemon.log) {
                try await fixture.place.run("status").output.contains("  limit      2.0 GB/s (transfer.bandwidth)\n")
            }
            #expect(daemon.log.contains("the limit on bandwidth is now 2.0 GB/s"), "\(daemon.log)")
        }
    }

    @Test("the timetable goes by local time")
    func localTime() async throws {
        // Three hours before and after this moment in UTC; twelve hours away it is another time of day.
        let hour = Int(Date().timeIntervalSince1970) / 3_600 % 24
        let rule =
            "[[transfer.timetable]]\nfrom = \"\((hour + 21) % 24):00\"\nto = \"\((hour + 3) % 24):00\"\n"
            + "bandwidth = \"2MB/s\"\n"
        try await DaemonFixture.run(["transfer": rule]) { fixture in
            try await fixture.sync()
            for (zone, text) in [
                ("UTC", "2.0 MB/s until "), ("XXX-12", "unlimited until "), ("XXX+11", "unlimited until "),
            ] {
                let status = try await fixture.place.start("status", environment: ["TZ": zone]).ending()
                #expect(status.output.contains("  limit      \(text)"), "\(zone) \(status)")
            }
        }
    }

    @Test("a reload in a long first pass is answered and told at once; what it cannot change counts right after it")
    func longPass() async throws {
        try await DaemonFixture.run(["transfer": "bandwidth = \"10kB/s\""]) { fixture in
            let (daemon, socket) = try await longDownload(fixture)
            // News are heard beside the download.
            try fixture.account.put("/small.txt", "small")
            try await eventually("news", or: daemon.log) { (try? fixture.mirror().lines.keys.count) == 1 }
            let mirror = ["mirror": "exclude = [\"*.tmp\"]"]
            let slow = ["transfer": "bandwidth = \"10kB/s\"\nparallel = 3", "log": "level = \"debug\""]
            try fixture.place.configure(endpoint: fixture.server.url, mirror.merging(slow) { $1 })
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            #expect(
                daemon.log.contains(
                    "reloaded; in effect now: log.level; from the next pass on: mirror.exclude, transfer.parallel"),
                "\(daemon.log)")
            // The request is taken for news by the pass that is under way.
            try fixture.account.put("/more.txt", "more")
            try await eventually("more news", or: daemon.log) { (try? fixture.mirror().lines.keys.count) == 2 }
            #expect(!daemon.log.contains("another selection is in effect"), "\(daemon.log)")
            let fast = ["transfer": "bandwidth = \"2GB/s\"\nparallel = 3"]
            try fixture.place.configure(endpoint: fixture.server.url, mirror.merging(fast) { $1 })
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 3, from: daemon)
            try await fixture.equality(from: daemon)
            try await eventually("a pass with the patterns", or: daemon.log) {
                daemon.log.contains("another selection is in effect")
            }
        }
    }

    @Test("SIGINT in a download ends it with 0; the next run asks for the rest only")
    func interrupted() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.configure { $0.rate = 4_000_000 }
            // Two segments: whole blocks of 4 MiB are there when it ends.
            try fixture.place.configure(endpoint: fixture.server.url, ["transfer": "parallel = 2"])
            try fixture.account.put("/big.bin", .generated(seed: 1, size: 60_000_000))
            let daemon = try fixture.place.start("run")
            try await eventually("some megabytes", or: daemon.log) { fixture.server.log.counters.bytes > 20_000_000 }
            daemon.send(SIGINT)
            let ending = try await daemon.ending(within: .seconds(10))
            #expect(ending.code == 0, "\(ending)")
            #expect(try fixture.mirror().lines == [:])
            fixture.server.log.clear()
            fixture.account.configure { $0.rate = 0 }
            try await fixture.sync()
            // At most a block of each segment that was under way comes twice.
            #expect(fixture.server.log.counters.bytes < 60_000_000)
        }
    }

    @Test("an unchanged account costs one request and no download")
    func unchanged() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 50))
            try await fixture.sync()
            fixture.server.log.clear()
            try await fixture.sync()
            let counts = fixture.server.log.counters.endpoints
            #expect(counts["files/list_folder/continue"] == 1)
            #expect(
                counts.keys.allSatisfy { ["files/list_folder/continue", "users/get_current_account"].contains($0) })
        }
    }

    @Test("status speaks while the daemon runs; a second dbxsync on the same state ends with 75")
    func together() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            try await eventually("status 0", or: daemon.log) {
                daemon.log.contains("20 files placed")
            }
            let status = try await fixture.place.run("status")
            #expect(status.code == 0 && status.output.contains("running (PID \(daemon.pid))"), "\(status)")
            for command in ["run", "sync"] {
                let second = try await fixture.place.run(command)
                #expect(second.code == 75 && second.errors.contains("\(daemon.pid)"), "\(second)")
            }
            #expect(daemon.isRunning)
        }
    }

    @Test("a sign-in revoked at Dropbox ends the daemon with 77, which says what to run")
    func revoked() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            fixture.server.tokens.revokeAll()
            try fixture.account.put("/news.txt", "news")
            let ending = try await daemon.ending()
            #expect(ending.code == 77 && ending.errors.contains("dbxsync auth"), "\(ending)")
        }
    }

    @Test("a server that is away is waited for, and the mirror is brought up to date when it is back")
    func away() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let port = try #require(UInt16(fixture.server.url.split(separator: ":").last ?? ""))
            await fixture.server.stop()
            let socket = try NotifySocket()
            let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try await eventually("a waiting daemon", or: daemon.log) {
                socket.assignments.contains { $0.hasPrefix("STATUS=waiting") }
            }
            try await fixture.server.start(port: port)
            try await fixture.equality(from: daemon)
        }
    }
}
