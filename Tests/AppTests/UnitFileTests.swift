import Foundation
import Testing

@testable import dbxsync

/// What the distribution gets beside the program.
@Suite(.timeLimit(.minutes(5)))
struct UnitFileTests {
    private func file(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    private func settings(_ unit: String) throws -> [String] {
        try file("systemd/\(unit)").split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    @Test("the template is the service with names of its own, and nothing else")
    func template() throws {
        let own = [
            "Description=Dropbox mirror (dbxsync)": "Description=Dropbox mirror %i (dbxsync)",
            "ExecStart=/usr/local/bin/dbxsync run":
                "ExecStart=/usr/local/bin/dbxsync run --config /etc/dbxsync/%i.conf",
            "StateDirectory=dbxsync": "StateDirectory=dbxsync/%i",
            "RuntimeDirectory=dbxsync": "RuntimeDirectory=dbxsync@%i",
            "LoadCredential=dbxsync-credentials": "LoadCredential=dbxsync-credentials:dbxsync-credentials.%i",
        ]
        let service = try settings("dbxsync.service")
        #expect(Set(own.keys).isSubset(of: service))
        #expect(try settings("dbxsync@.service") == service.map { own[$0] ?? $0 })
    }

    @Test(
        "every switch of a service has its reason in the line above",
        arguments: [".service", "@.service", "-on-change@.service", "-web.socket", "-web@.service"])
    func reasons(_ kind: String) throws {
        let lines = try file("systemd/dbxsync\(kind)").split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0 == "[Service]" || $0 == "[Socket]" })
        let end = lines.firstIndex(of: "[Install]") ?? lines.endIndex
        let obvious = ["ExecStart="]
        for index in start..<end where lines[index].contains("=") && !lines[index].hasPrefix("#") {
            guard !obvious.contains(where: lines[index].hasPrefix) else { continue }
            #expect(lines[index - 1].hasPrefix("# "), "\(lines[index])")
        }
    }

    @Test("no number of connections shuts the status page for good")
    func connections() throws {
        let socket = try settings("dbxsync-web.socket")
        #expect(socket.contains("TriggerLimitIntervalSec=0") && socket.contains("MaxConnections=16"))
    }

    @Test("the exit codes that a person has to act upon do not start it again")
    func restart() throws {
        let codes = [ExitCode.signedOut, .badConfiguration].map { String($0.rawValue) }.joined(separator: " ")
        #expect(try settings("dbxsync.service").contains("RestartPreventExitStatus=\(codes)"))
    }

    @Test("what tells of a failure stands where the unit looks for it, and the drop-in names that unit")
    func failure() throws {
        #expect(try settings("dbxsync-failed@.service").contains("ExecStart=/usr/local/share/dbxsync/failed %i"))
        #expect(try settings("failed.conf") == ["[Unit]", "OnFailure=dbxsync-failed@%n.service"])
        #expect(try file("packaging/install.sh").contains("put 755 systemd/failed \"$failed\""))
    }

    @Test("the catalog explains every message identifier, and no other")
    func catalog() throws {
        let lines = try file("systemd/dbxsync.catalog").split(separator: "\n")
        let explained = lines.filter { $0.hasPrefix("-- ") }.map { String($0.dropFirst(3)) }
        #expect(explained.sorted() == JournalEntry.messageIDs.values.sorted())
    }

    @Test("the package's changelog begins with this version")
    func changelog() throws {
        #expect(try file("debian/changelog").hasPrefix("dbxsync (\(Dbxsync.version)-"))
    }
}
