import Foundation
import Sandbox
import TestSupport
import Testing

/// `account.namespace`: a shared folder is mirrored by its id, mounted or not.
@Suite(.timeLimit(.minutes(15)))
struct NamespaceTests {
    private static let settings = ["account": "namespace = \"9001\""]

    private func run(_ more: [String: String] = [:], _ body: (DaemonFixture, Account) async throws -> Void)
        async throws
    {
        try await DaemonFixture.run(Self.settings.merging(more) { $1 }) { fixture in
            fixture.account.makeSharedFolder("9001")
            let shared = fixture.account.seen(from: .shared("9001"))
            shared.fill(Seed(files: 30, depth: 2))
            try fixture.account.put("/own", "not mirrored")
            try await body(fixture, shared)
        }
    }

    private func sync(_ fixture: DaemonFixture, _ shared: Account) async throws {
        let ending = try await fixture.place.run("sync")
        try #require(ending.code == 0, "\(ending)")
        #expect(try differences(fixture, shared) == [], "\(ending)")
    }

    private func differences(_ fixture: DaemonFixture, _ shared: Account) throws -> [String] {
        try fixture.mirror().differences(from: Tree(account: shared))
    }

    @Test("access that is lost while it runs is waited for, and told, and nothing is removed; it goes on with it")
    func access() async throws {
        try await run { fixture, shared in
            try fixture.account.mount("9001", at: "/S")
            try await sync(fixture, shared)
            let before = try fixture.mirror()
            let daemon = try fixture.place.start("run")
            try await eventually("a daemon that knows it", or: daemon.log) { daemon.log.contains("mirroring ") }
            try fixture.account.loseAccess("/S")
            try await eventually("the reason", or: daemon.log) {
                daemon.log.contains("the account may not see the namespace 9001")
            }
            try await eventually("status says so", or: daemon.log) {
                let status = try await fixture.place.run("status")
                return status.code == 1 && status.output.contains("the shared folder was left or taken away")
            }
            #expect(try fixture.mirror() == before)
            let once = try await fixture.place.run("doctor")
            #expect(once.output.contains("the account may not see the namespace 9001"), "\(once)")
            try fixture.account.regainAccess("/S")
            try shared.put("/news", "news")
            daemon.send(SIGHUP)
            try await eventually("equality", or: daemon.log) { try differences(fixture, shared) == [] }
            #expect(daemon.isRunning)
        }
    }

    @Test("another namespace is another root: refused for the same state and mirror, and nothing is removed")
    func another() async throws {
        try await run { fixture, shared in
            try await sync(fixture, shared)
            let before = try fixture.mirror()
            fixture.account.makeSharedFolder("9002")
            for account in ["namespace = \"9002\"", "team_space = true", ""] {
                try fixture.place.configure(endpoint: fixture.server.url, ["account": account])
                let ending = try await fixture.place.run("sync")
                #expect(ending.code == 73 && ending.errors.contains("account.namespace"), "\(account): \(ending)")
                #expect(try fixture.mirror() == before)
            }
            try fixture.place.configure(endpoint: fixture.server.url, Self.settings)
            try await sync(fixture, shared)
            try FileManager.default.removeItem(atPath: fixture.place.stateFile)
            try fixture.place.configure(endpoint: fixture.server.url, ["account": "namespace = \"9002\""])
            let marked = try await fixture.place.run("sync")
            #expect(marked.code == 73 && marked.errors.contains("account.namespace"), "the marker: \(marked)")
            #expect(try fixture.mirror() == before)
        }
    }

    @Test("ls, put, get, explain and the outbox name paths of the namespace")
    func commands() async throws {
        try await run { fixture, shared in
            let out = try fixture.place.folder.folder("out")
            try fixture.place.configure(
                endpoint: fixture.server.url,
                Self.settings.merging(
                    ["outbox": "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\""]) { $1 })
            try fixture.place.folder.write("by put", to: "local")
            let put = try await fixture.place.run("put", fixture.place.folder("local"), "/Up/put.txt")
            #expect(put.code == 0, "\(put)")
            #expect(try shared.content(of: "/up/put.txt").load() == Array("by put".utf8))
            try await sync(fixture, shared)
            let listed = try await fixture.place.run("ls", "/Up")
            #expect(listed.output == "= put.txt\n", "\(listed)")
            let got = try await fixture.place.run("get", "/Up/put.txt", "-")
            #expect(got.output == "by put", "\(got)")
            let explained = try await fixture.place.run("explain", "/Up/put.txt")
            #expect(explained.code == 0, "\(explained)")
            let daemon = try fixture.place.start("run")
            try fixture.place.folder.write("by the outbox", to: "out/out.txt")
            try await eventually("the upload", or: daemon.log) { (try? shared.metadata("/in/out.txt")) != nil }
            try await eventually("equality", or: daemon.log) { try differences(fixture, shared) == [] }
            let doctor = try await fixture.place.run("doctor")
            #expect(doctor.output.contains("the namespace 9001"), "\(doctor)")
            let status = try await fixture.place.run("status")
            #expect(status.output.contains("<- the namespace 9001: "), "\(status)")
            #expect(fixture.account.tree().map(\.path) == ["/own"])
        }
    }

    @Test("a folder of the namespace: mirror.remote_root counts in it")
    func folder() async throws {
        try await run(["mirror": "remote_root = \"/Sub\""]) { fixture, shared in
            try shared.put("/Sub/a", "a")
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 0, "\(ending)")
            #expect(try fixture.mirror().lines.keys.sorted() == ["a"])
        }
    }
}
