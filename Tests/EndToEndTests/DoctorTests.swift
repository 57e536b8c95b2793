import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// `dbxsync doctor`: finds what is wrong, and changes nothing.
@Suite(.timeLimit(.minutes(15)))
struct DoctorTests {
    private struct Report: Decodable {
        struct Check: Decodable {
            var name, result, found: String
            var advice: String?
        }

        var ok: Bool
        var problems, warnings: Int
        var checks: [Check]

        /// The names of the checks that found a problem.
        var problematic: [String] { checks.filter { $0.result == "problem" }.map(\.name) }
    }

    private func examine(_ place: Installation) async throws -> (report: Report, code: Int32) {
        let ending = try await place.run("doctor", "--json")
        return (try JSONDecoder().decode(Report.self, from: Data(ending.output.utf8)), ending.code)
    }

    /// Everything below a folder, with its size and mode.
    private func listing(_ folder: TemporaryFolder) -> [String: String] {
        var found: [String: String] = [:]
        for case let path as String in FileManager.default.enumerator(atPath: folder.path) ?? .init() {
            var status = stat()
            guard lstat(folder(path), &status) == 0 else { continue }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            found[path] = "\(status.st_mode) \(status.st_ino) \(isFolder ? 0 : status.st_size)"
        }
        return found
    }

    @Test("before the first pass, after one and beside a daemon all is well, and nothing is changed")
    func well() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 30))
            for turn in ["fresh", "synced"] {
                if turn == "synced" { try await fixture.sync() }
                let before = listing(fixture.place.folder)
                let (report, code) = try await examine(fixture.place)
                #expect(report.ok && code == 0, "\(turn): \(report)")
                #expect(listing(fixture.place.folder) == before, "\(turn)")
                let names = report.checks.map(\.name)
                #expect(Set(names).count == names.count, "\(names)")
                for name in [
                    "configuration", "lock", "file system", "host api", "host content", "host notify", "scopes",
                ] {
                    #expect(
                        report.checks.contains { $0.name == name && $0.result == "ok" }, "\(turn), \(name): \(report)")
                }
            }
            let daemon = try fixture.place.start("run")
            try await eventually("a mirror in step", or: daemon.log) { try await examine(fixture.place).report.ok }
            let text = try await fixture.place.run("doctor")
            #expect(text.code == 0 && text.output.contains("PID \(daemon.pid) works on"), "\(text)")
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("what is in the trash is found there, and what somebody has taken out of it is missed") func trash()
        async throws
    {
        try await DaemonFixture.run { fixture in
            for name in ["one", "two"] { try fixture.account.put("/\(name)", .text(name)) }
            try await fixture.sync()
            for name in ["one", "two"] { try fixture.account.delete("/\(name)") }
            try await fixture.sync()
            func check() async throws -> Report.Check? {
                try await examine(fixture.place).report.checks.first { $0.name == "trash" }
            }
            let whole = try #require(try await check())
            #expect(whole.result == "ok" && whole.found.hasPrefix("2 items"), "\(whole)")
            let kept = fixture.place.folder("mirror/.dbxsync/trash")
            let names = try FileManager.default.subpathsOfDirectory(atPath: kept)
            try FileManager.default.removeItem(
                atPath: kept + "/" + (try #require(names.first { $0.hasSuffix("/one") })))
            let lacking = try #require(try await check())
            #expect(lacking.result == "warning" && lacking.found.contains("1 are not there"), "\(lacking)")
            try FileManager.default.moveItem(atPath: fixture.place.mirror, toPath: fixture.place.folder("away"))
            try fixture.place.folder.write("not mounted", to: "mirror/note")
            let away = try #require(try await check())
            #expect(away.result == "skipped", "\(away)")
        }
    }

    /// Something that can be wrong.
    private enum Fault: String, CaseIterable {
        case noDirectory, otherMirror, signedOut, noServer, noFolder, badState, noProgram, noOutbox, file

        /// The checks that find it.
        var checks: [String] {
            switch self {
            case .noDirectory, .otherMirror: ["mirror directory"]
            case .signedOut: ["sign-in"]
            case .noServer: ["host api", "host content", "host notify", "sign-in"]
            case .noFolder: ["folder"]
            case .badState: ["state file"]
            case .noProgram: ["commands"]
            case .noOutbox: ["outbox"]
            case .file: ["mirror directory"]
            }
        }

        func apply(to fixture: DaemonFixture) async throws {
            let (place, url) = (fixture.place, fixture.server.url)
            let manager = FileManager.default
            switch self {
            case .noDirectory: try manager.removeItem(atPath: place.mirror)
            case .otherMirror: try place.folder.write("another\n", to: "mirror/.dbxsync/mirror-id")
            case .signedOut: fixture.server.tokens.revokeAll()
            case .noServer: try place.configure(endpoint: "http://127.0.0.1:1")
            case .noFolder: try place.configure(endpoint: url, ["mirror": "remote_root = \"/nothing\""])
            case .badState:
                var bytes = try Data(contentsOf: URL(filePath: place.stateFile))
                bytes.replaceSubrange(4_096..<bytes.count, with: Data(count: bytes.count - 4_096))
                try bytes.write(to: URL(filePath: place.stateFile))
            case .noProgram:
                try place.configure(endpoint: url, ["on_change.index": "command = [\"/nonexistent/index\"]"])
            case .noOutbox:
                try place.configure(
                    endpoint: url, ["outbox": "directory = \"\(place.folder("none"))\"\nremote_folder = \"/In\""])
            case .file:
                try manager.removeItem(atPath: place.mirror)
                try place.folder.write("a file", to: "mirror")
            }
        }
    }

    @Test("whatever is wrong is found by its check, and the others go on", arguments: Fault.allCases.map(\.rawValue))
    func faults(name: String) async throws {
        let fault = try #require(Fault(rawValue: name))
        try await DaemonFixture.run { fixture in
            fixture.account.fill(Seed(files: 10))
            try await fixture.sync()
            try await fault.apply(to: fixture)
            let (report, code) = try await examine(fixture.place)
            #expect(code == 1 && !report.ok, "\(report)")
            #expect(Set(report.problematic).isSuperset(of: fault.checks), "\(report)")
            #expect(report.checks.contains { $0.name == "state directory" && $0.result == "ok" }, "\(report)")
            if fault != .noServer {
                #expect(report.checks.contains { $0.name == "host api" && $0.result == "ok" }, "\(report)")
            }
        }
    }

    @Test(
        "advice names the configuration that was examined; a sign-in with another app key or a wrong mode has its own")
    func advice() async throws {
        try await DaemonFixture.run { fixture in
            let place = fixture.place
            func signIn() async throws -> Report.Check {
                try #require(try await examine(place).report.checks.first { $0.name == "sign-in" })
            }
            try FileManager.default.removeItem(atPath: place.folder("state/credentials.json"))
            #expect(try await signIn().advice == "dbxsync auth --config \(place.configuration)")
            let sync = try await place.run("sync")
            #expect(sync.code == 77 && sync.errors.contains("dbxsync auth --config \(place.configuration)"), "\(sync)")

            try place.signIn(accessToken: Tokens.standing)
            chmod(place.folder("state/credentials.json"), 0o644)
            let open = try await signIn()
            #expect(open.found.contains("run: chmod 600") && open.advice == nil, "\(open)")

            try place.signIn(fixture.server.tokens.issue(), appKey: "anotherkey")
            let other = try await signIn()
            #expect(other.result == "problem" && other.found.contains("app key anotherkey"), "\(other)")
        }
    }

    @Test("a configuration that cannot be read is the first problem, and no reason to say nothing else")
    func noConfiguration() async throws {
        let place = try Installation()
        try place.folder.write("[mirror]\ndirectory = 1\n", to: "dbxsync.conf")
        let (report, code) = try await examine(place)
        #expect(code == 1 && report.problematic.first == "configuration", "\(report)")
        #expect(report.checks[0].found.contains("mirror.directory"))
        let none = try await Program("dbxsync", ["doctor", "--config", place.folder("none")]).ending()
        #expect(none.code == 1 && none.output.contains("-> dbxsync setup --config "), "\(none)")
        #expect(try await Program("dbxsync", ["doctor", "--nonsense"]).ending().code == 64)
    }

    @Test("root examines as the owner of the state, and everything", .needs(.root))
    func asOwner() async throws {
        try await DaemonFixture.run { fixture in
            let nobody: uid_t = 65_534
            for path in ["state", "state/credentials.json", "mirror"] {
                #expect(chown(fixture.place.folder(path), nobody, nobody) == 0)
            }
            for _ in 0..<5 {
                let (report, code) = try await examine(fixture.place)
                #expect(code == 0 && report.checks.count > 10, "\(report)")
                let access = try #require(report.checks.first { $0.name == "mirror access" })
                #expect(access.result == "ok", "\(report)")
            }
            #expect(chown(fixture.place.folder("mirror"), 0, 0) == 0)
            let (report, code) = try await examine(fixture.place)
            #expect(code == 1 && report.problematic == ["mirror access"], "\(report)")
        }
    }

    @Test("a server that takes its time is given up")
    func slow() async throws {
        try await DaemonFixture.run { fixture in
            fixture.account.configure { $0.delay = 3_600_000 }
            let (report, code) = try await examine(fixture.place)
            #expect(code == 1, "\(report)")
            #expect(Set(report.problematic).isSuperset(of: ["host api", "host content", "host notify", "sign-in"]))
        }
    }

    @Test("killed at any moment it leaves nothing")
    func killed() async throws {
        try await DaemonFixture.run { fixture in
            try await fixture.sync()
            let before = listing(fixture.place.folder)
            for delay in 0..<25 {
                let program = try fixture.place.start("doctor")
                try await Task.sleep(for: .milliseconds(delay * 3))
                try await program.crash()
                try await eventually("nothing to be left", or: "\(listing(fixture.place.folder))") {
                    listing(fixture.place.folder) == before
                }
            }
        }
    }
}
