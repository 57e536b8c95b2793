import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// The outbox of the real daemon.
///
/// DBXSYNC_CAMPAIGN sets how often the daemon is killed, DBXSYNC_SEED repeats the moments of an earlier run.
struct OutboxTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["DBXSYNC_CAMPAIGN"].flatMap { Int($0) } ?? 20
    private static let seed = environment["DBXSYNC_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)

    /// A stand with an outbox whose files go to `/in`.
    private func withOutbox(_ more: String = "", _ body: (Stand) async throws -> Void) async throws {
        try await Stand.run { stand in
            let out = try stand.place.folder.folder("out")
            let table = "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\"\n" + more
            try stand.place.configure(endpoint: stand.server.url, ["outbox": table])
            try await body(stand)
        }
    }

    private func uploaded(_ stand: Stand) -> [String: String] {
        stand.account.computeHashes()
        let files = stand.account.tree().filter { $0.isFile && $0.path.hasPrefix("/in/") }
        return Dictionary(uniqueKeysWithValues: files.map { (String($0.path.dropFirst(4)), $0.contentHash ?? "") })
    }

    private func status(_ stand: Stand) async throws -> (code: Int32, outbox: [String: Any]) {
        let ending = try await stand.place.run("status", "--json")
        let json = try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any]
        return (ending.code, try #require(json?["outbox"] as? [String: Any], "\(ending)"))
    }

    @Test(
        "1,000 files while the daemon is killed again and again: each is there once, by one upload",
        arguments: ["keep", "delete"])
    func campaign(after: String) async throws {
        try await withOutbox("after = \"\(after)\"") { stand in
            var random = SeededRandom(seed: Self.seed)
            var wanted: [String: String] = [:]
            let total = 1000
            for round in 1...Self.kills {
                let daemon = try stand.place.start("run")
                for number in (round - 1) * total / Self.kills..<round * total / Self.kills {
                    let name = "\(number % 7)/\(number % 3)/file \(number).txt"
                    // A few go in several requests, and in pieces.
                    let size = number % 100 == 50 ? 9_000_000 : random.number(0...3000)
                    let bytes = Content.generated(seed: UInt64(number + 1), size: Int64(size)).load()
                    wanted[name] = contentHash(of: bytes)
                    let place = URL(filePath: stand.place.folder("out/" + name))
                    try FileManager.default.createDirectory(
                        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(bytes).write(to: place)
                }
                try await Task.sleep(for: .milliseconds(random.number(100...1200)))
                #expect(daemon.isRunning, "\(daemon.told)")
                try await daemon.crash()
            }
            let daemon = try stand.place.start("run")
            try await eventually("all files", or: "seed \(Self.seed), \(uploaded(stand).count)\n\(daemon.told)") {
                uploaded(stand) == wanted
            }
            let revisions = stand.account.tree().filter(\.isFile).compactMap(\.rev)
            if after == "delete" {
                try await eventually("an empty outbox", or: daemon.told) {
                    try Tree(directory: stand.place.folder("out")).lines.values.allSatisfy { !$0.hasPrefix("file") }
                }
            }
            try await stand.equality(from: daemon)
            daemon.send(SIGTERM)
            let ending = try await daemon.ending()
            #expect(ending.code == 0, "\(ending)")
            let (_, outbox) = try await status(stand)
            #expect(outbox["waiting"] as? Int == 0 && outbox["failing"] as? Int == 0 && outbox["parked"] as? Int == 0)
            #expect(Set(revisions).count == total)
            #expect(stand.account.revisionCount == total, "seed \(Self.seed): more than one upload was kept of some")
            print("\(Self.kills) kills, seed \(Self.seed), \(after): \(stand.server.log.counters.requests) requests")
        }
    }

    @Test("status lists what Dropbox does not take, and ends with 1; a name that is changed makes it well")
    func troubles() async throws {
        try await withOutbox { stand in
            stand.account.configure { $0.disallowedName = "bad.txt" }
            try stand.place.folder.write("x", to: "out/bad.txt")
            try stand.place.folder.write("y", to: "out/good.txt")
            let daemon = try stand.place.start("run")
            try await eventually("a refusal", or: daemon.told) { daemon.told.contains("not uploaded") }
            try await eventually("an upload", or: daemon.told) { uploaded(stand).count == 1 }
            let (code, outbox) = try await status(stand)
            #expect(code == 1 && outbox["parked"] as? Int == 1 && outbox["remote_folder"] as? String == "/in")
            let text = try await stand.place.run("status")
            #expect(text.output.contains("not uploaded: 1 path (0 failing, 1 parked)"), "\(text)")
            #expect(text.output.contains(stand.place.folder("out/bad.txt") + ": Dropbox takes no file of that name"))
            try FileManager.default.moveItem(
                atPath: stand.place.folder("out/bad.txt"), toPath: stand.place.folder("out/fine.txt"))
            try await eventually("an upload", or: daemon.told) { uploaded(stand).count == 2 }
            try await stand.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            #expect(try await stand.place.run("status").code == 0)
            #expect(daemon.told.split(separator: "\n").count { $0.contains("not uploaded") } == 1)
        }
    }

    @Test("without the permission to write run ends with 77 and says what to run; auth asks for it by itself")
    func scopes() async throws {
        try await withOutbox { stand in
            try stand.place.folder.write(
                "{\"access_token\": \"\(Tokens.standing)\", \"scope\": \"files.content.read\"}",
                to: "state/credentials.json")
            let ending = try await stand.place.run("run")
            #expect(ending.code == 77, "\(ending)")
            #expect(ending.errors.contains("files.content.write") && ending.errors.contains("dbxsync auth"))
            let verifier = String(repeating: "v", count: 50)
            let auth = try await stand.place.run("auth", "--verifier", verifier)
            #expect(auth.output.contains("files.content.write"), "\(auth)")
            // A sign-in that does not say what it covers is tried.
            let read = stand.server.tokens.issue(scopes: [
                "account_info.read", "files.metadata.read", "files.content.read",
            ])
            try stand.place.signIn(accessToken: read.access)
            try stand.place.folder.write("x", to: "out/a.txt")
            let tried = try await stand.place.run("run")
            #expect(tried.code == 77 && tried.errors.contains("files.content.write"), "\(tried)")
            #expect(tried.errors.contains("--uploads"), "\(tried)")
        }
    }

    @Test("an outbox that is not there, or overlaps with the mirror through a link, is refused")
    func places() async throws {
        try await Stand.run { stand in
            let table = { (name: String) in
                ["outbox": "directory = \"\(stand.place.folder(name))\"\nremote_folder = \"\""]
            }
            try stand.place.configure(endpoint: stand.server.url, table("nowhere"))
            let missing = try await stand.place.run("run")
            #expect(missing.code == 73 && missing.errors.contains("is no directory"), "\(missing)")
            try FileManager.default.createSymbolicLink(
                atPath: stand.place.folder("link"), withDestinationPath: stand.place.folder("mirror"))
            try stand.place.configure(endpoint: stand.server.url, table("link"))
            let linked = try await stand.place.run("run")
            #expect(linked.code == 78 && linked.errors.contains("lies in the mirror"), "\(linked)")
            try stand.place.configure(endpoint: stand.server.url, table("mirror/out"))
            let inside = try await stand.place.run("check-config")
            #expect(inside.code == 78 && inside.errors.contains("outbox.directory"), "\(inside)")
        }
    }

    /// Waits until the mirror has heard of the revision that the account has.
    private func known(_ path: String, _ stand: Stand) async throws {
        let wanted = stand.account.tree().first { $0.path == path }?.rev
        let name = FileName(path.split(separator: "/").last.map(String.init) ?? "")
        for _ in 0..<2000 {
            let store = try StateStore.openReadOnly(at: stand.place.stateFile)
            let rev = try await store.placedRevision(at: RemoteKey(path), name: name)
            try store.close()
            if rev?.text == wanted { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NeverCame(what: "revision \(wanted ?? "-") of \(path)", evidence: "")
    }

    @Test("in the mirror both ways work: nothing is fetched that went up from here, nothing sent that came down")
    func insideMirror() async throws {
        try await Stand.run { stand in
            let out = try stand.place.folder.folder("mirror/work/in")
            let table = """
                directory = "\(out)"
                remote_folder = "/work/in"
                settle = "200ms"
                inside_mirror = true
                """
            try stand.place.configure(endpoint: stand.server.url, ["outbox": table])
            try stand.account.put("/elsewhere.txt", "elsewhere")
            let daemon = try stand.place.start("run")
            try await eventually("a file", or: daemon.told) {
                FileManager.default.fileExists(atPath: stand.place.folder("mirror/elsewhere.txt"))
            }
            stand.server.log.clear()
            let made = stand.account.revisionCount
            for name in ["a.txt", "sub/b.txt", "sub/deep/Ä.txt"] {
                try stand.place.folder.write(name, to: "mirror/work/in/\(name)")
            }
            try await stand.equality(from: daemon)
            #expect(stand.account.revisionCount == made + 3)
            // Theirs come down, and are not sent back.
            try stand.account.put("/work/in/theirs.txt", "theirs")
            try await stand.equality(from: daemon)
            #expect(stand.downloads.count == 1)
            try stand.place.folder.write("edited", to: "mirror/work/in/a.txt")
            try stand.place.folder.write("edited theirs", to: "mirror/work/in/theirs.txt")
            try await stand.equality(from: daemon)
            #expect(stand.account.revisionCount == made + 6)
            #expect(stand.downloads.count == 1 && stand.aside == [], "\(daemon.told)")
            try stand.account.put("/work/in/a.txt", "newer")
            _ = try stand.account.delete("/work/in/sub/b.txt")
            try await stand.equality(from: daemon)
            try stand.place.folder.write("edited again", to: "mirror/work/in/a.txt")
            try await stand.equality(from: daemon)
            try await known("/work/in/a.txt", stand)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let status = try await stand.place.run("status")
            #expect(status.code == 0, "\(status)")
            let verify = try await stand.place.run("verify")
            #expect(verify.code == 0, "\(verify)")
            #expect(stand.aside == [] && stand.account.tree().count { $0.isFile } == 4)
            #expect(stand.account.revisionCount == made + 8)
        }
    }

    @Test("in the mirror a name that is taken meanwhile leaves both files, here and there")
    func conflictInsideMirror() async throws {
        try await Stand.run { stand in
            let out = try stand.place.folder.folder("mirror/in")
            let table = "directory = \"\(out)\"\nremote_folder = \"/in\"\nsettle = \"100ms\"\ninside_mirror = true"
            try stand.place.configure(endpoint: stand.server.url, ["outbox": table])
            try stand.account.put("/in/first.txt", "first")
            try await stand.sync()
            // Both come into being while nobody looks.
            try stand.place.folder.write("ours", to: "mirror/in/both.txt")
            try stand.place.folder.write("first, edited here", to: "mirror/in/first.txt")
            try stand.account.put("/in/both.txt", "theirs")
            try stand.account.put("/in/first.txt", "first, edited there")
            let daemon = try stand.place.start("run")
            try await stand.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
            let there = try stand.account.tree().filter(\.isFile).map {
                String(decoding: try stand.account.content(of: $0.path).load(), as: UTF8.self)
            }
            let aside = stand.aside.compactMap { name in
                try? String(contentsOfFile: stand.place.folder("mirror/.dbxsync/aside/" + name), encoding: .utf8)
            }
            for text in ["ours", "theirs", "first, edited here", "first, edited there"] {
                #expect((there + aside).contains(text), "\(text) is lost: \(there), \(aside)\n\(daemon.told)")
            }
            #expect(there.contains("theirs") && there.contains("first, edited there"))
        }
    }
}
