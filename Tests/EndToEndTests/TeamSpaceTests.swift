import Foundation
import Sandbox
import TestSupport
import Testing

/// A team space whose root becomes another one: dbxsync waits and says so, and deletes nothing.
@Suite(.timeLimit(.minutes(15)))
struct TeamSpaceTests {
    private static let settings = ["account": "team_space = true"]

    @Test("sync: another root ends with 73 and says what to do; the mirror stays")
    func once() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            try await fixture.mirrorTeamSpace()
            let before = try fixture.mirror()
            fixture.exchangeRoot()
            for _ in 1...2 {
                let ending = try await fixture.place.run("sync")
                #expect(ending.code == 73, "\(ending)")
                #expect(ending.errors.contains("nothing was removed"), "\(ending)")
                #expect(ending.errors.contains("remove the state file"), "\(ending)")
                #expect(ending.errors.contains("ns:90002, it was ns:90001"), "\(ending)")
                #expect(try fixture.mirror() == before)
            }
            fixture.account.configure { $0.rootNamespace = "90001" }
            try await fixture.sync()
        }
    }

    @Test("run: another root while it runs is waited for, and told; what was the root before is taken up again")
    func daemon() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            try await fixture.mirrorTeamSpace()
            let before = try fixture.mirror()
            let daemon = try fixture.place.start("run")
            try await eventually("a daemon that knows the root", or: daemon.log) { daemon.log.contains("mirroring ") }
            fixture.exchangeRoot()
            try await eventually("the reason", or: daemon.log) {
                daemon.log.contains("the account's team space is namespace 90002 now")
            }
            #expect(daemon.log.contains("nothing is removed from the mirror"), "\(daemon.log)")
            try await eventually("status says so", or: daemon.log) {
                daemon.send(SIGHUP)
                let status = try await fixture.place.run("status")
                return status.code == 1 && status.output.contains("ns:90002, it was ns:90001")
            }
            #expect(daemon.isRunning)
            #expect(try fixture.mirror() == before)
            fixture.account.configure { $0.rootNamespace = "90001" }
            daemon.send(SIGHUP)
            try await fixture.equality(from: daemon)
        }
    }

    @Test("who takes up the new root in the configuration goes on with it; the mirror of the old one stays as it is")
    func newRoot() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            try await fixture.mirrorTeamSpace()
            let before = try fixture.mirror()
            fixture.exchangeRoot()
            try fixture.account.put("/New/n", "n")
            let other = try Installation(endpoint: fixture.server.url, Self.settings)
            try other.signIn(accessToken: Tokens.standing)
            let ending = try await other.run("sync")
            #expect(ending.code == 0, "\(ending)")
            let differences = try Tree(directory: other.mirror).differences(from: Tree(account: fixture.account))
            #expect(differences == [])
            #expect(try fixture.mirror() == before)
        }
    }

    @Test("an account that leaves its team: the team's mirror waits, the member's own goes on")
    func leaving() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            fixture.account.joinTeam("90001")
            try fixture.account.seen(from: .home).put("/mine", "m")
            try fixture.account.put("/Team/ours", "o")
            try await fixture.sync()
            let own = try Installation(endpoint: fixture.server.url)
            try own.signIn(accessToken: Tokens.standing)
            #expect(try await own.run("sync").code == 0)
            let before = try fixture.mirror()
            fixture.account.configure { $0.rootNamespace = Account.namespaceID }
            let ending = try await fixture.place.run("sync")
            #expect(ending.code == 73, "\(ending)")
            #expect(try fixture.mirror() == before)
            #expect(try await own.run("sync").code == 0)
        }
    }

    @Test("a team space, the member's own folder and a shared folder, each mirrored by an instance of its own")
    func beside() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            fixture.account.joinTeam("90001")
            fixture.account.makeSharedFolder("9001")
            let spaces: [(Space, [String: String])] = [
                (.root, Self.settings), (.home, [:]), (.shared("9001"), ["account": "namespace = \"9001\""]),
            ]
            var places: [(space: Space, place: Installation, daemon: Program)] = []
            for (space, settings) in spaces {
                try fixture.account.seen(from: space).put("/Docs/of \(space)", "text")
                let place = try Installation(endpoint: fixture.server.url, settings)
                try place.signIn(accessToken: Tokens.standing)
                places.append((space, place, try place.start("run")))
            }
            func equality() async throws {
                for (space, place, daemon) in places {
                    let account = fixture.account.seen(from: space)
                    try await eventually("equality of \(space)", or: daemon.log) {
                        (try? Tree(directory: place.mirror).differences(from: Tree(account: account))) == []
                    }
                }
            }
            try await equality()
            try fixture.account.mount("9001", at: "/Ana Ruiz/Shared")
            try fixture.account.put("/Team/new", "new")
            try fixture.account.seen(from: .home).delete("/Docs")
            try fixture.account.put("/Ana Ruiz/Shared/new", "new")
            try await equality()
            for (_, _, daemon) in places { #expect(daemon.isRunning, "\(daemon.log)") }
        }
    }
}

extension DaemonFixture {
    /// A mirror of the team space that is in step.
    fileprivate func mirrorTeamSpace() async throws {
        account.configure { $0.rootNamespace = "90001" }
        account.fill(Seed(files: 30, depth: 2))
        try await sync()
    }

    /// Makes the team space another one, in which nothing is.
    fileprivate func exchangeRoot() {
        account.configure { $0.rootNamespace = "90002" }
        for folder in account.tree() where !folder.isFile { _ = try? account.delete(folder.path) }
    }
}
