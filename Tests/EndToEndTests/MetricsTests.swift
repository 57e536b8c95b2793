import Foundation
import Sandbox
import TestSupport
import Testing

/// What is told to monitoring systems.
@Suite(.timeLimit(.minutes(10)))
struct MetricsTests {
    /// The samples of a text, by what stands before their value.
    private func samples(_ text: String) -> [String: Double] {
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            samples[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return samples
    }

    private func metrics(_ place: Installation, _ arguments: String...) async throws -> String {
        let ending = try await Program("dbxsync", ["metrics", "--config", place.configuration] + arguments).ending()
        try #require(ending.code == 0, "\(ending)")
        return ending.output
    }

    private func status(_ place: Installation) async throws -> [String: Any] {
        let ending = try await place.run("status", "--json")
        return try #require(JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any], "\(ending)")
    }

    private func seconds(_ value: Any?) throws -> Double {
        let date = try ISO8601DateFormatter().date(from: #require(value as? String))
        return try #require(date).timeIntervalSince1970
    }

    @Test("with and without a daemon metrics tell what status tells; what is counted only a daemon knows")
    func command() async throws {
        try await DaemonFixture.run { fixture in
            let place = fixture.place
            let before = samples(try await metrics(place))
            #expect(before["dbxsync_up{mirror=\"dbxsync\"}"] == 0)
            #expect(before["dbxsync_in_step{mirror=\"dbxsync\"}"] == 0)

            try fixture.account.put("/a", "aaa")
            try fixture.account.put("/folder/b", "b")
            let daemon = try place.start("run")
            try await fixture.equality(from: daemon)
            var text = ""
            try await eventually("counters", or: text + daemon.log) {
                text = try await metrics(place)
                return samples(text)["dbxsync_passes_total{mirror=\"dbxsync\",outcome=\"done\"}"] == 1
                    && samples(text)["dbxsync_in_step{mirror=\"dbxsync\"}"] == 1
            }
            #expect(text.hasSuffix("# EOF\n"))
            let (during, known) = (samples(text), try await status(place))
            #expect(during["dbxsync_up{mirror=\"dbxsync\"}"] == 1)
            #expect(during["dbxsync_entries{mirror=\"dbxsync\",kind=\"file\"}"] == 2)
            #expect(during["dbxsync_effects_total{mirror=\"dbxsync\",event=\"file_placed\"}"] == 2)
            #expect(during["dbxsync_signed_in{mirror=\"dbxsync\"}"] == 1)
            let account = during["dbxsync_in_step_timestamp_seconds{mirror=\"dbxsync\",side=\"account\"}"]
            #expect(account == (try seconds(known["in_step_as_of"])))
            let listings = during.filter { $0.key.contains("files/list_folder") && $0.key.contains("2xx") }
            #expect(listings.values.reduce(0, +) >= 1)
            #expect((during["dbxsync_process_resident_memory_bytes{mirror=\"dbxsync\"}"] ?? 0) > 1e6)

            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let after = samples(try await metrics(place))
            #expect(after["dbxsync_up{mirror=\"dbxsync\"}"] == 0)
            #expect(after["dbxsync_in_step{mirror=\"dbxsync\"}"] == 1)
            #expect(after["dbxsync_signed_in{mirror=\"dbxsync\"}"] == 1)
            #expect(!after.keys.contains { $0.hasPrefix("dbxsync_passes_total") })
        }
    }

    @Test("nobody signed in, a daemon that is gone, and a wrong format are told")
    func troubles() async throws {
        try await DaemonFixture.run { fixture in
            let place = fixture.place
            try FileManager.default.removeItem(atPath: place.folder("state/credentials.json"))
            #expect(samples(try await metrics(place))["dbxsync_signed_in{mirror=\"dbxsync\"}"] == 0)
            let ending = try await place.run("metrics", "--format", "xml")
            #expect(ending.code == 64 && ending.errors.contains("xml"))
        }
    }

    @Test(
        "the file for node_exporter is there for all to read, in the format that it takes, and says when nobody keeps it"
    )
    func textfile() async throws {
        let folder = try TemporaryFolder()
        let path = folder("dbxsync.prom")
        try await DaemonFixture.run(["metrics": "textfile = \"\(path)\""]) { fixture in
            try fixture.account.put("/a", "aaa")
            let daemon = try fixture.place.start("run")
            var text = ""
            try await eventually("a file that says it is in step", or: text + daemon.log) {
                text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                return samples(text)["dbxsync_in_step{mirror=\"dbxsync\"}"] == 1
                    && samples(text)["dbxsync_entries{mirror=\"dbxsync\",kind=\"file\"}"] == 1
            }
            #expect(!text.contains("# EOF") && text.contains("# TYPE dbxsync_passes_total counter\n"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["dbxsync.prom"])
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o644)

            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let last = samples(try String(contentsOfFile: path, encoding: .utf8))
            #expect(last["dbxsync_up{mirror=\"dbxsync\"}"] == 0)
            #expect(last["dbxsync_in_step{mirror=\"dbxsync\"}"] == 0)
            #expect(last["dbxsync_entries{mirror=\"dbxsync\",kind=\"file\"}"] == 1)
        }
    }

    @Test("a daemon that cannot begin leaves nothing in the file that another one has written; beside one it stays")
    func textfileAtFailure() async throws {
        let folder = try TemporaryFolder()
        let path = folder("dbxsync.prom")
        try await DaemonFixture.run(["metrics": "textfile = \"\(path)\""]) { fixture in
            let old = "dbxsync_in_step{mirror=\"dbxsync\"} 1\n"
            try folder.write(old, to: "dbxsync.prom")
            try FileManager.default.removeItem(atPath: fixture.place.folder("state/credentials.json"))
            #expect(try await fixture.place.run("run").code == 77)
            let left = samples(try String(contentsOfFile: path, encoding: .utf8))
            #expect(left["dbxsync_in_step{mirror=\"dbxsync\"}"] == 0 && left["dbxsync_up{mirror=\"dbxsync\"}"] == 0)
            #expect(left["dbxsync_signed_in{mirror=\"dbxsync\"}"] == 0)
            let ended = try await fixture.place.run("status").output
            #expect(ended.contains("not running: it ended") && ended.contains("exit code 77"), "\(ended)")

            try fixture.place.signIn(accessToken: Tokens.standing)
            let daemon = try fixture.place.start("run")
            func isInStep() -> Bool {
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                return samples(text)["dbxsync_in_step{mirror=\"dbxsync\"}"] == 1
            }
            try await eventually("the file", or: daemon.log) { isInStep() }
            #expect(try await fixture.place.run("run").code == 75)
            #expect(isInStep())
            try await daemon.crash()
        }
    }

    @Test("a file that cannot be written is told once, and written as soon as it can be; a reload names another")
    func unwritable() async throws {
        let folder = try TemporaryFolder()
        try await DaemonFixture.run(["metrics": "textfile = \"\(folder("later/a.prom"))\""]) { fixture in
            let daemon = try fixture.place.start("run")
            try await eventually("a warning", or: daemon.log) { daemon.log.contains("cannot be written") }
            #expect(daemon.log.contains("No such file or directory"))
            _ = try folder.folder("later")
            try await eventually("the file", or: daemon.log) {
                FileManager.default.fileExists(atPath: folder("later/a.prom"))
            }
            try await eventually("a word about it") { daemon.log.contains("is written again") }
            #expect(daemon.log.components(separatedBy: "cannot be written").count == 2)

            let other = ["metrics": "textfile = \"\(folder("b.prom"))\""]
            try fixture.place.configure(endpoint: fixture.server.url, other)
            daemon.send(SIGHUP)
            try await eventually("the other file", or: daemon.log) {
                FileManager.default.fileExists(atPath: folder("b.prom"))
            }
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }
}
