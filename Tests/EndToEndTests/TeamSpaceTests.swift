import Foundation
import Sandbox
import TestSupport
import Testing

/// A team space whose root becomes another one: dbxsync stops and asks, and deletes nothing.
@Suite(.timeLimit(.minutes(15)))
struct TeamSpaceTests {
    private static let settings = ["account": "team_space = true"]

    @Test("sync: another root ends with 73 and says what to do; the mirror stays")
    func once() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            try await fixture.mirrorTeamSpace()
            let before = try fixture.mirror()
            fixture.account.configure { $0.rootNamespace = "90002" }
            for folder in fixture.account.tree() where !folder.isFile { _ = try? fixture.account.delete(folder.path) }
            for _ in 1...2 {
                let ending = try await fixture.place.run("sync")
                #expect(ending.code == 73, "\(ending)")
                #expect(ending.errors.contains("nothing was removed"), "\(ending)")
                #expect(ending.errors.contains("remove the state file"), "\(ending)")
                #expect(try fixture.mirror() == before)
            }
            fixture.account.configure { $0.rootNamespace = "90001" }
            try await fixture.sync()
        }
    }

    @Test("run: another root while it runs ends it with 73 and the same words; the old root is taken up again")
    func daemon() async throws {
        try await DaemonFixture.run(Self.settings) { fixture in
            try await fixture.mirrorTeamSpace()
            let before = try fixture.mirror()
            let daemon = try fixture.place.start("run")
            try await eventually("a daemon that knows the root", or: daemon.log) { daemon.log.contains("mirroring ") }
            fixture.account.configure { $0.rootNamespace = "90002" }
            for folder in fixture.account.tree() where !folder.isFile { _ = try? fixture.account.delete(folder.path) }
            let ending = try await daemon.ending(within: .seconds(120))
            #expect(ending.code == 73 && ending.errors.contains("remove the state file"), "\(ending)")
            #expect(ending.errors.contains("the account's team space is namespace 90002 now"), "\(ending)")
            #expect(ending.errors.contains("nothing is removed from the mirror"), "\(ending)")
            #expect(ending.errors.contains("ns:90002, it was ns:90001"), "\(ending)")
            #expect(try fixture.mirror() == before)
            fixture.account.configure { $0.rootNamespace = "90001" }
            try await fixture.sync()
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
}
