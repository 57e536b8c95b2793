import Dropbox
import Foundation
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing
import Uploading

/// Single files on their way up.
@Suite(.timeLimit(.minutes(5)))
struct FileUploadTests {
    private static let mebibyte: Int64 = 1 << 20

    @Test(
        "a file of any size arrives whole, with its time",
        arguments: [
            0, 1, 5 * mebibyte, 8 * mebibyte, 8 * mebibyte + 1, 12 * mebibyte, 32 * mebibyte, 33 * mebibyte + 7,
            48 * mebibyte,
        ])
    func sizes(size: Int64) async throws {
        try await UploadFixture.run { fixture in
            let path = try fixture.file("f.bin", size)
            let upload = fixture.upload()
            let outcome = try await upload.put(path, as: CommitInfo(path: "/A/f.bin"))
            let entry = try #require(fixture.entry("/A/f.bin"))
            #expect(entry.size == size && entry.contentHash == fixture.hash(size))
            #expect(entry.clientModified == 1_700_000_000)
            #expect(outcome.file.version.rev.text == entry.rev && !outcome.wasThere)
            #expect(upload.meter.now == size)
            #expect(fixture.notes == [])
            #expect(fixture.received < size + 4000, "nothing is sent twice")
            #expect(fixture.count("upload") == (size <= 8 << 20 ? 1 : 0))
        }
    }

    @Test("a large file that is there already is not sent again; a small one makes no new revision")
    func again() async throws {
        try await UploadFixture.run { fixture in
            for size in [1000, 9 * Self.mebibyte] {
                let path = try fixture.file("f \(size)", size)
                let first = try await fixture.upload().put(path, as: CommitInfo(path: "/f \(size)"))
                let before = fixture.received
                let second = try await fixture.upload().put(path, as: CommitInfo(path: "/f \(size)"))
                #expect(second.file.version.rev == first.file.version.rev)
                if size > 1000 { #expect(second.wasThere && fixture.received - before < 1000) }
            }
        }
    }

    @Test("modes: add fails where another file stands, overwrite and update replace it, autorename evades")
    func modes() async throws {
        try await UploadFixture.run { fixture in
            for size in [1000, 9 * Self.mebibyte] {
                let path = "/f \(size).bin"
                let old = try fixture.account.put(path, "old")
                let local = try fixture.file("f", size)
                for mode in [CommitInfo.Mode.add, .update(Rev("0123456789"))] {
                    let error = await #expect(throws: DropboxError.self) {
                        try await fixture.upload().put(local, as: CommitInfo(path: path, mode: mode))
                    }
                    #expect(error?.uploadRefusal == .conflict(.file))
                }
                let before = fixture.received
                let renamed = try await fixture.upload().put(local, as: CommitInfo(path: path, autorename: true))
                #expect(renamed.file.path == "/f \(size) (1).bin")
                if size > 1000 { #expect(fixture.received - before < 4000, "the session was still there") }
                let update = CommitInfo(path: path, mode: .update(Rev(old.rev)))
                _ = try await fixture.upload().put(local, as: update)
                #expect(fixture.entry(path)?.contentHash == fixture.hash(size))
            }
        }
    }

    @Test(
        "an answer that gets lost is no second file and no failure",
        arguments: ["upload", "upload_session/start", "upload_session/append_v2", "upload_session/finish"],
        [1000, 9 * mebibyte, 40 * mebibyte])
    func lostAnswers(endpoint: String, size: Int64) async throws {
        try await UploadFixture.run { fixture in
            for autorename in [false, true] {
                let path = "/f \(autorename).bin"
                if autorename { try fixture.account.put(path, "old") }
                fixture.server.faults.add(Fault(.dropAfter(isReset: true), endpoint: "files/" + endpoint))
                let local = try fixture.file("f \(autorename)", size)
                let outcome = try await fixture.upload().put(local, as: CommitInfo(path: path, autorename: autorename))
                #expect(outcome.file.version.hash.hex == fixture.hash(size))
                fixture.server.faults.clear()
            }
            #expect(fixture.account.tree().map(\.path) == ["/f false.bin", "/f true (1).bin", "/f true.bin"])
            #expect(fixture.notes == [])
        }
    }

    @Test(
        "requests that are cut or arrive damaged are sent again, and only those",
        arguments: [20 * mebibyte, 60 * mebibyte])
    func cuts(size: Int64) async throws {
        try await UploadFixture.run { fixture in
            var cut = Fault(.cutRequest(after: 1_500_000, isReset: true), endpoint: "files/upload_session/append_v2")
            (cut.skip, cut.every, cut.times) = (1, 3, 4)
            fixture.server.faults.add(cut)
            let damaged = Fault.Effect.error(409, tags: ["content_hash_mismatch"], retryAfter: nil)
            fixture.server.faults.add(Fault(damaged, endpoint: "files/upload_session/append_v2", skip: 2))
            let local = try fixture.file("f", size)
            let upload = fixture.upload()
            _ = try await upload.put(local, as: CommitInfo(path: "/f"))
            #expect(fixture.entry("/f")?.contentHash == fixture.hash(size))
            #expect(fixture.received < size + 5 * (4 << 20))
            #expect(upload.meter.now == size)
        }
    }

    @Test(
        "an upload that ended in the middle goes on where the session stands",
        arguments: [32 * mebibyte, 100 * mebibyte])
    func resumed(size: Int64) async throws {
        try await UploadFixture.run { fixture in
            let local = try fixture.file("f", size)
            for round in 1...3 {
                fixture.server.faults.add(
                    Fault(
                        .status(500, body: "", type: "", retryAfter: nil), endpoint: "files/upload_session/append_v2",
                        skip: 2, times: nil))
                await #expect(throws: DropboxError.self) {
                    try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
                }
                fixture.server.faults.clear()
                #expect(fixture.notes.count == 1, "round \(round)")
                #expect(fixture.entry("/f") == nil, "nothing of it is seen")
            }
            let starts = fixture.count("upload_session/start")
            _ = try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
            #expect(fixture.entry("/f")?.contentHash == fixture.hash(size))
            #expect(starts == 1 && fixture.count("upload_session/start") == 1)
            #expect(fixture.notes == [])
        }
    }

    @Test("notes that lag behind the session, or that say too much, do no harm", arguments: [24, 60] as [Int64])
    func wrongNotes(size: Int64) async throws {
        let size = size * Self.mebibyte
        for (pieces, further) in [(0, "[]"), (1, "[3]"), (100, "[]")] {
            try await UploadFixture.run { fixture in
                let local = try fixture.file("f", size)
                fixture.server.faults.add(
                    Fault(
                        .error(409, tags: ["sprocket"], retryAfter: nil), endpoint: "files/upload_session/append_v2",
                        skip: 3, times: nil))
                await #expect(throws: DropboxError.self) {
                    try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
                }
                fixture.server.faults.clear()
                let note = fixture.folder("state/uploads/" + (try #require(fixture.notes.first)))
                var text = try String(contentsOfFile: note, encoding: .utf8)
                text.replace(#/"pieces":\d+/#, with: "\"pieces\":\(pieces)")
                text.replace(#/"further":\[[0-9,]*\]/#, with: "\"further\":\(further)")
                try text.write(toFile: note, atomically: true, encoding: .utf8)
                _ = try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
                #expect(fixture.entry("/f")?.contentHash == fixture.hash(size), "\(pieces) \(further)")
                #expect(fixture.notes == [])
            }
        }
    }

    @Test(
        "a session that has expired is begun anew; one that has become a file is not", arguments: [24, 60] as [Int64])
    func expired(size: Int64) async throws {
        let size = size * Self.mebibyte
        for hasBecomeFile in [false, true] {
            try await UploadFixture.run { fixture in
                let local = try fixture.file("f", size)
                fixture.server.faults.add(
                    Fault(.error(409, tags: ["sprocket"], retryAfter: nil), endpoint: "files/upload_session/finish"))
                await #expect(throws: DropboxError.self) {
                    try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
                }
                #expect(fixture.notes.count == 1)
                let control = Control(fixture.server.url)
                try await control.post("expire-sessions")
                if hasBecomeFile { try fixture.account.put("/f", .generated(seed: 1, size: size)) }
                let before = fixture.received
                _ = try await fixture.upload().put(local, as: CommitInfo(path: "/f"))
                #expect(fixture.entry("/f")?.contentHash == fixture.hash(size))
                #expect((fixture.received - before < 10_000) == hasBecomeFile)
                #expect(fixture.notes == [])
            }
        }
    }

    @Test("a file that is changed during its upload is uploaded anew, whole", arguments: [24, 60] as [Int64])
    func changed(size: Int64) async throws {
        let size = size * Self.mebibyte
        try await UploadFixture.run { fixture in
            let local = try fixture.file("f", size)
            let changed = Data(Content.generated(seed: 2, size: size + 5).load())
            fixture.server.faults.add(
                Fault(.delay(seconds: 2), endpoint: "files/upload_session/append_v2", skip: 1))
            let upload = fixture.upload()
            async let outcome = upload.put(local, as: CommitInfo(path: "/f"))
            try await eventually("two pieces") { fixture.count("upload_session/append_v2") >= 2 }
            try changed.write(to: URL(filePath: local))
            let file = try await outcome.file
            #expect(file.version.hash.hex == fixture.hash(size + 5, seed: 2))
            #expect(fixture.entry("/f")?.size == size + 5)
            #expect(fixture.account.tree().count == 1)
        }
    }

    @Test("what is no file is told as what it is")
    func noFiles() async throws {
        try await UploadFixture.run { fixture in
            _ = try fixture.folder.folder("d")
            for (path, code) in [("none", UploadError.Code.missing), ("none/x", .missing), ("d", .directory)] {
                let error = await #expect(throws: UploadError.self) {
                    try await fixture.upload().put(fixture.folder(path), as: CommitInfo(path: "/f"))
                }
                #expect(error?.code == code)
            }
            let special = await #expect(throws: UploadError.self) {
                try await fixture.upload().put("/dev/null", as: CommitInfo(path: "/f"))
            }
            #expect(special?.code == .special)
            #expect(fixture.server.log.records.map(\.endpoint) == [], "nobody was asked")
        }
    }
}
