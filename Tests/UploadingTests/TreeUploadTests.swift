import Dropbox
import Foundation
import Sandbox
import Synchronization
import TestSupport
import Testing
import Uploading

/// Directories on their way up.
@Suite(.timeLimit(.minutes(5)))
struct TreeUploadTests {
    /// What was told of a directory.
    private struct Told {
        var uploaded: [String] = []
        var there: [String] = []
        var failed: [String] = []
        var leftOut: [String] = []
        var folders: [String] = []
    }

    private func put(_ fixture: UploadFixture, _ mode: CommitInfo.Mode = .add) async throws -> Told {
        var told = Told()
        try await TreeUpload(fixture.upload(), into: CommitInfo(path: "/To", mode: mode)).run(fixture.folder("from")) {
            event in
            switch event {
            case .done(let path, let outcome) where outcome.wasThere: told.there.append(path)
            case .done(let path, _): told.uploaded.append(path)
            case .failed(let path, _): told.failed.append(path)
            case .leftOut(let path, _): told.leftOut.append(path)
            case .folder(let path): told.folders.append(path)
            }
        }
        return told
    }

    private func fill(_ fixture: UploadFixture) throws -> [String: Int64] {
        var files: [String: Int64] = ["a.bin": 0, "b c.txt": 5000, "Deep/er/Büro.bin": 100_000, "large.bin": 9_000_000]
        for number in 0..<40 { files["many/\(number).bin"] = Int64(number) * 100 }
        for (path, size) in files {
            let folder = URL(filePath: fixture.folder("from/" + path)).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            _ = try fixture.file("from/" + path, size, seed: UInt64(size))
        }
        try FileManager.default.createDirectory(
            atPath: fixture.folder("from/empty/inner"), withIntermediateDirectories: true)
        symlink("a.bin", fixture.folder("from/link"))
        return files
    }

    private func check(_ fixture: UploadFixture, _ files: [String: Int64]) {
        for (path, size) in files {
            let entry = fixture.entry("/To/" + path)
            #expect(entry?.contentHash == fixture.hash(size, seed: UInt64(size)), "\(path)")
            #expect(entry?.clientModified == 1_700_000_000, "\(path)")
        }
        #expect(fixture.account.tree().count { $0.isFile } == files.count)
    }

    @Test("everything arrives; what is there is not sent again; links are told of")
    func all() async throws {
        try await UploadFixture.run { fixture in
            let files = try fill(fixture)
            let told = try await put(fixture)
            check(fixture, files)
            #expect(told.uploaded.sorted() == files.keys.sorted() && told.failed == [])
            #expect(told.leftOut == ["link"] && told.folders == ["empty/inner"])
            #expect(fixture.entry("/To/empty/inner")?.isFile == false)
            #expect(fixture.count("upload_session/finish_batch_v2") == 1)
            let before = fixture.received
            let again = try await put(fixture)
            #expect(again.uploaded == [] && again.there.count == files.count)
            #expect(fixture.received - before < 10_000)
        }
    }

    @Test("a file that is refused does not stop the others")
    func refused() async throws {
        try await UploadFixture.run { fixture in
            let files = try fill(fixture)
            try fixture.account.put("/To/many/7.bin", "other")
            try fixture.account.put("/To/large.bin", "other")
            _ = try fixture.file("from/desktop.ini", 10)
            let told = try await put(fixture)
            #expect(told.failed.sorted() == ["desktop.ini", "large.bin", "many/7.bin"])
            #expect(told.uploaded.count == files.count - 2)
            let replaced = try await put(fixture, .overwrite)
            #expect(replaced.failed == ["desktop.ini"] && replaced.uploaded.sorted() == ["large.bin", "many/7.bin"])
            check(fixture, files)
        }
    }

    @Test("lost answers are looked after, and what stops in the middle goes on")
    func faults() async throws {
        try await UploadFixture.run { fixture in
            let files = try fill(fixture)
            fixture.server.faults.add(
                Fault(
                    .status(500, body: "", type: "", retryAfter: nil), endpoint: "files/upload_session/finish",
                    times: nil))
            await #expect(throws: DropboxError.self) { try await put(fixture) }
            fixture.server.faults.clear()
            fixture.server.faults.add(
                Fault(.dropAfter(isReset: true), endpoint: "files/upload_session/finish_batch_v2"))
            let told = try await put(fixture)
            #expect(told.failed == [])
            check(fixture, files)
        }
    }
}
