import Configuration
import Dropbox
import Foundation
import Glibc
import TestSupport
import Testing

@testable import dbxsync

/// Several mirrors on one machine: their names, what is told of all of them, and where they may be.
@Suite(.timeLimit(.minutes(5)))
struct InstanceTests {
    private func run(_ name: String, _ code: dbxsync.ExitCode, _ output: String = "", trouble: String? = nil)
        -> InstanceRun
    {
        InstanceRun(Instance(file: "/etc/dbxsync/\(name).conf"), code, output: output, trouble: trouble)
    }

    // MARK: Names

    @Test("names that are the same in a unit, a path and a URL", arguments: ["work", "a-b_c.d", "7", "A", "x86"])
    func goodName(name: String) { #expect(InstanceName.problem(name) == nil) }

    @Test(
        "names that are not",
        arguments: [
            "", "-x", ".x", "..", "a/b", "a b", "a:b", "a@b", "a\\x2d", "\u{e9}", "a\n", "%i", "dbxsync", "lock",
            "state.db", "state.db-wal", "credentials.json", "on-change", "status.json", "ended.json",
            String(repeating: "x", count: 101),
        ])
    func badName(name: String) { #expect(InstanceName.problem(name) != nil) }

    @Test("configurations are found by name; a link that leads nowhere is one that cannot be read") func found() throws
    {
        let folder = try TemporaryFolder()
        #expect(try Instance.all(in: folder.path) == [])
        try folder.write("", to: "dbxsync.conf")
        _ = try folder.folder("dbxsync")
        for name in ["work.conf", "home.conf", ".hidden.conf", "work.conf~", "notes.txt", "dbxsync.conf"] {
            try folder.write("", to: "dbxsync/" + name)
        }
        try FileManager.default.createSymbolicLink(
            atPath: folder("dbxsync/away.conf"), withDestinationPath: "/nonexistent")
        let found = try Instance.all(in: folder.path)
        #expect(found.map(\.name) == ["away", "dbxsync", "dbxsync@dbxsync", "home", "work"])
        #expect(found[1].file == folder("dbxsync.conf") && found[2].file == folder("dbxsync/dbxsync.conf"))
    }

    @Test("a folder that cannot be read is told, and is not taken for an empty one") func unreadable() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "dbxsync")
        #expect(throws: Failure.self) { try Instance.all(in: folder.path) }
    }

    // MARK: All of them

    @Test("what a process has said is judged by how it ended") func judged() {
        let instance = Instance(file: "/etc/dbxsync/work.conf")
        func judged(_ code: Int32?, _ output: String = "", _ errors: String = "") -> InstanceRun {
            InstanceRun(
                instance, CapturedCommand(exitCode: code, output: output, errors: errors), within: .seconds(20))
        }
        #expect(judged(0, "in step\n") == InstanceRun(instance, .done, output: "in step\n"))
        #expect(judged(1, "not in step\n") == InstanceRun(instance, .incomplete, output: "not in step\n"))
        #expect(judged(78, "", "dbxsync: one\ndbxsync: two\n").trouble == "one (and 1 more)")
        #expect(judged(78, "", "").trouble == "exit code 78")
        #expect(judged(nil).exitCode == .unusableDirectory && judged(nil).trouble?.contains("20 s") == true)
        #expect(judged(3, "", "x").exitCode == .unusableDirectory)
        #expect(InstanceRun(instance, nil, within: .seconds(1)).exitCode == .unusableDirectory)
    }

    @Test("the worst comes first, and is what all of them exit with") func severity() {
        let codes: [dbxsync.ExitCode] = [
            .badConfiguration, .signedOut, .unusableDirectory, .held, .unreachable, .usage, .incomplete, .done,
        ]
        #expect(dbxsync.ExitCode.worst(codes.shuffled()) == .badConfiguration)
        #expect(dbxsync.ExitCode.worst([.done, .incomplete]) == .incomplete)
        #expect(dbxsync.ExitCode.worst([]) == .done)
        let lines = AllStatus.lines([
            run("b", .done, "in step: b\nmore"), run("a", .done, "in step: a\n"),
            run("long-name", .incomplete, "not in step\u{1B}[31m\n"),
            run("x", .badConfiguration, trouble: "x.conf: wrong"),
        ])
        #expect(
            lines == [
                "x          x.conf: wrong", "long-name  not in step\\u{1b}[31m", "a          in step: a",
                "b          in step: b",
            ])
    }

    @Test("one document holds what each has printed, and why one has printed nothing") func document() throws {
        let all = AllStatus([
            run(
                "a", .done,
                "{\"in_step\": true, \"share\": 0.5, \"bytes\": 9007199254740993, \"none\": null, \"l\": [\"x\"]}"),
            run("b", .incomplete, "no JSON"), run("c", .badConfiguration, "", trouble: "wrong"),
        ])
        #expect(all.exitCode == 78)
        let text = try JSONText.of(all)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let mirrors = try #require(object["mirrors"] as? [[String: Any]])
        #expect(mirrors.map { $0["name"] as? String } == ["c", "b", "a"])
        #expect(mirrors.map { $0["exit_code"] as? Int } == [78, 73, 0])
        #expect(mirrors[0]["error"] as? String == "wrong" && mirrors[0]["status"] is NSNull)
        #expect(mirrors[1]["status"] is NSNull && mirrors[2]["error"] is NSNull)
        let status = try #require(mirrors[2]["status"] as? [String: Any])
        #expect(status["in_step"] as? Bool == true && status["bytes"] as? Int == 9_007_199_254_740_993)
        #expect(text.contains("\"share\" : 0.5") && text.contains("\"none\" : null"))
    }

    @Test("metrics of several mirrors are one document, in which each metric is explained once") func metrics() {
        for format in MetricsText.Format.allCases {
            func document(_ name: String) -> String {
                let facts = MetricsFacts(
                    mirror: name, now: 1_000, isUp: true, counters: DaemonCounters(began: 1), freeBytes: 5,
                    isSignedIn: true, limits: MetricsFacts.Limits(Config()))
                return MetricsText.of(facts, format)
            }
            let both = MetricsText.of(
                [
                    run("a", .done, document("a")), run("b", .done, document("b")),
                    run("c", .badConfiguration, trouble: "wrong"),
                ], format)
            let lines = both.split(separator: "\n").map(String.init)
            let heads = lines.filter { $0.hasPrefix("# TYPE") }
            #expect(Set(heads).count == heads.count && heads.count > 10)
            for name in ["a", "b"] {
                let samples = document(name).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
                #expect(samples.allSatisfy(lines.contains))
            }
            #expect(lines.contains("dbxsync_up{mirror=\"c\"} 0") && lines.contains("dbxsync_in_step{mirror=\"c\"} 0"))
            #expect(lines.filter { $0 == "# EOF" }.count == (format == .openmetrics ? 1 : 0))
            // The samples of a metric stand together, behind its head.
            let ups = lines.indices.filter { lines[$0].hasPrefix("dbxsync_up{") }
            #expect(ups.count == 3 && ups[2] - ups[0] == 2 && lines[ups[0] - 1].hasPrefix("# "))
        }
        #expect(MetricsText.of([InstanceRun](), .openmetrics) == "# EOF\n")
    }

    @Test("where no mirror is configured that is the first thing to do") func none() throws {
        let all = AllStatus([])
        #expect(all.exitCode == 78 && all.mirrors.isEmpty)
        #expect(AllStatus.exitCode(runs: [run("a", .done)]) == .done)
        #expect(AllStatus.nothing(in: "/etc").hasSuffix("to make one: dbxsync setup"))
    }

    @Test("a configuration that is not there is told with how to make it, and with those that are there")
    func missing() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "dbxsync/work.conf")
        #expect(MissingConfig(folder("dbxsync/work.conf"), in: folder.path) == nil)
        let other = try #require(MissingConfig(folder("dbxsync/home.conf"), in: folder.path))
        #expect(other.others == [] && other.description.hasSuffix("home.conf; to make one: dbxsync setup"))
        let usual = MissingConfig("/etc/dbxsync.conf", others: [Instance(file: "/etc/dbxsync/work.conf")])
        #expect(
            usual.description.split(separator: "\n") == [
                "there is no configuration /etc/dbxsync.conf; to make one: dbxsync setup",
                "work has one: --config /etc/dbxsync/work.conf",
            ])
    }

    @Test("a sign-in is also that of who names its file, or has its token in another one") func sharedSignIn() throws {
        let folder = try TemporaryFolder()
        func add(_ name: String, _ credentials: String, token: String) throws {
            try folder.write("{\"refresh_token\": \"\(token)\"}", to: credentials)
            chmod(folder(credentials), 0o600)
            try folder.write(
                "[account]\ncredentials = \"\(folder(credentials))\"\nnonsense = 1\n", to: "dbxsync/\(name).conf")
        }
        try add("own", "own.json", token: "t")
        try add("same-file", "own.json", token: "t")
        try add("same-token", "copy.json", token: "t")
        try add("other", "other.json", token: "u")
        try FileManager.default.createSymbolicLink(
            atPath: folder("dbxsync/link.conf"), withDestinationPath: folder("dbxsync/own.conf"))
        var config = Config()
        config.account.credentials = folder("own.json")
        let users = SharedSignIn.users(of: config, file: folder("dbxsync/own.conf"), in: folder.path)
        #expect(users.map(\.name) == ["same-file", "same-token"])
        config.account.credentials = folder("none.json")
        #expect(SharedSignIn.users(of: config, file: folder("dbxsync/own.conf"), in: folder.path) == [])
        #expect(SharedSignIn.refusal([]) == nil)
        let refusal = try #require(SharedSignIn.refusal(users))
        #expect(refusal.exitCode == .usage && refusal.message.contains("same-token ("))
        #expect(refusal.message.hasSuffix("dbxsync auth --revoke --shared"))
    }

    // MARK: Where they are

    @Test("two mirrors are beside each other, links included, and neither keeps its state where the other one is")
    func neighbours() throws {
        let folder = try TemporaryFolder()
        for name in ["one/in", "two", "state/one", "dbxsync"] { _ = try folder.folder(name) }
        try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: folder("one"))
        try folder.write(
            """
            [mirror]
            directory = "\(folder("one"))"
            nonsense = 1
            [state]
            directory = "\(folder("state/one"))"
            """, to: "dbxsync/one.conf")
        try folder.write("", to: "dbxsync/two.conf")
        let found = try Neighbours(of: folder("dbxsync/two.conf"), in: folder.path)
        #expect(found.others.map(\.instance.name) == ["one"])
        for path in ["one", "one/in", "one/new/er", "link/in", "", "state/one/x", "state"] {
            let problem = found.problem(ofMirror: folder.path + "/" + path)
            #expect(problem?.contains("one.conf") == true, "\(path): \(problem ?? "")")
        }
        for path in ["two", "one-more", "new/two"] { #expect(found.problem(ofMirror: folder(path)) == nil, "\(path)") }
        for path in ["state/one", "one/state"] { #expect(found.problem(ofState: folder(path)) != nil, "\(path)") }
        for path in ["state", "state/two", "state/one/two"] {
            #expect(found.problem(ofState: folder(path)) == nil, "\(path)")
        }
        #expect(try Neighbours(of: folder("dbxsync/one.conf"), in: folder.path).others.map(\.instance.name) == ["two"])
    }

    @Test("a mirror in a mirror is seen by the marker of the other one, whoever keeps it") func enclosing() throws {
        let folder = try TemporaryFolder()
        _ = try folder.folder("outer/a/b")
        #expect(Neighbours.mirror(around: folder("outer/a/b")) == nil)
        try folder.write("x", to: "outer/.dbxsync/mirror-id")
        #expect(
            Neighbours.mirror(around: folder("outer/a/b/new")).map(Neighbours.real) == Neighbours.real(folder("outer")))
        #expect(Neighbours.mirror(around: folder("outer")) == nil)
        #expect(Neighbours([]).problem(ofMirror: folder("outer/a"))?.contains("another mirror") == true)
    }
}
