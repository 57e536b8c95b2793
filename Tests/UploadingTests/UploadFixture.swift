import Dropbox
import Foundation
import Logging
import NetworkSupport
import Sandbox
import SyncModel
import TestSupport
import Transport
import Uploading

/// An account of the sandbox, and a place with local files that go there.
final class UploadFixture: Sendable {
    private let sandbox: SandboxFixture
    let folder: TemporaryFolder

    private init() async throws {
        folder = try TemporaryFolder()
        sandbox = try await SandboxFixture.start()
    }

    var account: Account { sandbox.account }
    var server: SandboxServer { sandbox.server }
    var client: DropboxClient { sandbox.client }

    /// Runs `body` in a world of its own, which ends afterwards.
    static func run(_ body: (UploadFixture) async throws -> Void) async throws {
        let fixture = try await UploadFixture()
        do {
            try await body(fixture)
        } catch {
            await fixture.sandbox.end()
            throw error
        }
        await fixture.sandbox.end()
    }

    /// Uploads as a process of its own would make them.
    func upload() -> FileUpload {
        FileUpload(
            client: client, journal: SessionJournal(directory: folder("state/uploads")), server: server.url,
            meter: UploadMeter(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// Writes made-up bytes to a local file and says where it is.
    func file(_ name: String, _ size: Int64, seed: UInt64 = 1, time: Int = 1_700_000_000) throws -> String {
        let path = folder(name)
        try write(path, size, seed: seed)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: Double(time))], ofItemAtPath: path)
        return path
    }

    func write(_ path: String, _ size: Int64, seed: UInt64) throws {
        try Data(Content.generated(seed: seed, size: size).load()).write(to: URL(filePath: path))
    }

    /// What the account holds at a path; `nil` for nothing.
    func entry(_ path: String) -> TreeEntry? { account.tree().first { $0.path == path } }

    /// The hash of made-up bytes.
    func hash(_ size: Int64, seed: UInt64 = 1) -> String {
        contentHash(of: Content.generated(seed: seed, size: size).load())
    }

    /// The number of requests to an endpoint since the log was cleared.
    func count(_ endpoint: String) -> Int { server.log.counters.endpoints["files/\(endpoint)"] ?? 0 }

    /// Bytes of requests' bodies since the log was cleared.
    var received: Int64 { server.log.counters.received }

    /// Notes of unfinished uploads.
    var notes: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder("state/uploads"))) ?? []).sorted()
    }
}

/// The sandbox's control interface.
struct Control {
    private let url: String

    init(_ url: String) { self.url = url }

    /// Sends a command without an argument.
    func post(_ command: String) async throws {
        let transport = CurlTransport(settings: TransportSettings(proxy: .none))
        let answer = try await transport.send(HTTPRequest(.post, "\(url)/sandbox/\(command)"))
        await transport.stop()
        guard answer.status == 200 else { throw URLError(.badServerResponse) }
    }
}
