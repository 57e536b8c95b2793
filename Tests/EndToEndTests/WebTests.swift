import Foundation
import Glibc
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// A connection to `dbxsync web`, or to nothing.
private final class Peer {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    /// Connects to a port of 127.0.0.1.
    convenience init(port: UInt16) throws {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let done = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(done == 0)
        self.init(number)
    }

    deinit { close(number) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// All that comes until the other side ends the connection.
    func rest() -> String {
        var (bytes, part) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while case let count = recv(number, &part, part.count, 0), count > 0 { bytes += part[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    func ask(_ path: String, host: String = "localhost", method: String = "GET") -> Reply {
        send("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return Reply(rest())
    }
}

private struct Reply {
    var status: Int
    var head: String
    var body: String

    init(_ text: String) {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        head = String(parts.first ?? "")
        body = parts.count > 1 ? String(parts[1]) : ""
        status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    }
}

/// `dbxsync web`, as a socket unit starts it and by itself.
@Suite(.timeLimit(.minutes(10)))
struct WebTests {
    private static let hostile = [
        "/<script>alert(1)</script>.txt", "/\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{202E}gpj.exe",
        "/" + String(repeating: "x", count: 251) + ".txt",
    ]

    /// One request to a process that has the connection as standard input and output.
    private func once(_ place: Installation, _ request: String, host: String? = nil) async throws -> Reply {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
        let peer = Peer(pair[0])
        let process = Process()
        process.executableURL = URL(filePath: try Program.path("dbxsync"))
        process.arguments = ["web", "--config", place.configuration] + (host.map { ["--host", $0] } ?? [])
        process.environment = ["PATH": "/usr/bin:/bin", "TZ": "UTC"]
        let connection = FileHandle(fileDescriptor: pair[1], closeOnDealloc: false)
        (process.standardInput, process.standardOutput) = (connection, connection)
        process.standardError = FileHandle.nullDevice
        try process.run()
        close(pair[1])
        peer.send(request)
        let reply = Reply(peer.rest())
        try await eventually("the end of the process") { !process.isRunning }
        #expect(process.terminationStatus == 0)
        return reply
    }

    private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:8089\r\n\r\n" }

    /// `dbxsync web --listen` on a free port.
    private func withServer(_ place: Installation, _ body: (Program, UInt16) async throws -> Void) async throws {
        let program = try place.start("web", "--listen", "127.0.0.1:0")
        try await eventually("the address", or: program.log) { program.log.contains("serving http://") }
        let port = try #require(program.log.firstMatch(of: #/127\.0\.0\.1:(\d+)/#).flatMap { UInt16($0.1) })
        try await body(program, port)
        #expect(program.isRunning, "\(program.log)")
        try await program.crash()
    }

    @Test(
        "one connection: page, status.json and healthz, before the first pass and after it, with names that wish us ill"
    )
    func connection() async throws {
        try await DaemonFixture.run(["history": "keep = \"1d\""]) { fixture in
            let place = fixture.place
            #expect(try await once(place, get("/healthz")).status == 503)
            #expect(try await once(place, get("/")).body.contains("Not in step"))
            let unknown = try await place.run("status")
            #expect(unknown.code == 1 && unknown.output.contains("backlog    not known yet"), "\(unknown)")
            try fixture.account.put("/first.txt", "first")
            try await fixture.sync()
            #expect(try await place.run("status").output.contains("backlog    none"))
            for name in Self.hostile { try fixture.account.put(name, "x") }
            try await fixture.sync()

            let health = try await once(place, get("/healthz"))
            #expect(health.status == 200 && health.body.hasPrefix("in step as of 20"), "\(health)")
            let status = try await once(place, get("/status.json"))
            let printed = try await place.run("status", "--json").output
            #expect(try Self.object(status.body) == Self.object(printed))
            let page = try await once(place, get("/"))
            #expect(page.status == 200 && page.head.contains("\r\nContent-Type: text/html; charset=utf-8"))
            #expect(page.body.contains(">In step</h2>") && !page.body.contains("<script"))
            #expect(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;.txt"))
            #expect(page.body.contains("\u{5d5}\u{5dd}\\u{202e}gpj.exe") && page.body.contains(Self.hostile[2]))
            #expect(page.body.contains("class=\"chart\""))
            let asked = get("/metrics").replacing(
                "\r\n\r\n", with: "\r\nAccept: application/openmetrics-text;q=0.5\r\n\r\n")
            let metrics = try await once(place, asked)
            #expect(metrics.head.contains("\r\nContent-Type: application/openmetrics-text"))
            let text = try await once(place, get("/metrics"))
            #expect(text.head.contains("\r\nContent-Type: text/plain; version=0.0.4") && !text.body.contains("# EOF"))
            #expect(text.body.contains("dbxsync_in_step{"))
            #expect(metrics.body.contains("dbxsync_in_step{") && metrics.body.hasSuffix("# EOF\n"))
            let head = try await once(place, "HEAD / HTTP/1.0\r\n\r\n")
            #expect(head.status == 200 && head.body == "" && !head.head.contains("Content-Length: 0"))
        }
    }

    /// Without what differs from one moment to the next.
    private static func object(_ text: String) throws -> NSDictionary {
        let parsed = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        let object = try #require(parsed)
        #expect(object["in_step"] != nil)
        return object as NSDictionary
    }

    @Test("the history is searched by path and event; what is no path is told, and what is asked is shown as text")
    func history() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/first.txt", "first")
            try await fixture.sync()
            for name in ["/Docs/a b.txt", "/Docs/c.txt", "/other.txt"] { try fixture.account.put(name, name) }
            try await fixture.sync()
            let docs = try await once(fixture.place, get("/?path=%2Fdocs&event=file_placed")).body
            #expect(docs.contains("/Docs/a b.txt") && docs.contains("/Docs/c.txt") && !docs.contains("/other.txt"))
            let local = Self.escaped(fixture.place.folder("mirror/other.txt"))
            let other = try await once(fixture.place, get("/?path=\(local)")).body
            #expect(other.contains(">/other.txt<") && !other.contains("/Docs/c.txt"))
            let none = try await once(fixture.place, get("/?path=%22%3E%3Cscript%3E")).body
            #expect(none.contains("No such changes") && none.contains("value=\"&quot;&gt;&lt;script&gt;\""))
            #expect(try await once(fixture.place, get("/?path=..%2F..%2Fetc")).body.contains("role=\"alert\""))
            #expect(try await once(fixture.place, get("/?path=%00%ff&event=nothing")).body.contains("no such event"))
        }
    }

    private static func escaped(_ path: String) -> String {
        path.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("by itself: refusals, names of others, methods, paths; 1,000 requests leave nothing behind")
    func listening() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/a.txt", "a")
            try await fixture.sync()
            try await withServer(fixture.place) { program, port in
                #expect(try Peer(port: port).ask("/healthz").status == 200)
                #expect(try Peer(port: port).ask("/", host: "attacker.example").status == 421)
                #expect(try Peer(port: port).ask("/", method: "POST").status == 405)
                for path in ["/etc/passwd", "//", "/../state.db", "/%2e%2e/state.db", "/status.json/", "/metrics.txt"] {
                    #expect(try Peer(port: port).ask(path).status == 404, "\(path)")
                }
                let bad = try Peer(port: port)
                bad.send("nonsense\r\n\r\n")
                #expect(Reply(bad.rest()).status == 400)
                let long = try Peer(port: port)
                long.send("GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: 9_000))
                #expect(Reply(long.rest()).status == 431)

                func files() throws -> Int {
                    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.pid)/fd").count
                }
                let temporary = {
                    try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter {
                        $0.hasPrefix("dbxsync-status")
                    }
                }
                let (before, copies) = (try files(), try temporary())
                for number in 0..<1_000 {
                    let paths = ["/healthz", "/", "/nowhere", "/?path=/a.txt"]
                    let status = try Peer(port: port).ask(paths[number % paths.count]).status
                    try #require(status == (number % 4 == 2 ? 404 : 200), "\(number)")
                }
                try await eventually("nothing left open", or: program.log) { try files() <= before }
                #expect(try temporary() == copies)
                #expect(
                    access("/proc/\(program.pid)/task/\(program.pid)/children", R_OK) != 0
                        || Self.children(program.pid) == "")
            }
        }
    }

    private static func children(_ pid: Int32) -> String? {
        try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
    }

    @Test("who sends a byte now and then is sent away, and who comes beyond the sixteenth is told to come again")
    func crowd() async throws {
        try await DaemonFixture.run { fixture in
            try await withServer(fixture.place) { _, port in
                let crowd = try (0..<16).map { _ in try Peer(port: port) }
                for peer in crowd { peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n") }
                // They are accepted in order, and this one after them.
                let late = try Peer(port: port)
                let refused = Reply(late.rest())
                #expect(refused.status == 503 && refused.body.contains("16 connections"), "\(refused)")
                crowd[0].send("\r\n")
                #expect(Reply(crowd[0].rest()).status == 200)
                // Nothing more comes of the others: their time is over some day.
                for peer in crowd.dropFirst() { #expect(Reply(peer.rest()).status == 408) }
                #expect(try Peer(port: port).ask("/healthz").status == 503)
            }
        }
    }

    @Test("a configuration or a state that cannot be read is told on the page, and is no crash")
    func unreadable() async throws {
        try await DaemonFixture.run { fixture in
            try await fixture.sync()
            try Data("no state".utf8).write(to: URL(filePath: fixture.place.stateFile))
            let page = try await once(fixture.place, get("/"))
            #expect(
                page.status == 503 && page.body.contains("Nothing is known")
                    && page.body.contains("does not begin as one"))
            #expect(try await once(fixture.place, get("/healthz")).status == 503)
            try fixture.place.folder.write("[mirror]\nnonsense = 1\n", to: "dbxsync.conf")
            let health = try await once(fixture.place, get("/healthz"))
            #expect(health.status == 503 && health.body.contains("check-config"), "\(health)")
        }
    }

    @Test("beside a running daemon, and by a member of the group who is not its user", .needs(.root))
    func member() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/a.txt", "a")
            let daemon = try Program(
                "/bin/sh",
                [
                    "-c", "umask 077; exec \"$0\" run --config \"$1\"", try Program.path("dbxsync"),
                    fixture.place.configuration,
                ],
                environment: ["RUNTIME_DIRECTORY": try fixture.place.folder.folder("run")])
            try await fixture.equality(from: daemon)
            let group: gid_t = 60_123
            for (path, mode) in [
                ("", 0o750), ("state", 0o750), ("run", 0o750), ("mirror", 0o750), ("dbxsync.conf", 0o640),
            ] as [(String, mode_t)] {
                let whole = path.isEmpty ? fixture.place.folder.path : fixture.place.folder(path)
                try #require(chown(whole, 0, group) == 0 && chmod(whole, mode) == 0)
            }
            for file in ["state/lock", "state/state.db", "state/state.db-wal", "state/state.db-shm"] {
                try #require(chown(fixture.place.folder(file), 0, group) == 0)
            }
            for file in try FileManager.default.contentsOfDirectory(atPath: fixture.place.folder("run")) {
                #expect(chown(fixture.place.folder("run/" + file), 0, group) == 0)
            }
            try await eventually("in step", or: daemon.log) {
                let member = try Program(
                    "/usr/bin/setpriv",
                    [
                        "--reuid", "60124", "--regid", "60124", "--groups", "\(group)", "--reset-env",
                        try Program.path("dbxsync"), "web",
                        "--config", fixture.place.configuration,
                    ],
                    input: get("/healthz"))
                let ending = try await member.ending()
                return ending.output.hasPrefix("HTTP/1.1 200")
            }
            try await daemon.crash()
        }
    }
}
