import Foundation
import Glibc
import NetworkSupport
import Sandbox
import Synchronization
import TestSupport
import Testing

/// What a service elsewhere hears of the mirror.
@Suite(.timeLimit(.minutes(10)))
struct HeartbeatTests {
    /// A server that keeps what it hears.
    private final class Ear: Sendable {
        private let heard = Mutex<[RawRequest]>([])
        private let status: Mutex<String>

        init(_ status: String = "200 OK") { self.status = Mutex(status) }

        func listen() throws -> RawServer {
            try RawServer.answering { [self] request in
                heard.withLock { $0.append(request) }
                return answer(status.withLock { $0 }, body: "ignored")
            }
        }

        func reply(with new: String) { status.withLock { $0 = new } }
        var lines: [String] { heard.withLock { $0.map(\.line) } }
        var last: String { heard.withLock { $0.last.map { String(decoding: $0.body, as: UTF8.self) } ?? "" } }
    }

    private let well = "GET /s3cret-id HTTP/1.1"
    private let failing = "POST /s3cret-id/fail HTTP/1.1"

    @Test("in step is told, what fails is told with the reason and no name, and what is well again; the URL is nowhere")
    func heartbeat() async throws {
        let ear = Ear()
        let server = try ear.listen()
        let table = ["heartbeat": "url = \"\(server.url)/s3cret-id\"\ninterval = \"1h\""]
        try await DaemonFixture.run(table) { fixture in
            let daemon = try fixture.place.start("run")
            try await eventually("a heartbeat", or: daemon.log) { ear.lines == [well] }

            try fixture.account.put("/.dbxsync", "a name that is dbxsync's own")
            try await eventually("a failure", or: daemon.log) { ear.lines == [well, failing] }
            #expect(ear.last == "dbxsync (dbxsync): not in step: 1 cannot be mirrored\n")

            try fixture.account.delete("/.dbxsync")
            ear.reply(with: "500 Not Now")
            try await eventually("a warning", or: daemon.log) {
                daemon.log.contains("the heartbeat could not be sent, it is tried again: the server answered with 500")
            }
            var status = ""
            try await eventually("a word in status", or: status) {
                status = try await fixture.place.run("status").output
                return status.contains("heartbeat: none could be sent since")
            }
            #expect(status.contains(": the server answered with 500 (see: dbxsync doctor"), "\(status)")
            let doctor = try await fixture.place.run("doctor").output
            #expect(doctor.contains("warning  heartbeat: none could be sent since"), "\(doctor)")
            let json = try await fixture.place.run("status", "--json").output
            #expect(json.contains("\"reason\" : \"the server answered with 500\""), "\(json)")
            #expect(![status, doctor, json].joined().contains("s3cret"))
            ear.reply(with: "200 OK")
            try await eventually("success", or: daemon.log) { daemon.log.contains("heartbeats are sent again") }
            #expect(Set(ear.lines.dropFirst(2)) == [well] && ear.lines.count >= 4)
            try await eventually("no word in status", or: status) {
                status = try await fixture.place.run("status").output
                return !status.contains("heartbeat: none")
            }

            #expect(try await fixture.place.run("run").code == 75)
            #expect(ear.lines.last == well, "another daemon that finds this one at work is no failure")
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0 && !daemon.log.contains("s3cret"))
            #expect(ear.lines.last == well)  // a stop is no failure
            let shown = try await fixture.place.run("check-config")
            #expect(shown.output.contains("url = \"hidden\"") && !shown.output.contains("s3cret"), "\(shown)")
            chmod(fixture.place.configuration, 0o644)
            let exposed = try await fixture.place.run("check-config")
            #expect(exposed.code == 78 && exposed.errors.contains("heartbeat.url"), "\(exposed)")
        }
    }

    @Test("a daemon that ends because somebody has to act says so last; a URL that a reload names is heard at once")
    func farewell() async throws {
        let (first, second) = (Ear(), Ear())
        let servers = [try first.listen(), try second.listen()]
        try await DaemonFixture.run(["heartbeat": "url = \"\(servers[0].url)/s3cret-id\""]) { fixture in
            let daemon = try fixture.place.start("run")
            try await eventually("a heartbeat", or: daemon.log) { first.lines == [well] }
            let table = ["heartbeat": "url = \"\(servers[1].url)/s3cret-id\""]
            try fixture.place.configure(endpoint: fixture.server.url, table)
            daemon.send(SIGHUP)
            try await eventually("a heartbeat elsewhere", or: daemon.log) { second.lines == [well] }
            fixture.server.tokens.revokeAll()
            try fixture.account.put("/news.txt", "news")
            #expect(try await daemon.ending().code == 77)
            #expect(second.lines.last == failing && second.last.contains("the daemon ends: "), "\(second.last)")

            try FileManager.default.removeItem(atPath: fixture.place.folder("state/credentials.json"))
            let ending = try await fixture.place.run("run")
            #expect(ending.code == 77 && second.lines.count == 3, "\(ending) \(second.lines)")
        }
    }

    @Test("a server that never answers holds up nothing, a stop included")
    func silence() async throws {
        let server = try RawServer { connection in
            try connection.readHead()
            connection.waitForHangup()
        }
        try await DaemonFixture.run(["heartbeat": "url = \"\(server.url)/s3cret-id\""]) { fixture in
            let daemon = try fixture.place.start("run")
            try await eventually("a heartbeat", or: daemon.log) { server.accepted == 1 }
            try fixture.account.put("/a", "a")
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            #expect(!daemon.log.contains("still waiting for the disk or the network"), "\(daemon.log)")
        }
    }

    @Test("whatever a server answers is read up to its status at most, and told without the URL")
    func absurdity() async throws {
        let filler = [UInt8](repeating: 120, count: 1 << 16)
        let server = try RawServer { [count = Mutex(0)] connection in
            try connection.readHead()
            let number = count.withLock { number in
                number += 1
                return number
            }
            switch number {
            case 1: try connection.send("SMTP ready\r\n\r\n")
            case 2: connection.reset()
            case 3: try connection.send("HTTP/1.1 302 Found\r\nLocation: /s3cret-id\r\nContent-Length: 0\r\n\r\n")
            case 4:
                try connection.send("HTTP/1.1 404 No\r\n\r\n")
                while true { try connection.send(filler) }
            default:
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                while true { try connection.send(filler) }
            }
        }
        let table = ["heartbeat": "url = \"\(server.url)/s3cret-id\"", "log": "level = \"debug\""]
        try await DaemonFixture.run(table) { fixture in
            let daemon = try fixture.place.start("run")
            try await eventually("success", or: daemon.log) { daemon.log.contains("heartbeats are sent again") }
            #expect(server.accepted == 5)
            #expect(daemon.log.contains("the server answered with 302"))
            #expect(daemon.log.components(separatedBy: "could not be sent").count == 5)
            #expect(!daemon.log.contains("s3cret"), "\(daemon.log)")
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    /// Runs the script of `dbxsync-failed@.service` with programs that tell what they are given.
    private func notice(_ unit: String, _ environment: [String: String] = [:], without missing: String = "")
        async throws
        -> Program.Ending
    {
        let folder = try TemporaryFolder()
        for name in ["sendmail", "dbxsync", "systemctl", "curl"] where name != missing {
            try folder.write("#!/bin/sh\necho \"$(basename $0) $*\"\ncase $0 in *mail|*curl) cat ;; esac\n", to: name)
            chmod(folder(name), 0o755)
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try await Program(
            root.appending(path: "systemd/failed").path(), [unit],
            environment: ["PATH": "\(folder.path):/usr/bin:/bin"].merging(environment) { $1 }
        ).ending()
    }

    @Test("a unit that has failed is told by mail with what status says of its configuration, or by a POST")
    func failed() async throws {
        let mail = try await notice("dbxsync@my-work.service")
        #expect(
            mail.code == 0
                && mail.output.hasPrefix("sendmail -i -- root\nTo: root\nSubject: dbxsync@my-work.service on "))
        #expect(mail.output.contains("\ndbxsync status --config /etc/dbxsync/my-work.conf\n"), "\(mail)")
        #expect(mail.output.contains("--lines=20 dbxsync@my-work.service\n"), "\(mail)")
        let post = try await notice("dbxsync.service", ["POST_TO": "http://x.example/y"])
        #expect(
            post.output.hasPrefix("curl ") && post.output.contains("/dev/null http://x.example/y\ndbxsync.service on "))
        #expect(post.output.contains("\ndbxsync status --config /etc/dbxsync.conf\n"), "\(post)")
    }
}
