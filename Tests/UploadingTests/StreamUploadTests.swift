import Dropbox
import Foundation
import Sandbox
import Testing
import Uploading

/// Standard input and the like on its way up.
@Suite(.timeLimit(.minutes(5)))
struct StreamUploadTests {
    /// Calls `body` with a pipe out of which made-up bytes come.
    private func withPipe(_ size: Int64, _ body: (Int32) async throws -> Void) async throws {
        let pipe = Pipe()
        let bytes = Data(Content.generated(seed: 1, size: size).load())
        Thread.detachNewThread {
            try? pipe.fileHandleForWriting.write(contentsOf: bytes)  // the reader went away: its own affair
            try? pipe.fileHandleForWriting.close()
        }
        try await body(pipe.fileHandleForReading.fileDescriptor)
    }

    @Test("a stream of any length becomes one file", arguments: [0, 1, 8 << 20, (8 << 20) + 1, 21_000_001] as [Int64])
    func sizes(size: Int64) async throws {
        try await UploadFixture.run { fixture in
            try await withPipe(size) { descriptor in
                let upload = fixture.upload()
                _ = try await upload.put(from: descriptor, as: CommitInfo(path: "/f"))
                #expect(upload.meter.now == size)
            }
            #expect(fixture.entry("/f")?.contentHash == fixture.hash(size))
        }
    }

    @Test(
        "lost answers and cut requests cost nothing of a stream that cannot be read again",
        arguments: [Fault.Effect.dropAfter(isReset: true), .cutRequest(after: 1_000_000, isReset: false)])
    func faults(effect: Fault.Effect) async throws {
        try await UploadFixture.run { fixture in
            for skip in [0, 2] {
                fixture.server.faults.add(Fault(effect, endpoint: "files/upload_session/append_v2", skip: skip))
            }
            fixture.server.faults.add(Fault(.dropAfter(isReset: false), endpoint: "files/upload_session/finish"))
            try await withPipe(30_000_000) { descriptor in
                _ = try await fixture.upload().put(from: descriptor, as: CommitInfo(path: "/f"))
            }
            #expect(fixture.entry("/f")?.contentHash == fixture.hash(30_000_000))
        }
    }

    @Test("a session that ends in the middle of a stream is a failure, and nothing is seen of it")
    func lost() async throws {
        try await UploadFixture.run { fixture in
            fixture.server.faults.add(
                Fault(
                    .error(409, tags: ["not_found"], retryAfter: nil), endpoint: "files/upload_session/append_v2",
                    skip: 1))
            try await withPipe(30_000_000) { descriptor in
                let error = await #expect(throws: DropboxError.self) {
                    try await fixture.upload().put(from: descriptor, as: CommitInfo(path: "/f"))
                }
                #expect(error?.uploadRefusal == .sessionNotFound)
            }
            #expect(fixture.account.tree() == [])
        }
    }
}
