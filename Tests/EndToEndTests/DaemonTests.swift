import Foundation
import Sandbox
import TestSupport
import Testing

/// `dbxsync run` as a service manager sees it.
struct DaemonTests {
    @Test("it mirrors, hears of changes by longpoll, reloads, and ends with 0 at SIGTERM")
    func life() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 300))
            let socket = try NotifySocket()
            let daemon = try stand.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try await stand.equality(from: daemon)

            try change(stand.account)
            try await stand.equality(from: daemon)
            #expect(stand.aside == [])
            try await eventually("a status in step", or: daemon.told) {
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
        try await Stand.run { stand in
            let socket = try NotifySocket()
            let daemon = try stand.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try stand.place.configure(endpoint: stand.server.url, ["transfer": "paralel = 1\nbandwidth = 7"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            #expect(daemon.told.contains("transfer.paralel") && daemon.told.contains("transfer.bandwidth"))
            try stand.account.put("/still.txt", "there")
            try await stand.equality(from: daemon)
            try stand.place.configure(endpoint: stand.server.url, ["transfer": "parallel = 3"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 3, from: daemon)
            #expect(daemon.told.contains("transfer.parallel"), "\(daemon.told)")
            try stand.place.configure(endpoint: stand.server.url, ["mirror": "exclude = [\"still.txt\"]"])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 4, from: daemon)
            #expect(daemon.told.contains("from the next pass on: mirror.exclude"), "\(daemon.told)")
            try await eventually("a pass with the patterns", or: daemon.told) {
                daemon.told.contains("mirror.exclude and mirror.include are in effect")
            }
            try stand.account.delete("/still.txt")
            try stand.account.put("/next.txt", "next")
            try await eventually("the next file", or: daemon.told) {
                (try? stand.mirror().lines.keys.sorted()) == ["next.txt", "still.txt"]
            }
        }
    }

    /// A daemon in the middle of a download that would take hours.
    private func longDownload(_ stand: Stand) async throws -> (Program, NotifySocket) {
        try stand.account.put("/large.bin", .generated(seed: 1, size: 100_000_000))
        let socket = try NotifySocket()
        let daemon = try stand.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
        try await socket.wait(for: "READY=1", from: daemon)
        try await eventually("a download", or: daemon.told) { stand.downloads.count > 0 }
        return (daemon, socket)
    }

    @Test("a bandwidth limit that would take hours is gone after SIGHUP")
    func bandwidth() async throws {
        try await Stand.run(["transfer": "bandwidth = \"10kB/s\""]) { stand in
            let (daemon, socket) = try await longDownload(stand)
            #expect(try stand.mirror().lines == [:])
            try stand.place.configure(endpoint: stand.server.url, ["transfer": "bandwidth = \"2GB/s\""])
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            try await stand.equality(from: daemon)
        }
    }

    @Test("a reload in a long first pass is answered and told at once; what it cannot change counts right after it")
    func longPass() async throws {
        try await Stand.run(["transfer": "bandwidth = \"10kB/s\""]) { stand in
            let (daemon, socket) = try await longDownload(stand)
            // News are heard beside the download.
            try stand.account.put("/small.txt", "small")
            try await eventually("news", or: daemon.told) { (try? stand.mirror().lines.keys.count) == 1 }
            let mirror = ["mirror": "exclude = [\"*.tmp\"]"]
            let slow = ["transfer": "bandwidth = \"10kB/s\"\nparallel = 3", "log": "level = \"debug\""]
            try stand.place.configure(endpoint: stand.server.url, mirror.merging(slow) { $1 })
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 2, from: daemon)
            #expect(
                daemon.told.contains(
                    "reloaded; in effect now: log.level; from the next pass on: mirror.exclude, transfer.parallel"),
                "\(daemon.told)")
            // The request is taken for news by the pass that is under way.
            try stand.account.put("/more.txt", "more")
            try await eventually("more news", or: daemon.told) { (try? stand.mirror().lines.keys.count) == 2 }
            #expect(!daemon.told.contains("mirror.exclude and mirror.include are in effect"), "\(daemon.told)")
            let fast = ["transfer": "bandwidth = \"2GB/s\"\nparallel = 3"]
            try stand.place.configure(endpoint: stand.server.url, mirror.merging(fast) { $1 })
            daemon.send(SIGHUP)
            try await socket.wait(for: "READY=1", times: 3, from: daemon)
            try await stand.equality(from: daemon)
            try await eventually("a pass with the patterns", or: daemon.told) {
                daemon.told.contains("mirror.exclude and mirror.include are in effect")
            }
        }
    }

    @Test("SIGINT in a download ends it with 0; the next run asks for the rest only")
    func interrupted() async throws {
        try await Stand.run { stand in
            stand.account.configure { $0.rate = 4_000_000 }
            // Two segments: whole blocks of 4 MiB are there when it ends.
            try stand.place.configure(endpoint: stand.server.url, ["transfer": "parallel = 2"])
            try stand.account.put("/big.bin", .generated(seed: 1, size: 60_000_000))
            let daemon = try stand.place.start("run")
            try await eventually("some megabytes", or: daemon.told) { stand.server.log.counters.bytes > 20_000_000 }
            daemon.send(SIGINT)
            let ending = try await daemon.ending(within: .seconds(10))
            #expect(ending.code == 0, "\(ending)")
            #expect(try stand.mirror().lines == [:])
            stand.server.log.clear()
            stand.account.configure { $0.rate = 0 }
            try await stand.sync()
            // At most a block of each segment that was under way comes twice.
            #expect(stand.server.log.counters.bytes < 60_000_000)
        }
    }

    @Test("an unchanged account costs one request and no download")
    func unchanged() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 50))
            try await stand.sync()
            stand.server.log.clear()
            try await stand.sync()
            let counts = stand.server.log.counters.endpoints
            #expect(counts["files/list_folder/continue"] == 1)
            #expect(
                counts.keys.allSatisfy { ["files/list_folder/continue", "users/get_current_account"].contains($0) })
        }
    }

    @Test("status speaks while the daemon runs; a second dbxsync on the same state ends with 75")
    func together() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            let daemon = try stand.place.start("run")
            try await stand.equality(from: daemon)
            try await eventually("status 0", or: daemon.told) {
                daemon.told.contains("20 files placed")
            }
            let status = try await stand.place.run("status")
            #expect(status.code == 0 && status.output.contains("running (PID \(daemon.pid))"), "\(status)")
            for command in ["run", "sync"] {
                let second = try await stand.place.run(command)
                #expect(second.code == 75 && second.errors.contains("\(daemon.pid)"), "\(second)")
            }
            #expect(daemon.isRunning)
        }
    }

    @Test("a sign-in revoked at Dropbox ends the daemon with 77, which says what to run")
    func revoked() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            let daemon = try stand.place.start("run")
            try await stand.equality(from: daemon)
            stand.server.tokens.revokeAll()
            try stand.account.put("/news.txt", "news")
            let ending = try await daemon.ending()
            #expect(ending.code == 77 && ending.errors.contains("dbxsync auth"), "\(ending)")
        }
    }

    @Test("a server that is away is waited for, and the mirror is brought up to date when it is back")
    func away() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            let port = try #require(UInt16(stand.server.url.split(separator: ":").last ?? ""))
            await stand.server.stop()
            let socket = try NotifySocket()
            let daemon = try stand.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await socket.wait(for: "READY=1", from: daemon)
            try await eventually("a waiting daemon", or: daemon.told) {
                socket.assignments.contains { $0.hasPrefix("STATUS=waiting") }
            }
            try await stand.server.start(port: port)
            try await stand.equality(from: daemon)
        }
    }
}
