import Foundation
import Sandbox
import TestSupport
import Testing

/// `get` and `put` with the real program.
@Suite(.timeLimit(.minutes(15)))
struct TransferTests {
    private func document(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(ending.output.utf8)) as? [String: Any], "\(ending)")
    }

    /// Writes made-up bytes to a local file and says where it is.
    private func file(_ fixture: DaemonFixture, _ name: String, _ size: Int64, seed: UInt64 = 1) throws -> String {
        let path = fixture.place.folder(name)
        try FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(Content.generated(seed: seed, size: size).load()).write(to: URL(filePath: path))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_600_000_000)], ofItemAtPath: path)
        return path
    }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    private func modified(_ path: String) throws -> Double? {
        let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        return date?.timeIntervalSince1970
    }

    private func entry(_ fixture: DaemonFixture, _ path: String) -> TreeEntry? {
        fixture.account.tree().first { $0.path == path }
    }

    @Test(
        "a file goes up and comes down again, with its bytes and its time", arguments: [0, 5000, 20_000_000] as [Int64])
    func roundTrip(size: Int64) async throws {
        try await DaemonFixture.run { fixture in
            let local = try file(fixture, "Büro 1.bin", size)
            let put = try await fixture.place.run("put", local, "/Reports/", "--json")
            #expect(put.code == 0, "\(put)")
            let up = try document(put)
            #expect(up["path"] as? String == "/Reports/Büro 1.bin" && up["uploaded"] as? Bool == true)
            #expect(up["content_hash"] as? String == contentHash(of: try bytes(local)))
            let rev = try #require(up["rev"] as? String)
            let id = try #require(up["id"] as? String)
            for (number, remote) in ["/reports/büro 1.bin", "rev:\(rev)", id].enumerated() {
                let target = fixture.place.folder("down \(number)")
                let get = try await fixture.place.run("get", remote, target, "--json")
                #expect(get.code == 0, "\(get)")
                #expect(try document(get)["downloaded"] as? Bool == true)
                #expect(try bytes(target) == bytes(local))
                #expect(try modified(target) == 1_600_000_000)
            }
            let again = try await fixture.place.run("get", id, fixture.place.folder("down 0"), "--json")
            #expect(try document(again)["downloaded"] as? Bool == false)
            _ = try fixture.place.folder.folder("into")
            let into = try await fixture.place.run("get", id, fixture.place.folder("into"))
            #expect(into.code == 0, "\(into)")
            #expect(try bytes(fixture.place.folder("into/Büro 1.bin")) == bytes(local))
        }
    }

    @Test("standard input goes up, standard output comes down", arguments: [0, 100, 10_000_000])
    func pipes(size: Int) async throws {
        try await DaemonFixture.run { fixture in
            let text = String(repeating: "0123456789", count: size / 10)
            let put = try await fixture.place.run("put", "-", "/piped.txt", input: text)
            #expect(put.code == 0, "\(put.errors)")
            let get = try await fixture.place.run("get", "/piped.txt", "-")
            #expect(get.code == 0 && get.output == text && get.errors == "")
        }
    }

    @Test("an upload that is killed goes on: nothing of it is seen before, and little is sent twice")
    func killedPut() async throws {
        try await DaemonFixture.run { fixture in
            let size: Int64 = 120_000_000
            let local = try file(fixture, "large.bin", size)
            fixture.account.configure { $0.uploadRate = 20_000_000 }
            var kills = 0
            var seen = 0
            while kills < 6 {
                let put = try fixture.place.start("put", local, "/large.bin")
                let wanted = seen + 2 + kills % 3
                try await eventually("pieces", or: put.log) {
                    seen = fixture.server.log.records.count { $0.endpoint.hasSuffix("append_v2") && $0.status == 200 }
                    return seen >= wanted || !put.isRunning
                }
                guard put.isRunning else { break }
                try await put.crash()
                kills += 1
                #expect(fixture.account.tree() == [])
            }
            #expect(kills >= 3)
            fixture.account.configure { $0.uploadRate = 0 }
            let done = try await fixture.place.run("put", local, "/large.bin")
            #expect(done.code == 0, "\(done)")
            #expect(entry(fixture, "/large.bin")?.contentHash == contentHash(of: try bytes(local)))
            #expect(fixture.server.log.counters.endpoints["files/upload_session/start"] == 1)
            // What was on its way is lost: up to four pieces at the first kill, two or three later.
            #expect(fixture.server.log.counters.received < size + Int64(kills) * 4 * (4 << 20))
            let notes = try FileManager.default.contentsOfDirectory(atPath: fixture.place.folder("state/uploads"))
            #expect(notes == [])
        }
    }

    @Test("a download that is killed goes on where it was, in a file of its own")
    func killedGet() async throws {
        try await DaemonFixture.run { fixture in
            let size: Int64 = 40_000_000
            let rev = try fixture.account.put("/large.bin", .generated(seed: 1, size: size)).rev
            fixture.account.configure { $0.rate = 20_000_000 }
            let target = fixture.place.folder("large.bin")
            let part = "\(target).\(rev).part"
            var have = 0
            for _ in 0..<3 {
                let get = try fixture.place.start("get", "/large.bin", target)
                try await eventually("bytes", or: get.log) {
                    let now = (try? FileManager.default.attributesOfItem(atPath: part)[.size] as? Int) ?? 0
                    guard now > have + 3_000_000 else { return !get.isRunning }
                    have = now
                    return true
                }
                try #require(get.isRunning)
                try await get.crash()
                #expect(!FileManager.default.fileExists(atPath: target))
            }
            fixture.account.configure { $0.rate = 0 }
            let done = try await fixture.place.run("get", "/large.bin", target)
            #expect(done.code == 0, "\(done)")
            #expect(contentHash(of: try bytes(target)) == entry(fixture, "/large.bin")?.contentHash)
            #expect(!FileManager.default.fileExists(atPath: part))
            #expect(fixture.downloads.last?.range?.hasPrefix("bytes=") == true)
        }
    }

    @Test("a part file that holds other bytes is begun anew")
    func damagedPart() async throws {
        try await DaemonFixture.run { fixture in
            let rev = try fixture.account.put("/f.bin", .generated(seed: 1, size: 100_000)).rev
            for (name, size) in [("a", 50_000), ("b", 100_000), ("c", 200_000)] {
                try fixture.place.folder.write(String(repeating: "x", count: size), to: "\(name).\(rev).part")
                let get = try await fixture.place.run("get", "/f.bin", fixture.place.folder(name))
                #expect(get.code == 0, "\(get)")
                #expect(contentHash(of: try bytes(fixture.place.folder(name))) == entry(fixture, "/f.bin")?.contentHash)
            }
        }
    }

    @Test("a directory goes up and a folder comes down, and what is there already is left")
    func trees() async throws {
        try await DaemonFixture.run { fixture in
            for number in 0..<30 { _ = try file(fixture, "tree/d\(number % 3)/f\(number)", Int64(number) * 1000) }
            _ = try file(fixture, "tree/large", 12_000_000)
            _ = try fixture.place.folder.folder("tree/empty")
            let put = try await fixture.place.run("put", "--recursive", fixture.place.folder("tree"), "/T", "--json")
            #expect(put.code == 0, "\(put)")
            #expect(try document(put)["uploaded"] as? Int == 31)
            let again = try await fixture.place.run("put", "--recursive", fixture.place.folder("tree"), "/T", "--json")
            #expect(try document(again)["unchanged"] as? Int == 31, "\(again)")
            let get = try await fixture.place.run("get", "--recursive", "/t", fixture.place.folder("back"), "--json")
            #expect(get.code == 0, "\(get)")
            #expect(try document(get)["downloaded"] as? Int == 31)
            #expect(
                try Tree(directory: fixture.place.folder("back"))
                    .differences(from: Tree(directory: fixture.place.folder("tree"))) == [])
            let twice = try await fixture.place.run("get", "--recursive", "/t", fixture.place.folder("back"), "--json")
            #expect(try document(twice)["unchanged"] as? Int == 31, "\(twice)")
        }
    }

    @Test("what cannot be had of a folder is listed, the rest is there, and the exit code is 1")
    func parts() async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/T/fine", "fine")
            try fixture.account.put("/T/\(String(repeating: "ä", count: 128))", "a name of 256 bytes")
            var blocked = FileTraits()
            blocked.isRestricted = true
            try fixture.account.put("/T/blocked", .bytes([1]), traits: blocked)
            let get = try await fixture.place.run("get", "--recursive", "/T", fixture.place.folder("back"))
            #expect(get.code == 1, "\(get)")
            #expect(get.errors.split(separator: "\n").count == 2, "\(get)")
            #expect(try bytes(fixture.place.folder("back/fine")) == Array("fine".utf8))
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var code: Int32
        var words: String
        var testDescription: String { arguments.joined(separator: " ") }
    }

    static let refusals = [
        Refused(arguments: ["put", "@none", "/f"], code: 1, words: "no such file"),
        Refused(arguments: ["put", "@dir", "/f"], code: 64, words: "--recursive"),
        Refused(arguments: ["put", "@new", "/desktop.ini"], code: 1, words: "does not accept a file of that name"),
        Refused(arguments: ["put", "@new", "/old"], code: 1, words: "--autorename"),
        Refused(arguments: ["put", "@large", "/old"], code: 1, words: "--mode overwrite"),
        Refused(arguments: ["put", "@new", "/old/below"], code: 1, words: "a file"),
        Refused(arguments: ["put", "@new", "/folder"], code: 1, words: "folder of that name"),
        Refused(arguments: ["put", "@new", "/shared/new"], code: 1, words: "reading only"),
        Refused(arguments: ["put", "@large", "/new"], code: 1, words: "no space left"),
        Refused(arguments: ["put", "@new", "/new", "--mode", "replace"], code: 64, words: "update:REV"),
        Refused(arguments: ["put", "-", "/new/"], code: 64, words: "name"),
        Refused(arguments: ["get", "/none", "@x"], code: 1, words: "no such file"),
        Refused(arguments: ["get", "/folder", "@x"], code: 64, words: "--recursive"),
        Refused(arguments: ["get", "/old", "@none/x"], code: 73, words: "cannot be made"),
        Refused(arguments: ["get", "/old", "-", "--json"], code: 64, words: "standard output"),
    ]

    @Test(
        "what cannot be done is told in one line, with the exit code of its kind, and nothing is lost",
        arguments: refusals)
    func refused(_ given: Refused) async throws {
        try await DaemonFixture.run { fixture in
            try fixture.account.put("/old", "old")
            try fixture.account.makeFolder("/folder")
            try fixture.account.makeFolder("/shared")
            fixture.account.configure { settings in
                settings.quota = 1_000_000
                settings.readOnlyFolder = "/shared"
            }
            let before = fixture.account.tree()
            _ = try file(fixture, "new", 1000)
            _ = try file(fixture, "large", 9_000_000)
            _ = try fixture.place.folder.folder("dir")
            let arguments = given.arguments.map {
                $0.hasPrefix("@") ? fixture.place.folder(String($0.dropFirst())) : $0
            }
            let program = try Program("dbxsync", arguments + ["--config", fixture.place.configuration])
            let ending = try await program.ending()
            #expect(ending.code == given.code && ending.errors.contains(given.words), "\(ending)")
            if given.code != 64 { #expect(ending.errors.split(separator: "\n").count == 1, "\(ending)") }
            #expect(ending.output == "")
            #expect(fixture.account.tree() == before)
        }
    }

    @Test("without the permission to write, put says which command asks for it; auth --uploads does")
    func permission() async throws {
        try await DaemonFixture.run { fixture in
            let local = try file(fixture, "f", 1000)
            let verifier = String(repeating: "0123456789-_.~abcdef", count: 3)
            func signIn(_ more: String...) async throws -> Program.Ending {
                let all = ["auth", "--verifier", verifier, "--config", fixture.place.configuration] + more
                let asked = try await Program("dbxsync", all).ending()
                let page = asked.output.trimmingCharacters(in: .whitespacesAndNewlines)
                let answer = try await Program(
                    "/usr/bin/curl", ["--silent", "--fail", "--header", "Accept: application/json", page]
                ).ending()
                let json = try JSONDecoder().decode([String: String].self, from: Data(answer.output.utf8))
                return try await Program("dbxsync", all + ["--code", try #require(json["code"])]).ending()
            }
            let reading = try await signIn()
            #expect(reading.code == 0 && !reading.output.contains("files.content.write"), "\(reading)")
            let refused = try await fixture.place.run("put", local, "/f")
            let advice = "dbxsync auth --config \(fixture.place.configuration) --uploads"
            #expect(refused.code == 77 && refused.errors.contains(advice), "\(refused)")
            #expect(refused.errors.split(separator: "\n").count == 1)
            let writing = try await signIn("--uploads")
            #expect(writing.code == 0 && writing.output.contains("files.content.write"), "\(writing)")
            let put = try await fixture.place.run("put", local, "/f")
            #expect(put.code == 0, "\(put)")
        }
    }

    @Test("a user who may not write to the state directory keeps notes where users keep them")
    func ownNotes() async throws {
        try await DaemonFixture.run { fixture in
            let local = try file(fixture, "f", 9_000_000)
            fixture.server.faults.add(
                Fault(
                    .error(409, tags: ["sprocket"], retryAfter: nil), endpoint: "files/upload_session/finish"))
            let text = try String(contentsOfFile: fixture.place.configuration, encoding: .utf8)
            let elsewhere = text.replacing(
                "directory = \"\(fixture.place.folder("state"))\"", with: "directory = \"/proc/1/nowhere\"")
            try fixture.place.folder.write(elsewhere, to: "dbxsync.conf")
            let put = try fixture.place.start(
                "put", local, "/f", environment: ["XDG_STATE_HOME": fixture.place.folder("xdg")])
            #expect(try await put.ending().code == 1)
            let notes = try FileManager.default.contentsOfDirectory(
                atPath: fixture.place.folder("xdg/dbxsync/uploads"))
            #expect(notes.count == 1)
        }
    }
}
