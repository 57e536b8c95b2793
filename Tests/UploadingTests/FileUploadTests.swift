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
        try await UploadWorld.run { world in
            let path = try world.file("f.bin", size)
            let upload = world.upload()
            let outcome = try await upload.put(path, as: CommitInfo(path: "/A/f.bin"))
            let entry = try #require(world.entry("/A/f.bin"))
            #expect(entry.size == size && entry.contentHash == world.hash(size))
            #expect(entry.clientModified == 1_700_000_000)
            #expect(outcome.file.version.rev.text == entry.rev && !outcome.wasThere)
            #expect(upload.meter.now == size)
            #expect(world.notes == [])
            #expect(world.received < size + 4000, "nothing is sent twice")
            #expect(world.count("upload") == (size <= 8 << 20 ? 1 : 0))
        }
    }

    @Test("a large file that is there already is not sent again; a small one makes no new revision")
    func again() async throws {
        try await UploadWorld.run { world in
            for size in [1000, 9 * Self.mebibyte] {
                let path = try world.file("f \(size)", size)
                let first = try await world.upload().put(path, as: CommitInfo(path: "/f \(size)"))
                let before = world.received
                let second = try await world.upload().put(path, as: CommitInfo(path: "/f \(size)"))
                #expect(second.file.version.rev == first.file.version.rev)
                if size > 1000 { #expect(second.wasThere && world.received - before < 1000) }
            }
        }
    }

    @Test("modes: add fails where another file stands, overwrite and update replace it, autorename evades")
    func modes() async throws {
        try await UploadWorld.run { world in
            for size in [1000, 9 * Self.mebibyte] {
                let path = "/f \(size).bin"
                let old = try world.account.put(path, "old")
                let local = try world.file("f", size)
                for mode in [CommitInfo.Mode.add, .update(Rev("0123456789"))] {
                    let error = await #expect(throws: DropboxError.self) {
                        try await world.upload().put(local, as: CommitInfo(path: path, mode: mode))
                    }
                    #expect(error?.uploadRefusal == .conflict(.file))
                }
                let before = world.received
                let renamed = try await world.upload().put(local, as: CommitInfo(path: path, autorename: true))
                #expect(renamed.file.path == "/f \(size) (1).bin")
                if size > 1000 { #expect(world.received - before < 4000, "the session was still there") }
                let update = CommitInfo(path: path, mode: .update(Rev(old.rev)))
                _ = try await world.upload().put(local, as: update)
                #expect(world.entry(path)?.contentHash == world.hash(size))
            }
        }
    }

    @Test(
        "an answer that gets lost is no second file and no failure",
        arguments: ["upload", "upload_session/start", "upload_session/append_v2", "upload_session/finish"],
        [1000, 9 * mebibyte, 40 * mebibyte])
    func lostAnswers(endpoint: String, size: Int64) async throws {
        try await UploadWorld.run { world in
            for autorename in [false, true] {
                let path = "/f \(autorename).bin"
                if autorename { try world.account.put(path, "old") }
                world.server.faults.add(Fault(.dropAfter(isReset: true), endpoint: "files/" + endpoint))
                let local = try world.file("f \(autorename)", size)
                let outcome = try await world.upload().put(local, as: CommitInfo(path: path, autorename: autorename))
                #expect(outcome.file.version.hash.hex == world.hash(size))
                world.server.faults.clear()
            }
            #expect(world.account.tree().map(\.path) == ["/f false.bin", "/f true (1).bin", "/f true.bin"])
            #expect(world.notes == [])
        }
    }

    @Test(
        "requests that are cut or arrive damaged are sent again, and only those",
        arguments: [20 * mebibyte, 60 * mebibyte])
    func cuts(size: Int64) async throws {
        try await UploadWorld.run { world in
            var cut = Fault(.cutRequest(after: 1_500_000, isReset: true), endpoint: "files/upload_session/append_v2")
            (cut.skip, cut.every, cut.times) = (1, 3, 4)
            world.server.faults.add(cut)
            let damaged = Fault.Effect.error(409, tags: ["content_hash_mismatch"], retryAfter: nil)
            world.server.faults.add(Fault(damaged, endpoint: "files/upload_session/append_v2", skip: 2))
            let local = try world.file("f", size)
            let upload = world.upload()
            _ = try await upload.put(local, as: CommitInfo(path: "/f"))
            #expect(world.entry("/f")?.contentHash == world.hash(size))
            #expect(world.received < size + 5 * (4 << 20))
            #expect(upload.meter.now == size)
        }
    }

    @Test(
        "an upload that ended in the middle goes on where the session stands",
        arguments: [32 * mebibyte, 100 * mebibyte])
    func resumed(size: Int64) async throws {
        try await UploadWorld.run { world in
            let local = try world.file("f", size)
            for round in 1...3 {
                world.server.faults.add(
                    Fault(
                        .status(500, body: "", type: "", retryAfter: nil), endpoint: "files/upload_session/append_v2",
                        skip: 2, times: nil))
                await #expect(throws: DropboxError.self) {
                    try await world.upload().put(local, as: CommitInfo(path: "/f"))
                }
                world.server.faults.clear()
                #expect(world.notes.count == 1, "round \(round)")
                #expect(world.entry("/f") == nil, "nothing of it is seen")
            }
            let starts = world.count("upload_session/start")
            _ = try await world.upload().put(local, as: CommitInfo(path: "/f"))
            #expect(world.entry("/f")?.contentHash == world.hash(size))
            #expect(starts == 1 && world.count("upload_session/start") == 1)
            #expect(world.notes == [])
        }
    }

    @Test("notes that lag behind the session, or that say too much, do no harm", arguments: [24, 60] as [Int64])
    func wrongNotes(size: Int64) async throws {
        let size = size * Self.mebibyte
        for (pieces, further) in [(0, "[]"), (1, "[3]"), (100, "[]")] {
            try await UploadWorld.run { world in
                let local = try world.file("f", size)
                world.server.faults.add(
                    Fault(
                        .error(409, tags: ["sprocket"], retryAfter: nil), endpoint: "files/upload_session/append_v2",
                        skip: 3, times: nil))
                await #expect(throws: DropboxError.self) {
                    try await world.upload().put(local, as: CommitInfo(path: "/f"))
                }
                world.server.faults.clear()
                let note = world.folder("state/uploads/" + (try #require(world.notes.first)))
                var text = try String(contentsOfFile: note, encoding: .utf8)
                text.replace(#/"pieces":\d+/#, with: "\"pieces\":\(pieces)")
                text.replace(#/"further":\[[0-9,]*\]/#, with: "\"further\":\(further)")
                try text.write(toFile: note, atomically: true, encoding: .utf8)
                _ = try await world.upload().put(local, as: CommitInfo(path: "/f"))
                #expect(world.entry("/f")?.contentHash == world.hash(size), "\(pieces) \(further)")
                #expect(world.notes == [])
            }
        }
    }

    @Test(
        "a session that has expired is begun anew; one that has become a file is not", arguments: [24, 60] as [Int64])
    func expired(size: Int64) async throws {
        let size = size * Self.mebibyte
        for hasBecomeFile in [false, true] {
            try await UploadWorld.run { world in
                let local = try world.file("f", size)
                world.server.faults.add(
                    Fault(.error(409, tags: ["sprocket"], retryAfter: nil), endpoint: "files/upload_session/finish"))
                await #expect(throws: DropboxError.self) {
                    try await world.upload().put(local, as: CommitInfo(path: "/f"))
                }
                #expect(world.notes.count == 1)
                let control = Control(world.server.url)
                try await control.post("expire-sessions")
                if hasBecomeFile { try world.account.put("/f", .generated(seed: 1, size: size)) }
                let before = world.received
                _ = try await world.upload().put(local, as: CommitInfo(path: "/f"))
                #expect(world.entry("/f")?.contentHash == world.hash(size))
                #expect((world.received - before < 10_000) == hasBecomeFile)
                #expect(world.notes == [])
            }
        }
    }

    @Test("a file that is changed during its upload is uploaded anew, whole", arguments: [24, 60] as [Int64])
    func changed(size: Int64) async throws {
        let size = size * Self.mebibyte
        try await UploadWorld.run { world in
            let local = try world.file("f", size)
            let changed = Data(Content.generated(seed: 2, size: size + 5).load())
            world.server.faults.add(
                Fault(.delay(seconds: 2), endpoint: "files/upload_session/append_v2", skip: 1))
            let upload = world.upload()
            async let outcome = upload.put(local, as: CommitInfo(path: "/f"))
            while world.count("upload_session/append_v2") < 2 { try await Task.sleep(for: .milliseconds(2)) }
            try changed.write(to: URL(filePath: local))
            let file = try await outcome.file
            #expect(file.version.hash.hex == world.hash(size + 5, seed: 2))
            #expect(world.entry("/f")?.size == size + 5)
            #expect(world.account.tree().count == 1)
        }
    }

    @Test("what is no file is told as what it is")
    func noFiles() async throws {
        try await UploadWorld.run { world in
            _ = try world.folder.folder("d")
            for (path, code) in [("none", UploadError.Code.missing), ("none/x", .missing), ("d", .directory)] {
                let error = await #expect(throws: UploadError.self) {
                    try await world.upload().put(world.folder(path), as: CommitInfo(path: "/f"))
                }
                #expect(error?.code == code)
            }
            let special = await #expect(throws: UploadError.self) {
                try await world.upload().put("/dev/null", as: CommitInfo(path: "/f"))
            }
            #expect(special?.code == .special)
            #expect(world.server.log.records.map(\.endpoint) == [], "nobody was asked")
        }
    }
}
