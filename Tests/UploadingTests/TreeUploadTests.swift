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

    private func put(_ world: UploadWorld, _ mode: CommitInfo.Mode = .add) async throws -> Told {
        var told = Told()
        try await TreeUpload(world.upload(), into: CommitInfo(path: "/To", mode: mode)).run(world.folder("from")) {
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

    private func fill(_ world: UploadWorld) throws -> [String: Int64] {
        var files: [String: Int64] = ["a.bin": 0, "b c.txt": 5000, "Deep/er/Büro.bin": 100_000, "large.bin": 9_000_000]
        for number in 0..<40 { files["many/\(number).bin"] = Int64(number) * 100 }
        for (path, size) in files {
            let folder = URL(filePath: world.folder("from/" + path)).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            _ = try world.file("from/" + path, size, seed: UInt64(size))
        }
        try FileManager.default.createDirectory(
            atPath: world.folder("from/empty/inner"), withIntermediateDirectories: true)
        symlink("a.bin", world.folder("from/link"))
        return files
    }

    private func check(_ world: UploadWorld, _ files: [String: Int64]) {
        for (path, size) in files {
            let entry = world.entry("/To/" + path)
            #expect(entry?.contentHash == world.hash(size, seed: UInt64(size)), "\(path)")
            #expect(entry?.clientModified == 1_700_000_000, "\(path)")
        }
        #expect(world.account.tree().count { $0.isFile } == files.count)
    }

    @Test("everything arrives; what is there is not sent again; links are told of")
    func all() async throws {
        try await UploadWorld.run { world in
            let files = try fill(world)
            let told = try await put(world)
            check(world, files)
            #expect(told.uploaded.sorted() == files.keys.sorted() && told.failed == [])
            #expect(told.leftOut == ["link"] && told.folders == ["empty/inner"])
            #expect(world.entry("/To/empty/inner")?.isFile == false)
            #expect(world.count("upload_session/finish_batch_v2") == 1)
            let before = world.received
            let again = try await put(world)
            #expect(again.uploaded == [] && again.there.count == files.count)
            #expect(world.received - before < 10_000)
        }
    }

    @Test("a file that is refused does not stop the others")
    func refused() async throws {
        try await UploadWorld.run { world in
            let files = try fill(world)
            try world.account.put("/To/many/7.bin", "other")
            try world.account.put("/To/large.bin", "other")
            _ = try world.file("from/desktop.ini", 10)
            let told = try await put(world)
            #expect(told.failed.sorted() == ["desktop.ini", "large.bin", "many/7.bin"])
            #expect(told.uploaded.count == files.count - 2)
            let replaced = try await put(world, .overwrite)
            #expect(replaced.failed == ["desktop.ini"] && replaced.uploaded.sorted() == ["large.bin", "many/7.bin"])
            check(world, files)
        }
    }

    @Test("lost answers are looked after, and what stops in the middle goes on")
    func faults() async throws {
        try await UploadWorld.run { world in
            let files = try fill(world)
            world.server.faults.add(
                Fault(
                    .status(500, body: "", type: "", retryAfter: nil), endpoint: "files/upload_session/finish",
                    times: nil))
            await #expect(throws: DropboxError.self) { try await put(world) }
            world.server.faults.clear()
            world.server.faults.add(
                Fault(.dropAfter(isReset: true), endpoint: "files/upload_session/finish_batch_v2"))
            let told = try await put(world)
            #expect(told.failed == [])
            check(world, files)
        }
    }
}
