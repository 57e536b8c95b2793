import Foundation
import Sandbox
import TestSupport
import Testing

/// The mirrored folder itself is renamed, removed or exchanged for another: the mirror is never emptied for it.
@Suite(.timeLimit(.minutes(15)))
struct RootTests {
    /// What somebody does between two polls.
    enum Exchange: CaseIterable, Sendable {
        case newFolder, otherFolderMovedIn, parentReplaced

        func apply(to account: Account) throws {
            switch self {
            case .newFolder:
                try account.delete("/P/X")
                try account.put("/P/X/new.txt", "another folder's")
            case .otherFolderMovedIn:
                try account.move("/P/X", "/away")
                try account.move("/Q", "/P/X")
            case .parentReplaced:
                try account.delete("/P")
                try account.put("/P/X/a.txt", "another folder's")
            }
        }
    }

    /// How Dropbox takes it.
    enum Server: CaseIterable, Sendable {
        case refusesTheCursor, tellsAtThePath, tellsOfChildren, forgetsCursors

        func apply(to account: Account) {
            account.configure { settings in
                settings.refusesLostFolders = self == .refusesTheCursor
                settings.deletesListChildren = self == .tellsOfChildren
                settings.childrenBeforeParents = self == .tellsOfChildren
            }
        }
    }

    @Test("a daemon that finds another folder in the place of its own ends with 73 and touches nothing")
    func exchanged() async throws {
        for (exchange, server) in Exchange.allCases.flatMap({ e in Server.allCases.map { (e, $0) } }) {
            try await run { fixture in
                server.apply(to: fixture.account)
                let daemon = try await daemon(fixture)
                let before = try fixture.mirror()
                try exchange.apply(to: fixture.account)
                if server == .forgetsCursors { fixture.account.expireCursors() }
                daemon.send(SIGHUP)
                let ending = try await daemon.ending()
                #expect(ending.code == 73, "\(exchange), \(server): \(ending)")
                #expect(ending.errors.contains("is another one than"), "\(exchange), \(server): \(ending)")
                #expect(ending.errors.contains("nothing was removed"), "\(exchange), \(server): \(ending)")
                #expect(try fixture.mirror() == before, "\(exchange), \(server)")
                let again = try await fixture.place.run("sync")
                #expect(again.code == 73 && again.errors.contains("is another one than"), "\(again)")
                let status = try await fixture.place.run("status")
                #expect(status.code == 1 && status.output.contains("is another one than"), "\(status)")
                #expect(try fixture.mirror() == before, "\(exchange), \(server)")
            }
        }
    }

    @Test("a folder that was renamed is waited for, and goes on when it is back", arguments: Server.allCases)
    func renamed(server: Server) async throws {
        try await run { fixture in
            server.apply(to: fixture.account)
            let daemon = try await daemon(fixture)
            let before = try fixture.mirror()
            try fixture.account.move("/P/X", "/P/elsewhere")
            if server == .forgetsCursors { fixture.account.expireCursors() }
            daemon.send(SIGHUP)
            try await eventually("a waiting daemon", or: daemon.log) { daemon.log.contains("nothing is removed") }
            #expect(try fixture.mirror() == before)
            try fixture.account.put("/P/elsewhere/news.txt", "news")
            try fixture.account.delete("/P/elsewhere/Sub/1.txt")
            try fixture.account.move("/P/elsewhere", "/P/X")
            daemon.send(SIGHUP)
            try await equality(fixture, from: daemon)
            #expect(fixture.aside == [])
        }
    }

    @Test("a folder that was away and back between two polls goes on", arguments: Server.allCases)
    func thereAndBack(server: Server) async throws {
        try await run { fixture in
            server.apply(to: fixture.account)
            let daemon = try await daemon(fixture)
            fixture.server.log.clear()
            try fixture.account.move("/P/X", "/P/elsewhere")
            try fixture.account.put("/P/elsewhere/news.txt", "news")
            try fixture.account.delete("/P/elsewhere/Sub/1.txt")
            try fixture.account.move("/P/elsewhere", "/P/X")
            if server == .forgetsCursors { fixture.account.expireCursors() }
            daemon.send(SIGHUP)
            try await equality(fixture, from: daemon)
            #expect(fixture.downloads.map(\.status) == [200])
            #expect(fixture.aside == [])
        }
    }

    @Test("a file in the place of the folder is no reason to remove what was in it", arguments: Server.allCases)
    func file(server: Server) async throws {
        try await run { fixture in
            server.apply(to: fixture.account)
            let daemon = try await daemon(fixture)
            let before = try fixture.mirror()
            try fixture.account.delete("/P/X")
            try fixture.account.put("/P/X", "a file")
            if server == .forgetsCursors { fixture.account.expireCursors() }
            daemon.send(SIGHUP)
            try await eventually("the reason", or: daemon.log) { daemon.log.contains("is a file in Dropbox") }
            #expect(try fixture.mirror() == before)
        }
    }

    // MARK: Helpers

    private func run(_ body: (DaemonFixture) async throws -> Void) async throws {
        try await DaemonFixture.run { fixture in
            try fixture.place.configure(
                endpoint: fixture.server.url,
                ["mirror": "remote_root = \"/P/X\"", "schedule": "longpoll = false"])
            for number in 0..<20 { try fixture.account.put("/P/X/Sub/\(number).txt", "text \(number)") }
            try fixture.account.put("/P/X/a.txt", "a")
            try fixture.account.put("/Q/a.txt", "not the same")
            try await body(fixture)
        }
    }

    /// A daemon whose mirror is in step.
    private func daemon(_ fixture: DaemonFixture) async throws -> Program {
        let daemon = try fixture.place.start("run")
        try await equality(fixture, from: daemon)
        try await eventually("a pass that is done", or: daemon.log) { daemon.log.contains("21 files placed") }
        return daemon
    }

    /// Waits until the mirror holds what the folder holds.
    private func equality(_ fixture: DaemonFixture, from daemon: Program) async throws {
        try await eventually("equality", or: daemon.log) {
            guard daemon.isRunning else { throw NeverCame(what: "equality", evidence: daemon.log) }
            return (try? contents(fixture)) == wanted(fixture)
        }
    }

    private func contents(_ fixture: DaemonFixture) throws -> [String: String] {
        var found: [String: String] = [:]
        for path in try fixture.mirror().lines.keys {
            let text = try? String(contentsOfFile: fixture.place.mirror + "/" + path, encoding: .utf8)
            found[path] = text ?? "/"
        }
        return found
    }

    private func wanted(_ fixture: DaemonFixture) -> [String: String] {
        var wanted: [String: String] = [:]
        for entry in fixture.account.tree() where entry.path.hasPrefix("/P/X/") {
            let bytes = entry.isFile ? try? fixture.account.content(of: entry.path).load() : Array("/".utf8)
            wanted[String(entry.path.dropFirst("/P/X/".count))] = String(decoding: bytes ?? [], as: UTF8.self)
        }
        return wanted
    }
}
