import Foundation
import Glibc
import Sandbox
import TestSupport
import Testing

/// What was removed or replaced comes back.
@Suite(.timeLimit(.minutes(15)))
struct RestoreTests {
    private func document(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any], "\(ending)")
    }

    private func text(_ fixture: DaemonFixture, _ name: String) -> String? {
        try? String(contentsOfFile: fixture.place.folder("back/\(name)"), encoding: .utf8)
    }

    private func restore(_ fixture: DaemonFixture, _ arguments: String...) async throws -> Program.Ending {
        let all =
            ["restore"] + arguments
            + ["--to", fixture.place.folder("back"), "--json", "--config", fixture.place.configuration]
        return try await Program("dbxsync", all).ending()
    }

    /// Waits until the trash holds so many things: a removal is seen before it is recorded.
    private func trash(_ fixture: DaemonFixture, holds count: Int, _ daemon: Program) async throws {
        try await eventually("\(count) in the trash", or: daemon.log) {
            try document(try await fixture.place.run("trash", "--json"))["count"] as? Int == count
        }
    }

    /// A time after all that has happened, and before all that will: the history counts in seconds.
    private func momentBetween() async throws -> String {
        try await Task.sleep(for: .seconds(1))
        let moment = Date.now
        try await Task.sleep(for: .seconds(1.1))
        return moment.formatted(.iso8601)
    }

    @Test("a file that was replaced and removed comes back from the trash byte for byte, beside a running daemon")
    func fromTheTrash() async throws {
        try await DaemonFixture.run { fixture in
            let contents: [Content] = [.generated(seed: 1, size: 3_000_000), .text("two"), .text("")]
            try fixture.account.put("/Docs/a.bin", contents[0], clientModified: 1_600_000_000)
            try fixture.account.put("/Docs/other", "other")
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            for content in contents.dropFirst() {
                try fixture.account.put("/Docs/a.bin", content)
                try await fixture.equality(from: daemon)
            }
            try fixture.account.delete("/Docs/a.bin")
            try await trash(fixture, holds: 3, daemon)
            let listed = try document(try await fixture.place.run("trash", "--json"))
            let items = try #require(listed["items"] as? [[String: Any]])
            #expect(listed["count"] as? Int == 3 && listed["bytes"] as? Int == 3_000_003)
            #expect(items.map { $0["reason"] as? String } == ["replaced", "replaced", "removed"])
            #expect(items.allSatisfy { $0["path"] as? String == "/Docs/a.bin" })
            let revs = items.compactMap { $0["rev"] as? String }
            fixture.server.log.clear()
            for (number, rev) in revs.enumerated() {
                let folder = fixture.place.folder("back \(number)")
                let ending = try await fixture.place.run("restore", "/docs/A.bin", "--rev", rev, "--to", folder)
                #expect(ending.code == 0 && ending.output.contains("from the trash"), "\(ending)")
                let bytes = try Data(contentsOf: URL(filePath: folder + "/a.bin"))
                #expect(Array(bytes) == contents[number].load())
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.bin"])
            }
            let path = fixture.place.folder("back 0/a.bin")
            let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
            #expect(date?.timeIntervalSince1970 == 1_600_000_000)
            #expect(fixture.downloads.isEmpty)
            let newest = try await restore(fixture, fixture.place.mirror + "/Docs/a.bin")
            #expect(newest.code == 0 && text(fixture, "a.bin") == "", "\(newest)")
            // The trash keeps it until its time.
            #expect(try document(try await fixture.place.run("trash", "--json"))["count"] as? Int == 3)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("what the trash no longer has comes from Dropbox's revisions")
    func fromRevisions() async throws {
        try await DaemonFixture.run(["trash": "keep = \"0\""]) { fixture in
            let first = try fixture.account.put("/a", "one").rev
            try await fixture.sync()
            let before = try await momentBetween()
            try fixture.account.put("/a", "two")
            try await fixture.sync()
            try fixture.account.delete("/a")
            try await fixture.sync()
            #expect(try document(try await fixture.place.run("trash", "--json"))["count"] as? Int == 0)
            let newest = try await restore(fixture, "/a")
            #expect(newest.code == 0 && text(fixture, "a") == "two", "\(newest)")
            let files = try #require(try document(newest)["files"] as? [[String: Any]])
            #expect(files.first?["source"] as? String == "dropbox")
            for arguments in [["--rev", first], ["--at", before]] {
                try FileManager.default.removeItem(atPath: fixture.place.folder("back"))
                let ending = try await restore(fixture, "/a", arguments[0], arguments[1])
                #expect(ending.code == 0 && text(fixture, "a") == "one", "\(arguments) \(ending)")
            }
            let none = try await restore(fixture, "/none")
            #expect(none.code == 1 && none.errors.contains("/none"), "\(none)")
        }
    }

    @Test("a folder comes back as it was at a time: what was changed, removed, moved and kept since")
    func folder() async throws {
        try await DaemonFixture.run { fixture in
            let account = fixture.account
            for name in ["kept", "changed", "removed", "renamed", "left"] {
                try account.put("/Docs/\(name)", .text("\(name) 1"))
            }
            try account.put("/Docs/Sub/deep", "deep 1")
            try account.put("/else", "else")
            try await fixture.sync()
            let then = try await momentBetween()
            try account.put("/Docs/changed", "changed 2")
            try account.delete("/Docs/removed")
            try account.move("/Docs/renamed", "/Docs/renamed 2")
            try account.move("/Docs/Sub", "/Docs/Sub 2")
            try account.move("/Docs/left", "/left")
            try account.put("/Docs/new", "new")
            try await fixture.sync()
            let later = try await momentBetween()
            try account.put("/Docs/changed", "changed 3")
            try account.delete("/Docs")
            try await fixture.sync()
            let ending = try await restore(fixture, "/docs", "--at", then)
            #expect(ending.code == 0, "\(ending)")
            #expect(try document(ending)["restored"] as? Int == 6)
            let tree = try Tree(directory: fixture.place.folder("back/Docs"))
            #expect(tree.lines.keys.sorted() == ["Sub", "Sub/deep", "changed", "kept", "left", "removed", "renamed"])
            for name in ["kept", "changed", "removed", "renamed", "left"] {
                #expect(text(fixture, "Docs/\(name)") == "\(name) 1")
            }
            #expect(text(fixture, "Docs/Sub/deep") == "deep 1")
            // Without a time: what was in it when it was removed.
            try FileManager.default.removeItem(atPath: fixture.place.folder("back"))
            let last = try await restore(fixture, "/Docs")
            #expect(last.code == 0, "\(last)")
            let names = try Tree(directory: fixture.place.folder("back/Docs")).lines.keys.sorted()
            #expect(names == ["Sub 2", "Sub 2/deep", "changed", "kept", "new", "renamed 2"])
            #expect(text(fixture, "Docs/changed") == "changed 2", "\(last)")
            try FileManager.default.removeItem(atPath: fixture.place.folder("back"))
            #expect(try await restore(fixture, "/Docs", "--at", later).code == 0)
            #expect(try Tree(directory: fixture.place.folder("back/Docs")).lines.keys.sorted() == names)
        }
    }

    @Test("a folder is found whatever its letters and their case, and two names of the same letters both come back")
    func spellings() async throws {
        try await DaemonFixture.run { fixture in
            let account = fixture.account
            let names = ["caf\u{e9}", "cafe\u{301}"]
            for (index, name) in names.enumerated() { try account.put("/\u{c4}pfel/\(name)", .text("\(index)")) }
            try await fixture.sync()
            let then = try await momentBetween()
            for name in names { try account.put("/\u{c4}pfel/\(name)", "new") }
            try await fixture.sync()
            try account.move("/\u{c4}pfel", "/other")
            try account.move("/other", "/\u{e4}pfel")
            try await fixture.sync()
            for path in ["/\u{c4}pfel", "/\u{e4}PFEL"] {
                let ending = try await restore(fixture, path, "--at", then)
                #expect(ending.code == 0, "\(ending)")
                #expect(try document(ending)["restored"] as? Int == 2)
                for (index, name) in names.enumerated() {
                    let found = ["\u{c4}", "\u{e4}"].compactMap { text(fixture, "\($0)pfel/\(name)") }
                    #expect(found == ["\(index)"], "\(path)")
                }
                try FileManager.default.removeItem(atPath: fixture.place.folder("back"))
            }
        }
    }

    @Test("nothing is overwritten, nothing is written into the mirror, and what is there already is no failure")
    func neverOverwrites() async throws {
        try await DaemonFixture.run { fixture in
            for name in ["a", "b"] { try fixture.account.put("/D/\(name)", .text("\(name) 1")) }
            try await fixture.sync()
            try fixture.account.delete("/D")
            try await fixture.sync()
            try fixture.place.folder.write("mine", to: "back/a")
            let file = try await restore(fixture, "/D/a")
            #expect(file.code == 1 && file.errors.contains("not overwritten"), "\(file)")
            try fixture.place.folder.write("mine", to: "back/D/a")
            let folder = try await restore(fixture, "/D")
            #expect(folder.code == 1 && folder.errors.contains("back/D/a"), "\(folder)")
            #expect(try document(folder)["restored"] as? Int == 1)
            #expect(text(fixture, "a") == "mine" && text(fixture, "D/a") == "mine" && text(fixture, "D/b") == "b 1")
            let again = try document(try await restore(fixture, "/D"))
            #expect(again["unchanged"] as? Int == 1 && again["restored"] as? Int == 0)
            for directory in ["mirror", "mirror/new/deeper"] {
                let refused = try await fixture.place.run(
                    "restore", "/D/a", "--to", fixture.place.folder(directory))
                #expect(refused.code == 64 && refused.errors.contains("--upload"), "\(refused)")
            }
            let upload = try await fixture.place.run("restore", "/D/a", "--upload")
            #expect(upload.code == 78 && upload.errors.contains("outbox.directory"), "\(upload)")
            #expect(try fixture.mirror().lines == [:])
        }
    }

    @Test("with --upload it goes through the outbox back to where it was")
    func upload() async throws {
        try await DaemonFixture.run { fixture in
            _ = try fixture.place.folder.folder("outbox")
            try fixture.place.configure(
                endpoint: fixture.server.url,
                [
                    "outbox": """
                    directory = "\(fixture.place.folder("outbox"))"
                    remote_folder = "/D"
                    after = "delete"
                    settle = "100ms"
                    """
                ])
            try fixture.account.put("/D/Sub/a", "one")
            let daemon = try fixture.place.start("run")
            try await fixture.equality(from: daemon)
            try fixture.account.delete("/D/Sub/a")
            try await trash(fixture, holds: 1, daemon)
            let ending = try await fixture.place.run("restore", "/D/Sub/a", "--upload")
            #expect(ending.code == 0 && ending.output.contains("goes up as /D/Sub/a"), "\(ending)")
            try await eventually("the file in the account", or: daemon.log) {
                fixture.account.tree().contains { $0.path == "/D/Sub/a" }
            }
            try await fixture.equality(from: daemon)
            daemon.send(SIGTERM)
            #expect(try await daemon.ending().code == 0)
        }
    }

    @Test("a file that was set aside comes back, and that nobody can verify it is told")
    func aside() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/a", "one")
            try await fixture.sync()
            try fixture.place.folder.write("changed by somebody", to: "mirror/a")
            try await fixture.sync()
            let ending = try await fixture.place.run("restore", "/a", "--to", fixture.place.folder("back"))
            #expect(ending.code == 0 && ending.output.contains("no hash is known"), "\(ending)")
            #expect(text(fixture, "a") == "changed by somebody")
        }
    }
}
