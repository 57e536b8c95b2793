import Foundation
import Sandbox
import TestSupport
import Testing

/// Shared folders, over HTTP and with the commands.
@Suite(.timeLimit(.minutes(15)))
struct SharedFolderTests {
    /// Three shared folders: one with a nested one in it, one that may only be read, and one of a team.
    private func fill(_ account: Account) throws {
        for id in ["9001", "9002", "9003"] {
            account.makeSharedFolder(id, isTeamOwned: id == "9003")
            let shared = account.seen(from: .shared(id))
            for number in 0..<20 { try shared.put("/Sub \(number % 2)/\(number).txt", "\(id) \(number)") }
            try account.mount(id, at: "/Of others/\(id)")
        }
        try account.share("/Of others/9001/Sub 0", id: "9004")
        try account.setReadOnly("/Of others/9002", true)
        try account.put("/own.txt", "own")
    }

    @Test("an account with shared folders, documents of every kind and links is in step by default")
    func everything() async throws {
        try await DaemonFixture.run { fixture in
            try fill(fixture.account)
            var seed = Seed(files: 20)
            seed.documents = 50
            fixture.account.fill(seed)
            var link = FileTraits()
            link.symlinkTarget = "../elsewhere"
            try fixture.account.put("/Of others/9001/link", .bytes([]), traits: link)
            try await fixture.sync()
            let status = try await fixture.place.run("status")
            #expect(status.code == 0 && status.output.contains("9 accepted"), "\(status)")
        }
    }

    @Test("a daemon follows what others do with them")
    func daemon() async throws {
        try await DaemonFixture.run(["guard": "share = \"off\""]) { fixture in
            try fill(fixture.account)
            let account = fixture.account
            let daemon = try fixture.place.start("run")
            let changes: [(String, () throws -> Void)] = [
                ("news of another member", { try account.seen(from: .shared("9002")).put("/news", "news") }),
                ("renamed", { try account.move("/Of others/9001", "/Renamed") }),
                ("left", { try account.unmount("/Of others/9002") }),
                ("taken away", { try account.loseAccess("/Of others/9003") }),
                ("mounted elsewhere", { try account.mount("9002", at: "/Back/again") }),
                ("given back", { try account.regainAccess("/Of others/9003") }),
                ("seen in part", { try account.loseAccess("/Renamed", except: ["Sub 1"]) }),
            ]
            try await fixture.equality(from: daemon)
            for (what, change) in changes {
                try change()
                try await eventually("equality after: \(what)", or: daemon.log) {
                    (try? fixture.differences()) == []
                }
            }
            for words in [
                "the shared folder \"/Of others/9002\" was left or taken away",
                "the shared folder \"/Of others/9003\" was left or taken away",
            ] { #expect(daemon.log.contains(words), "\(daemon.log)") }
            #expect(daemon.isRunning)
        }
    }

    @Test("one that is taken away is held where it is much, and held and status say what it is")
    func held() async throws {
        try await DaemonFixture.run(["guard": "removals = 10\nshare = \"off\""]) { fixture in
            try fill(fixture.account)
            try await fixture.sync()
            let before = try fixture.mirror()
            try fixture.account.loseAccess("/Of others/9003")
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 1, "\(sync)")
            let words = "the shared folder \"/Of others/9003\" was left or taken away"
            #expect(sync.errors.contains(words), "\(sync)")
            #expect(try fixture.mirror() == before)
            let held = try await fixture.place.run("held")
            #expect(held.code == 1 && held.output.contains(words), "\(held)")
            let status = try await fixture.place.run("status")
            #expect(status.code == 1 && status.output.contains("20 removals held"), "\(status)")
            try fixture.account.regainAccess("/Of others/9003")
            try await fixture.sync()
            #expect(try await fixture.place.run("held").code == 0)
            try fixture.account.unmount("/Of others/9003")
            #expect(try await fixture.place.run("sync").code == 1)
            #expect(try await fixture.place.run("held", "--approve").code == 0)
            try await fixture.sync()
        }
    }

    @Test("rejected, what was in it stays; sync, status and explain say which folder is not as in the account, and why")
    func rejected() async throws {
        try await DaemonFixture.run(["guard": "removals = 10\nshare = \"off\""]) { fixture in
            try fill(fixture.account)
            try await fixture.sync()
            let before = try fixture.mirror()
            try fixture.account.loseAccess("/Of others/9003")
            let held = try await fixture.place.run("sync")
            #expect(held.code == 1 && held.output.hasPrefix("not in step: 20 removals held below"), "\(held)")
            #expect(try await fixture.place.run("held", "--reject").code == 0)
            for command in ["sync", "status"] {
                let ending = try await fixture.place.run(command)
                #expect(ending.code == 1, "\(ending)")
                #expect(
                    ending.output.contains("/Of others/9003: a folder this account has no access to"), "\(ending)")
            }
            let explain = try await fixture.place.run("explain", "/Of others/9003")
            #expect(explain.output.contains("a folder this account has no access to"), "\(explain)")
            #expect(!explain.output.contains("decided"), "\(explain)")
            #expect(try fixture.mirror() == before)
            try fixture.account.regainAccess("/Of others/9003")
            try await fixture.sync()
            try fixture.account.unmount("/Of others/9003")
            #expect(try await fixture.place.run("sync").code == 1)
            #expect(try await fixture.place.run("held", "--reject").code == 0)
            #expect(try await fixture.place.run("sync").code == 0)
        }
    }

    @Test("a mirror of a shared folder that is left or taken away waits, and says so; nothing is removed")
    func mirrored() async throws {
        try await DaemonFixture.run(["mirror": "remote_root = \"/Of others/9003\""]) { fixture in
            try fill(fixture.account)
            let shared = fixture.account.seen(from: .shared("9003"))
            func differences() throws -> [String] { try fixture.mirror().differences(from: Tree(account: shared)) }
            let daemon = try fixture.place.start("run")
            try await eventually("equality", or: daemon.log) { try differences() == [] }
            let before = try fixture.mirror()
            let losses: [(String, () throws -> Void, () throws -> Void)] = [
                (
                    "a folder this account has no access to",
                    { try fixture.account.loseAccess("/Of others/9003") },
                    { try fixture.account.regainAccess("/Of others/9003") }
                ),
                (
                    "or its owner does not share it any more", { try fixture.account.unmount("/Of others/9003") },
                    { try fixture.account.mount("9003", at: "/Of others/9003") }
                ),
            ]
            for (words, lose, regain) in losses {
                try lose()
                try await eventually("status says: \(words)", or: daemon.log) {
                    let status = try await fixture.place.run("status")
                    return status.code == 1 && status.output.contains(words)
                }
                #expect(try fixture.mirror() == before)
                try regain()
                daemon.send(SIGHUP)
                try await eventually("all is well after: \(words)", or: daemon.log) {
                    try await fixture.place.run("status").code == 0
                }
                #expect(try differences() == [])
            }
            #expect(daemon.isRunning)
        }
    }
}
