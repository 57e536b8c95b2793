import Foundation
import Sandbox
import TestSupport
import Testing

/// An account behind the sandbox's HTTP, and an installation of dbxsync that mirrors it.
final class DaemonFixture {
    let server = SandboxServer(account: Account())
    let place: Installation

    private init(_ more: [String: String]) async throws {
        try await server.start()
        place = try Installation(endpoint: server.url, more)
        try place.signIn(accessToken: Tokens.standing)
    }

    var account: Account { server.account }

    /// Calls `body` with a signed-in installation, and stops the server afterwards; `more` is TOML by table.
    static func run(_ more: [String: String] = [:], _ body: (DaemonFixture) async throws -> Void) async throws {
        let fixture = try await DaemonFixture(more)
        do {
            try await body(fixture)
        } catch {
            await fixture.server.stop()
            throw error
        }
        await fixture.server.stop()
    }

    /// How mirror and account differ; empty if they are equal.
    func differences() throws -> [String] { try mirror().differences(from: Tree(account: account)) }

    /// The mirror as it stands.
    func mirror() throws -> Tree { try Tree(directory: place.mirror) }

    /// One pass that has to succeed, after which mirror and account are equal.
    func sync() async throws {
        let ending = try await place.run("sync")
        try #require(ending.code == 0, "\(ending)")
        let differences = try differences()
        try #require(differences == [], "\(ending)")
    }

    /// Waits until mirror and account are equal.
    func equality(from program: Program) async throws {
        try await eventually("equality", or: "\((try? differences()) ?? [])\n\(program.log)") {
            guard program.isRunning else { throw NeverCame(what: "equality", evidence: program.log) }
            // What is renamed or removed between listing and reading is looked at again.
            return (try? differences()) == []
        }
    }

    /// The log of the sandbox: what was downloaded since it was cleared, in order.
    var downloads: [RequestLog.Record] { server.log.records.filter { $0.endpoint == "files/download" } }

    /// Files that dbxsync has set aside.
    var aside: [String] {
        let names = FileManager.default.enumerator(atPath: place.folder("mirror/.dbxsync/aside"))
        return names?.compactMap { $0 as? String } ?? []
    }
}
