import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// Several mirrors of one machine: what is told of all of them, and what they tell each other.
@Suite(.timeLimit(.minutes(10)))
struct InstancesTests {
    /// Configurations in a folder that stands for /etc.
    private final class Machine {
        let etc: TemporaryFolder
        private var places: [Installation] = []

        init() throws {
            etc = try TemporaryFolder()
            _ = try etc.folder("dbxsync")
        }

        /// An installation whose configuration is that of an instance.
        func add(_ name: String, _ server: SandboxServer, _ more: [String: String] = [:]) throws -> Installation {
            let place = try Installation(endpoint: server.url, more)
            try place.signIn(accessToken: Tokens.standing)
            try FileManager.default.createSymbolicLink(
                atPath: etc("dbxsync/\(name).conf"), withDestinationPath: place.configuration)
            places.append(place)
            return place
        }

        func run(_ arguments: String...) async throws -> Program.Ending {
            try await Program("dbxsync", arguments + ["--config-dir", etc.path]).ending()
        }

        /// Asks `dbxsync web` for a path.
        func get(_ path: String) async throws -> (status: Int, body: String) {
            let ending = try await Program(
                "dbxsync", ["web", "--config-dir", etc.path], input: "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            ).ending()
            try #require(ending.code == 0, "\(ending)")
            let parts = ending.output.components(separatedBy: "\r\n\r\n")
            return (
                Int(ending.output.split(separator: " ").dropFirst().first ?? "") ?? 0,
                parts.dropFirst().joined(separator: "\r\n\r\n")
            )
        }
    }

    private func withServer(_ body: (SandboxServer) async throws -> Void) async throws {
        let server = SandboxServer(account: Account())
        try await server.start()
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    @Test("no mirror, one, and several of which one is broken, one hangs and one is in step: none hides another")
    func all() async throws {
        try await withServer { server in
            let machine = try Machine()
            let none = try await machine.run("status", "--all")
            #expect(none.code == 78 && none.errors.contains("no mirror on this machine"), "\(none)")
            let empty = try await machine.run("metrics", "--all")
            #expect(empty.code == 78 && empty.output == "# EOF\n", "\(empty)")

            try server.account.put("/a", "a")
            let good = try machine.add("good", server)
            #expect(try await good.run("sync").code == 0)
            let alone = try await machine.run("status", "--all")
            #expect(alone.code == 0 && alone.output.hasPrefix("good  in step: "), "\(alone)")
            #expect(try await machine.get("/").body.contains(">In step</h2>"))

            _ = try machine.add("fresh", server)
            try machine.etc.write("[mirror]\ndirectory = 1\n", to: "dbxsync/broken.conf")
            // Whoever opens it waits for somebody who writes.
            mkfifo(machine.etc("dbxsync/hangs.conf"), 0o600)
            try Data("no state".utf8).write(to: URL(filePath: try machine.add("damaged", server).stateFile))

            let text = try await machine.run("status", "--all", "--patience", "5")
            #expect(text.code == 78, "\(text)")
            let lines = text.output.split(separator: "\n").map(String.init)
            #expect(
                lines.map { $0.prefix { $0 != " " } } == ["broken", "damaged", "hangs", "fresh", "good"], "\(text)")
            #expect(lines[0].contains("account.app_key") && lines[2].contains("no answer within 5 s"), "\(text)")
            #expect(lines[3].contains("no pass has been made yet") && lines[4].contains("in step: "), "\(text)")

            let json = try await machine.run("status", "--all", "--json", "--patience", "5")
            #expect(json.code == 78, "\(json)")
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any], "\(json)")
            let mirrors = try #require(document["mirrors"] as? [[String: Any]])
            #expect(mirrors.map { $0["exit_code"] as? Int } == [78, 73, 73, 1, 0], "\(json)")
            let status = try #require(mirrors.last?["status"] as? [String: Any])
            #expect(status["in_step"] as? Bool == true)

            let metrics = try await machine.run("metrics", "--all", "--patience", "5")
            #expect(metrics.code == 78 && metrics.output.hasSuffix("# EOF\n"), "\(metrics)")
            for (name, value) in [("good", 1), ("fresh", 0), ("broken", 0), ("hangs", 0)] {
                #expect(metrics.output.contains("dbxsync_in_step{mirror=\"\(name)\"} \(value)\n"), "\(metrics)")
            }
            #expect(metrics.errors.contains("broken: ") && metrics.errors.contains("hangs: "), "\(metrics)")
            #expect(try await machine.run("status", "--all", "--config", good.configuration).code == 64)
            #expect(try await machine.run("status", "--all", "--watch").code == 64)
        }
    }

    @Test("a sign-in that another mirror uses is not ended by the way") func sharedSignIn() async throws {
        try await withServer { server in
            let machine = try Machine()
            let one = try machine.add("one", server)
            _ = try machine.add("two", server)
            let refused = try await one.run("auth", "--revoke", "--config-dir", machine.etc.path)
            #expect(refused.code == 64 && refused.errors.contains("two ("), "\(refused)")
            #expect(FileManager.default.fileExists(atPath: one.folder("state/credentials.json")))
            let ended = try await one.run("auth", "--revoke", "--shared", "--config-dir", machine.etc.path)
            #expect(ended.code == 0 && ended.output.contains("signed out"), "\(ended)")
        }
    }

    @Test("the page has a line for each mirror, and each of them its own pages below its name")
    func page() async throws {
        try await withServer { server in
            let machine = try Machine()
            try server.account.put("/a", "a")
            for name in ["one", "two"] { #expect(try await machine.add(name, server).run("sync").code == 0) }
            let health = try await machine.get("/healthz")
            #expect(health.status == 200 && health.body == "in step: 2 mirrors\n", "\(health)")
            let good = try await machine.get("/")
            #expect(good.status == 200 && good.body.contains("All mirrors are in step"), "\(good)")
            #expect(good.body.contains("href=\"one/\"") && good.body.contains("href=\"two/\""))
            let one = try await machine.get("/one/")
            #expect(one.status == 200 && one.body.contains("dbxsync one on") && one.body.contains(">In step</h2>"))
            #expect(one.body.contains("href=\"status.json\"") && one.body.contains("href=\"../\""))
            #expect(try await machine.get("/one/?path=/a").body.contains("action=\"./\""))
            #expect(try await machine.get("/two/healthz").status == 200)
            #expect(try await machine.get("/two/status.json").body.contains("\"in_step\" : true"))
            #expect(try await machine.get("/two/metrics").body.contains("dbxsync_in_step{mirror=\"two\"} 1"))
            let all = try await machine.get("/status.json")
            #expect(all.status == 200 && all.body.contains("\"mirrors\""))
            for path in ["/one", "/three/", "/one/nothing", "/one//", "/one/../two/", "/%6fne/"] {
                #expect(try await machine.get(path).status == 404, "\(path)")
            }
            let metrics = try await machine.get("/metrics").body
            #expect(metrics.components(separatedBy: "# TYPE dbxsync_in_step gauge").count == 2)

            try machine.etc.write("nonsense", to: "dbxsync/<bad> &name.conf")
            let bad = try await machine.get("/")
            #expect(bad.body.contains("1 of 3 mirrors need a look"), "\(bad)")
            #expect(bad.body.contains("href=\"%3Cbad%3E%20%26name/\">&lt;bad&gt; &amp;name</a>"), "\(bad)")
            let sick = try await machine.get("/healthz")
            #expect(sick.status == 503 && sick.body.hasPrefix("<bad> &name: ") && !sick.body.contains("one"), "\(sick)")
            #expect(try await machine.get("/%3Cbad%3E%20%26name/").status == 503)
        }
    }

    @Test("setup and doctor refuse a mirror in another one, and names that are none")
    func setup() async throws {
        try await withServer { server in
            let machine = try Machine()
            let one = try machine.add("one", server)
            let new = try TemporaryFolder()
            func setup(_ directory: String) async throws -> Program.Ending {
                try await Program(
                    "dbxsync",
                    [
                        "setup", "--yes", "--config", new("new.conf"), "--config-dir", machine.etc.path, "--endpoint",
                        server.url, "--app-key", "sandboxappkey00", "--directory", directory, "--credentials",
                        one.folder("state/credentials.json"),
                    ], environment: ["HOME": new.path]
                ).ending()
            }
            for directory in [one.mirror, one.mirror + "/in", one.folder.path] {
                let ending = try await setup(directory)
                #expect(ending.code == 64 && ending.errors.contains("one ("), "\(ending)")
            }
            #expect(access(new("new.conf"), F_OK) != 0)
            #expect(try await setup(new("mirror")).code == 0)
            for name in ["", "-x", "a/b", "dbxsync"] {
                let ending = try await machine.run("setup", "--yes", "--instance=\(name)")
                #expect(ending.code == 64 && ending.errors.contains("--instance"), "\(ending)")
            }
            let nested = try machine.add("nested", server, ["mirror": "remote_root = \"/x\""])
            let text = try String(contentsOfFile: nested.configuration, encoding: .utf8)
            try nested.folder.write(text.replacing(nested.mirror, with: one.mirror + "/in"), to: "dbxsync.conf")
            let found = try await nested.run("doctor", "--config-dir", machine.etc.path)
            #expect(found.output.contains("lies in the mirror \(one.mirror) of one"), "\(found)")
        }
    }

    @Test("what Dropbox tells one daemon of an account to wait for, the other one waits for, too")
    func pauses() async throws {
        try await withServer { server in
            let machine = try Machine()
            let runtime = try TemporaryFolder()
            try server.account.put("/a", "a")
            let places = try ["one", "two"].map { try machine.add($0, server) }
            for place in places { #expect(try await place.run("sync").code == 0) }
            func start(_ index: Int) throws -> Program {
                let folder = try runtime.folder("dbxsync@\(index)")
                return try places[index].start("run", environment: ["RUNTIME_DIRECTORY": folder])
            }
            let one = try start(0)
            try await eventually("the first to wait for news", or: one.log) {
                server.log.records.contains { $0.endpoint == "files/list_folder/longpoll" }
            }
            server.faults.add(
                Fault(.rateLimit(reason: "too_many_requests", retryAfter: 300), endpoint: "files/list_folder/continue"))
            try server.account.put("/b", "b")
            try await eventually("the pause", or: one.log) { one.log.contains("asks for a pause of 300 s") }
            server.log.clear()
            let two = try start(1)
            try await eventually("the other one to hear of it", or: two.log) {
                two.log.contains("another dbxsync on this machine was told to wait: Dropbox asks for a pause of")
            }
            let asked = server.log.records.filter { $0.endpoint != "files/list_folder/longpoll" }
            #expect(asked == [], "\(asked)")
            var status = ""
            try await eventually("a word about it", or: status) {
                status = try await places[1].run("status").output
                return status.contains("Dropbox asked for a pause until")
            }
            let told = "another dbxsync on this machine was told to wait: Dropbox asked for a pause until"
            #expect(status.contains(told), "\(status)")
            #expect(!one.log.contains("another dbxsync"), "\(one.log)")
            for daemon in [one, two] {
                daemon.send(SIGTERM)
                #expect(try await daemon.ending().code == 0, "\(daemon.log)")
            }
        }
    }
}
