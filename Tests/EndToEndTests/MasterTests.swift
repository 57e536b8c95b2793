import Foundation
import Sandbox
import TestSupport
import Testing

/// One mirror has one master: one process at a time, one account, one folder.
@Suite(.timeLimit(.minutes(15)))
struct MasterTests {
    /// Another configuration for the same mirror: a state directory of its own, and what `more` says.
    private func rival(_ fixture: DaemonFixture, endpoint: String? = nil, _ mirror: String = "") throws -> Installation
    {
        let rival = try Installation()
        try FileManager.default.removeItem(atPath: rival.mirror)
        try FileManager.default.createSymbolicLink(atPath: rival.mirror, withDestinationPath: fixture.place.mirror)
        try rival.configure(endpoint: endpoint ?? fixture.server.url, ["mirror": mirror])
        try rival.signIn(accessToken: Tokens.standing)
        return rival
    }

    private func marker(_ fixture: DaemonFixture) throws -> String {
        try String(contentsOfFile: fixture.place.folder("mirror/.dbxsync/mirror-id"), encoding: .utf8)
    }

    @Test("a second one on the same mirror ends with 75, whatever its state directory, and says who works there")
    func twoStates() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            let rival = try rival(fixture)
            for command in [["sync"], ["run"], ["verify", "--repair"]] {
                let ending = try await Program("dbxsync", command + ["--config", rival.configuration]).ending()
                #expect(ending.code == 75, "\(command): \(ending)")
                #expect(
                    ending.errors.contains("(PID \(daemon.pid), state directory \(fixture.place.folder("state")))"),
                    "\(command): \(ending)")
            }
            #expect(daemon.isRunning)
            try fixture.account.put("/more.txt", "more")
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            // One after the other is fine: what is there is adopted.
            fixture.server.log.clear()
            let ending = try await rival.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(fixture.downloads.count == 0)
            #expect(try fixture.differences() == [])
        }
    }

    @Test("a large file that one is fetching is not taken from it by another")
    func parts() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.configure { $0.rate = 4_000_000 }
            try fixture.account.put("/large.bin", .generated(seed: 1, size: 30_000_000))
            let daemon = try fixture.place.start("run")
            try await eventually("some megabytes", or: daemon.log) { fixture.server.log.counters.bytes > 8_000_000 }
            let rival = try rival(fixture)
            let ending = try await rival.run("sync")
            #expect(ending.code == 75, "\(ending)")
            try await fixture.equality(from: daemon)
        }
    }

    @Test("another account on the same mirror ends with 73, says what to do, and touches nothing")
    func twoAccounts() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            try await fixture.sync()
            let before = try (fixture.mirror(), marker(fixture))
            #expect(before.1.contains("account: dbid:") && before.1.contains("folder: ns:"))
            let other = SandboxServer(account: Account())
            other.account.configure { $0.accountID = "dbid:AAOtherOtherOtherOtherOtherOtherOth0" }
            try other.account.put("/theirs.txt", "theirs")
            try await other.start()
            let rival = try rival(fixture, endpoint: other.url)
            for command in ["sync", "run"] {
                let ending = try await rival.run(command)
                #expect(ending.code == 73, "\(command): \(ending)")
                #expect(ending.errors.contains("is the mirror of another account"), "\(command): \(ending)")
                #expect(ending.errors.contains("dbxsync auth"), "\(command): \(ending)")
            }
            let status = try await rival.run("status")
            #expect(status.code == 1, "\(status)")
            #expect(try (fixture.mirror(), marker(fixture)) == before)
            // A directory of its own, as the sentence says, is all it takes: nothing ties its state to the other one.
            try FileManager.default.removeItem(atPath: rival.mirror)
            _ = try rival.folder.folder("mirror")
            #expect(try await rival.run("sync").code == 0)
            await other.stop()
            try await fixture.sync()
        }
    }

    @Test("another folder of the account on the same mirror ends with 73; given up on purpose the mirror is adopted")
    func twoRoots() async throws {
        try await DaemonFixture.run { fixture in
            for number in 0..<5 { try fixture.account.put("/Docs/\(number).txt", "text \(number)") }
            try await fixture.sync()
            let before = try fixture.mirror()
            let rival = try rival(fixture, "remote_root = \"/Docs\"")
            let ending = try await rival.run("sync")
            #expect(ending.code == 73 && ending.errors.contains("is the mirror of another folder"), "\(ending)")
            #expect(try fixture.mirror() == before)
            try FileManager.default.removeItem(atPath: fixture.place.folder("mirror/.dbxsync/mirror-id"))
            let given = try await rival.run("sync")
            #expect(given.code == 0, "\(given)")
            #expect(try marker(fixture).contains("path: /Docs"))
            // What the other one has left is nobody's now, and stays.
            #expect(Set(try fixture.mirror().lines.keys).isSuperset(of: before.lines.keys))
            let old = try await fixture.place.run("sync")
            #expect(old.code == 73, "\(old)")
        }
    }

    @Test("a mirror of an earlier version is taken over without a word, and its marker is bound from then on")
    func takeover() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 20))
            try await fixture.sync()
            let bound = try marker(fixture)
            let id = try #require(bound.split(separator: "\n").first)
            try "\(id)\n".write(
                toFile: fixture.place.folder("mirror/.dbxsync/mirror-id"), atomically: false, encoding: .utf8)
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 0 && !ending.errors.contains("warning"), "\(ending)")
            #expect(try marker(fixture) == bound)
        }
    }

    @Test("a folder that was renamed in Dropbox goes on under its new mirror.remote_root, and nothing is fetched anew")
    func renamedRoot() async throws {
        try await DaemonFixture.run(["mirror": "remote_root = \"/Docs\""]) { fixture in
            for number in 0..<5 { try fixture.account.put("/Docs/\(number).txt", "text \(number)") }
            #expect(try await fixture.place.run("sync").code == 0)
            let before = try fixture.mirror()
            try fixture.account.move("/Docs", "/Papers")
            try fixture.account.put("/Papers/new.txt", "new")
            #expect(try await fixture.place.run("sync").code != 0)
            #expect(try fixture.mirror() == before)
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "remote_root = \"/Papers\""])
            fixture.server.log.clear()
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(fixture.downloads.count == 1)
            #expect(Set(try fixture.mirror().lines.keys) == Set(before.lines.keys).union(["new.txt"]))
            #expect(try marker(fixture).contains("path: /Papers"))
            // Another folder is still another folder.
            try fixture.account.put("/Docs/other.txt", "other")
            try fixture.place.configure(endpoint: fixture.server.url, ["mirror": "remote_root = \"/Docs\""])
            let other = try await fixture.place.run("sync")
            #expect(other.code == 73 && other.errors.contains("mirror.remote_root"), "\(other)")
        }
    }
}
