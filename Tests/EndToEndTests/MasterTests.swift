import Foundation
import Sandbox
import TestSupport
import Testing

/// One mirror has one master: one process at a time, one account, one folder.
struct MasterTests {
    /// Another configuration for the same mirror: a state directory of its own, and what `more` says.
    private func rival(_ stand: Stand, endpoint: String? = nil, _ mirror: String = "") throws -> Installation {
        let rival = try Installation()
        try FileManager.default.removeItem(atPath: rival.mirror)
        try FileManager.default.createSymbolicLink(atPath: rival.mirror, withDestinationPath: stand.place.mirror)
        try rival.configure(endpoint: endpoint ?? stand.server.url, ["mirror": mirror])
        try rival.signIn(accessToken: Tokens.standing)
        return rival
    }

    private func marker(_ stand: Stand) throws -> String {
        try String(contentsOfFile: stand.place.folder("mirror/.dbxsync/mirror-id"), encoding: .utf8)
    }

    @Test("a second one on the same mirror ends with 75, whatever its state directory, and says who works there")
    func twoStates() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            let daemon = try stand.place.start("run")
            try await stand.equality(from: daemon)
            let rival = try rival(stand)
            for command in [["sync"], ["run"], ["verify", "--repair"]] {
                let ending = try await Program("dbxsync", command + ["--config", rival.configuration]).ending()
                #expect(ending.code == 75, "\(command): \(ending)")
                #expect(
                    ending.errors.contains("(PID \(daemon.pid), state directory \(stand.place.folder("state")))"),
                    "\(command): \(ending)")
            }
            #expect(daemon.isRunning)
            try stand.account.put("/more.txt", "more")
            try await stand.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            // One after the other is fine: what is there is adopted.
            stand.server.log.clear()
            let ending = try await rival.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(stand.downloads.count == 0)
            #expect(try stand.differences() == [])
        }
    }

    @Test("a large file that one is fetching is not taken from it by another")
    func parts() async throws {
        try await Stand.run { stand in
            stand.account.configure { $0.rate = 4_000_000 }
            try stand.account.put("/large.bin", .generated(seed: 1, size: 30_000_000))
            let daemon = try stand.place.start("run")
            try await eventually("some megabytes", or: daemon.told) { stand.server.log.counters.bytes > 8_000_000 }
            let rival = try rival(stand)
            let ending = try await rival.run("sync")
            #expect(ending.code == 75, "\(ending)")
            try await stand.equality(from: daemon)
        }
    }

    @Test("another account on the same mirror ends with 73, says what to do, and touches nothing")
    func twoAccounts() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            try await stand.sync()
            let before = try (stand.mirror(), marker(stand))
            #expect(before.1.contains("account: dbid:") && before.1.contains("folder: ns:"))
            let other = SandboxServer(account: Account())
            other.account.configure { $0.accountID = "dbid:AAOtherOtherOtherOtherOtherOtherOth0" }
            try other.account.put("/theirs.txt", "theirs")
            try await other.start()
            let rival = try rival(stand, endpoint: other.url)
            for command in ["sync", "run"] {
                let ending = try await rival.run(command)
                #expect(ending.code == 73, "\(command): \(ending)")
                #expect(ending.errors.contains("is the mirror of another account"), "\(command): \(ending)")
                #expect(ending.errors.contains("dbxsync auth"), "\(command): \(ending)")
            }
            let status = try await rival.run("status")
            #expect(status.code == 1, "\(status)")
            #expect(try (stand.mirror(), marker(stand)) == before)
            // A directory of its own, as the sentence says, is all it takes: nothing ties its state to the other one.
            try FileManager.default.removeItem(atPath: rival.mirror)
            _ = try rival.folder.folder("mirror")
            #expect(try await rival.run("sync").code == 0)
            await other.stop()
            try await stand.sync()
        }
    }

    @Test("another folder of the account on the same mirror ends with 73; given up on purpose the mirror is adopted")
    func twoRoots() async throws {
        try await Stand.run { stand in
            for number in 0..<5 { try stand.account.put("/Docs/\(number).txt", "text \(number)") }
            try await stand.sync()
            let before = try stand.mirror()
            let rival = try rival(stand, "remote_root = \"/Docs\"")
            let ending = try await rival.run("sync")
            #expect(ending.code == 73 && ending.errors.contains("is the mirror of another folder"), "\(ending)")
            #expect(try stand.mirror() == before)
            try FileManager.default.removeItem(atPath: stand.place.folder("mirror/.dbxsync/mirror-id"))
            let given = try await rival.run("sync")
            #expect(given.code == 0, "\(given)")
            #expect(try marker(stand).contains("path: /Docs"))
            // What the other one has left is nobody's now, and stays.
            #expect(Set(try stand.mirror().lines.keys).isSuperset(of: before.lines.keys))
            let old = try await stand.place.run("sync")
            #expect(old.code == 73, "\(old)")
        }
    }

    @Test("a mirror of an earlier version is taken over without a word, and its marker is bound from then on")
    func takeover() async throws {
        try await Stand.run { stand in
            stand.account.fill(Seed(files: 20))
            try await stand.sync()
            let bound = try marker(stand)
            let id = try #require(bound.split(separator: "\n").first)
            try "\(id)\n".write(
                toFile: stand.place.folder("mirror/.dbxsync/mirror-id"), atomically: false, encoding: .utf8)
            let ending = try await stand.place.run("sync")
            #expect(ending.code == 0 && !ending.errors.contains("warning"), "\(ending)")
            #expect(try marker(stand) == bound)
        }
    }

    @Test("a folder that was renamed in Dropbox goes on under its new mirror.remote_root, and nothing is fetched anew")
    func renamedRoot() async throws {
        try await Stand.run(["mirror": "remote_root = \"/Docs\""]) { stand in
            for number in 0..<5 { try stand.account.put("/Docs/\(number).txt", "text \(number)") }
            #expect(try await stand.place.run("sync").code == 0)
            let before = try stand.mirror()
            try stand.account.move("/Docs", "/Papers")
            try stand.account.put("/Papers/new.txt", "new")
            #expect(try await stand.place.run("sync").code != 0)
            #expect(try stand.mirror() == before)
            try stand.place.configure(endpoint: stand.server.url, ["mirror": "remote_root = \"/Papers\""])
            stand.server.log.clear()
            let ending = try await stand.place.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(stand.downloads.count == 1)
            #expect(Set(try stand.mirror().lines.keys) == Set(before.lines.keys).union(["new.txt"]))
            #expect(try marker(stand).contains("path: /Papers"))
            // Another folder is still another folder.
            try stand.account.put("/Docs/other.txt", "other")
            try stand.place.configure(endpoint: stand.server.url, ["mirror": "remote_root = \"/Docs\""])
            let other = try await stand.place.run("sync")
            #expect(other.code == 73 && other.errors.contains("mirror.remote_root"), "\(other)")
        }
    }
}
