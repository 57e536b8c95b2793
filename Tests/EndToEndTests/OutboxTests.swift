import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// The outbox of the real daemon.
///
/// DBXSYNC_CAMPAIGN sets how often the daemon is killed, DBXSYNC_SEED repeats the moments of an earlier run.
@Suite(.timeLimit(.minutes(60)))
struct OutboxTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) } ?? 20
    private static let seed = environment["DBXSYNC_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)

    /// A stand with an outbox whose files go to `/in`.
    private func withOutbox(_ more: String = "", _ body: (DaemonFixture) async throws -> Void) async throws {
        try await DaemonFixture.run { fixture in
            let out = try fixture.place.folder.folder("out")
            let table = "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\"\n" + more
            try fixture.place.configure(endpoint: fixture.server.url, ["outbox": table])
            try await body(fixture)
        }
    }

    private func uploaded(_ fixture: DaemonFixture) -> [String: String] {
        fixture.account.computeHashes()
        let files = fixture.account.tree().filter { $0.isFile && $0.path.hasPrefix("/in/") }
        return Dictionary(uniqueKeysWithValues: files.map { (String($0.path.dropFirst(4)), $0.contentHash ?? "") })
    }

    private func status(_ fixture: DaemonFixture) async throws -> (code: Int32, outbox: [String: Any]) {
        let ending = try await fixture.place.run("status", "--json")
        let json = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        return (ending.code, try #require(json?["outbox"] as? [String: Any], "\(ending)"))
    }

    @Test(
        "1,000 files while the daemon is killed again and again: each is there once, by one upload",
        arguments: ["keep", "delete"])
    func campaign(after: String) async throws {
        try await withOutbox("after = \"\(after)\"") { fixture in
            var random = SeededRandom(seed: Self.seed)
            var wanted: [String: String] = [:]
            let total = 1000
            for round in 1...Self.kills {
                let daemon = try fixture.place.start("run")
                for number in (round - 1) * total / Self.kills..<round * total / Self.kills {
                    let name = "\(number % 7)/\(number % 3)/file \(number).txt"
                    // A few go in several requests, and in pieces.
                    let size = number % 100 == 50 ? 9_000_000 : random.number(0...3000)
                    let bytes = Content.generated(seed: UInt64(number + 1), size: Int64(size)).load()
                    wanted[name] = contentHash(of: bytes)
                    let place = URL(filePath: fixture.place.folder("out/" + name))
                    try FileManager.default.createDirectory(
                        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(bytes).write(to: place)
                }
                try await Task.sleep(for: .milliseconds(random.number(100...1200)))
                #expect(daemon.isRunning, "\(daemon.log)")
                try await daemon.crash()
            }
            let daemon = try fixture.place.start("run")
            try await eventually("all files", or: "seed \(Self.seed), \(uploaded(fixture).count)\n\(daemon.log)") {
                uploaded(fixture) == wanted
            }
            let revisions = fixture.account.tree().filter(\.isFile).compactMap(\.rev)
            if after == "delete" {
                try await eventually("an empty outbox", or: daemon.log) {
                    try Tree(directory: fixture.place.folder("out")).lines.values.allSatisfy { !$0.hasPrefix("file") }
                }
            }
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            let ending = try await daemon.ending()
            #expect(ending.code == 0, "\(ending)")
            let (_, outbox) = try await status(fixture)
            #expect(outbox["waiting"] as? Int == 0 && outbox["failing"] as? Int == 0 && outbox["parked"] as? Int == 0)
            #expect(Set(revisions).count == total)
            #expect(fixture.account.revisionCount == total, "seed \(Self.seed): more than one upload was kept of some")
            print("\(Self.kills) kills, seed \(Self.seed), \(after): \(fixture.server.log.counters.requests) requests")
        }
    }

    @Test("status lists what Dropbox does not take, and ends with 1; a name that is changed makes it well")
    func troubles() async throws {
        try await withOutbox { fixture in
            fixture.account.configure { $0.disallowedName = "bad.txt" }
            try fixture.place.folder.write("x", to: "out/bad.txt")
            try fixture.place.folder.write("y", to: "out/good.txt")
            let daemon = try fixture.place.start("run")
            try await eventually("a refusal", or: daemon.log) { daemon.log.contains("not uploaded") }
            try await eventually("an upload", or: daemon.log) { uploaded(fixture).count == 1 }
            let (code, outbox) = try await status(fixture)
            #expect(code == 1 && outbox["parked"] as? Int == 1 && outbox["remote_folder"] as? String == "/in")
            let text = try await fixture.place.run("status")
            #expect(text.output.contains("not uploaded: 1 path (0 failing, 1 parked)"), "\(text)")
            #expect(
                text.output.contains(
                    fixture.place.folder("out/bad.txt") + ": Dropbox does not accept a file of that name"))
            try FileManager.default.moveItem(
                atPath: fixture.place.folder("out/bad.txt"), toPath: fixture.place.folder("out/fine.txt"))
            try await eventually("an upload", or: daemon.log) { uploaded(fixture).count == 2 }
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            #expect(try await fixture.place.run("status").code == 0)
            #expect(daemon.log.split(separator: "\n").count { $0.contains("not uploaded") } == 1)
        }
    }

    @Test("without the permission to write run ends with 77 and says what to run; auth asks for it by itself")
    func scopes() async throws {
        try await withOutbox { fixture in
            try fixture.place.folder.write(
                "{\"access_token\": \"\(Tokens.standing)\", \"scope\": \"files.content.read\"}",
                to: "state/credentials.json")
            let ending = try await fixture.place.run("run")
            #expect(ending.code == 77, "\(ending)")
            #expect(ending.errors.contains("files.content.write") && ending.errors.contains("dbxsync auth"))
            let verifier = String(repeating: "v", count: 50)
            let auth = try await fixture.place.run("auth", "--verifier", verifier)
            #expect(auth.output.contains("files.content.write"), "\(auth)")
            // A sign-in that does not say what it covers is tried.
            let read = fixture.server.tokens.issue(scopes: [
                "account_info.read", "files.metadata.read", "files.content.read",
            ])
            try fixture.place.signIn(accessToken: read.access)
            try fixture.place.folder.write("x", to: "out/a.txt")
            let tried = try await fixture.place.run("run")
            #expect(tried.code == 77 && tried.errors.contains("files.content.write"), "\(tried)")
            #expect(tried.errors.contains("--uploads"), "\(tried)")
        }
    }

    @Test("an outbox that is not there, or overlaps with the mirror through a link, is refused")
    func places() async throws {
        try await DaemonFixture.run { fixture in
            let table = { (name: String) in
                ["outbox": "directory = \"\(fixture.place.folder(name))\"\nremote_folder = \"\""]
            }
            try fixture.place.configure(endpoint: fixture.server.url, table("nowhere"))
            let missing = try await fixture.place.run("run")
            #expect(missing.code == 73 && missing.errors.contains("is no directory"), "\(missing)")
            try FileManager.default.createSymbolicLink(
                atPath: fixture.place.folder("link"), withDestinationPath: fixture.place.folder("mirror"))
            try fixture.place.configure(endpoint: fixture.server.url, table("link"))
            let linked = try await fixture.place.run("run")
            #expect(linked.code == 78 && linked.errors.contains("lies in the mirror"), "\(linked)")
            try fixture.place.configure(endpoint: fixture.server.url, table("mirror/out"))
            let inside = try await fixture.place.run("check-config")
            #expect(inside.code == 78 && inside.errors.contains("outbox.directory"), "\(inside)")
        }
    }

    /// Waits until the mirror has heard of the revision that the account has.
    private func known(_ path: String, _ fixture: DaemonFixture) async throws {
        let wanted = fixture.account.tree().first { $0.path == path }?.rev
        let name = FileName(path.split(separator: "/").last.map(String.init) ?? "")
        try await eventually("revision \(wanted ?? "-") of \(path)") {
            let store = try StateStore.openReadOnly(at: fixture.place.stateFile)
            let rev = try await store.placedRevision(at: RemoteKey(path), name: name)
            try store.close()
            return rev?.text == wanted
        }
    }

    @Test("in the mirror both ways work: nothing is fetched that went up from here, nothing sent that came down")
    func insideMirror() async throws {
        try await DaemonFixture.run { fixture in
            let out = try fixture.place.folder.folder("mirror/work/in")
            let table = """
                directory = "\(out)"
                remote_folder = "/work/in"
                settle = "200ms"
                inside_mirror = true
                """
            try fixture.place.configure(endpoint: fixture.server.url, ["outbox": table])
            try fixture.account.put("/elsewhere.txt", "elsewhere")
            let daemon = try fixture.place.start("run")
            try await eventually("a file", or: daemon.log) {
                FileManager.default.fileExists(atPath: fixture.place.folder("mirror/elsewhere.txt"))
            }
            fixture.server.log.clear()
            let made = fixture.account.revisionCount
            for name in ["a.txt", "sub/b.txt", "sub/deep/Ä.txt"] {
                try fixture.place.folder.write(name, to: "mirror/work/in/\(name)")
            }
            try await fixture.equality(from: daemon)
            #expect(fixture.account.revisionCount == made + 3)
            // Theirs come down, and are not sent back.
            try fixture.account.put("/work/in/theirs.txt", "theirs")
            try await fixture.equality(from: daemon)
            #expect(fixture.downloads.count == 1)
            try fixture.place.folder.write("edited", to: "mirror/work/in/a.txt")
            try fixture.place.folder.write("edited theirs", to: "mirror/work/in/theirs.txt")
            try await fixture.equality(from: daemon)
            #expect(fixture.account.revisionCount == made + 6)
            #expect(fixture.downloads.count == 1 && fixture.aside == [], "\(daemon.log)")
            try fixture.account.put("/work/in/a.txt", "newer")
            _ = try fixture.account.delete("/work/in/sub/b.txt")
            try await fixture.equality(from: daemon)
            try fixture.place.folder.write("edited again", to: "mirror/work/in/a.txt")
            try await fixture.equality(from: daemon)
            try await known("/work/in/a.txt", fixture)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let status = try await fixture.place.run("status")
            #expect(status.code == 0, "\(status)")
            let verify = try await fixture.place.run("verify")
            #expect(verify.code == 0, "\(verify)")
            #expect(fixture.aside == [] && fixture.account.tree().count { $0.isFile } == 4)
            #expect(fixture.account.revisionCount == made + 8)
        }
    }

    @Test("in the mirror a name that is taken meanwhile leaves both files, here and there")
    func conflictInsideMirror() async throws {
        try await DaemonFixture.run { fixture in
            let out = try fixture.place.folder.folder("mirror/in")
            let table = "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\"\ninside_mirror = true"
            try fixture.place.configure(endpoint: fixture.server.url, ["outbox": table])
            try fixture.account.put("/in/first.txt", "first")
            try await fixture.sync()
            // Both come into being while nobody looks.
            try fixture.place.folder.write("ours", to: "mirror/in/both.txt")
            try fixture.place.folder.write("first, edited here", to: "mirror/in/first.txt")
            try fixture.account.put("/in/both.txt", "theirs")
            try fixture.account.put("/in/first.txt", "first, edited there")
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let there = try fixture.account.tree().filter(\.isFile).map {
                String(decoding: try fixture.account.content(of: $0.path).load(), as: UTF8.self)
            }
            let aside = fixture.aside.compactMap { name in
                try? String(contentsOfFile: fixture.place.folder("mirror/.dbxsync/aside/" + name), encoding: .utf8)
            }
            for text in ["ours", "theirs", "first, edited here", "first, edited there"] {
                #expect((there + aside).contains(text), "\(text) is lost: \(there), \(aside)\n\(daemon.log)")
            }
            #expect(there.contains("theirs") && there.contains("first, edited there"))
        }
    }
}
