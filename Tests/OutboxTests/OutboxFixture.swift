import Dropbox
import Foundation
import Logging
import NetworkSupport
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing
import Uploading

@testable import Outbox

/// An account of the sandbox, and a watched folder that goes there.
final class OutboxFixture: Sendable {
    private let sandbox: SandboxFixture
    let place: TemporaryFolder
    let store: StateStore

    private init() async throws {
        place = try TemporaryFolder()
        _ = try place.folder("out")
        store = try StateStore.open(at: place("state.db"))
        sandbox = try await SandboxFixture.start()
    }

    var account: Account { sandbox.account }
    var server: SandboxServer { sandbox.server }

    /// Calls `body` with a world of its own, which ends afterwards.
    static func run(_ body: (OutboxFixture) async throws -> Void) async throws {
        let fixture = try await OutboxFixture()
        do {
            try await body(fixture)
        } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private func end() async {
        await sandbox.end()
        try? store.close()
    }

    /// An outbox as a process of its own would make it.
    func outbox(
        _ after: AfterUpload = .keep, exclude: [String] = [], listens: Bool = true, rescan: Duration = .seconds(600),
        settle: Duration = .milliseconds(100), story: Story? = nil, hook: @escaping OutboxHook = { _ in }
    ) throws -> OutboxService {
        let settings = OutboxSettings(
            directory: place("out"), remoteFolder: "/in", after: after, settle: settle,
            exclude: try exclude.map { try SelectionPattern($0) }, rescan: rescan)
        let handler: any LogHandler = if let story { story } else { SwiftLogNoOpLogHandler() }
        let logger = Logger(label: "test") { _ in handler }
        let upload = FileUpload(
            client: sandbox.client, journal: SessionJournal(directory: place("uploads")), server: server.url,
            meter: UploadMeter(), logger: logger)
        var outbox = OutboxService(
            settings: settings, store: store, connect: { upload }, now: { .now }, logger: logger)
        outbox.hook = hook
        outbox.listens = listens
        return outbox
    }

    /// Calls `body` while an outbox runs.
    func running(_ outbox: OutboxService, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await outbox.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Runs an outbox that is to crash, to its end.
    func crash(_ outbox: OutboxService) async {
        await #expect(throws: OutboxStop.self) { try await outbox.run() }
    }

    // MARK: Looking

    /// Waits until the account holds these files below `/in` with these texts, and no others.
    func holds(_ files: [String: String], fileID: String = #fileID, line: Int = #line) async throws {
        let wanted = files.mapValues { contentHash(of: Array($0.utf8)) }
        try await eventually("\(files.keys.sorted())", or: "\(texts())", fileID: fileID, line: line) {
            hashes() == wanted
        }
    }

    /// Waits until nothing is to be done.
    func isQuiet(fileID: String = #fileID, line: Int = #line) async throws {
        try await eventually("quiet", fileID: fileID, line: line) {
            let backlog = try await self.store.outboxBacklog()
            return backlog.waiting == 0
        }
    }

    func hashes() -> [String: String] {
        account.computeHashes()
        let files = account.tree().filter { $0.isFile && $0.path.hasPrefix("/in/") }
        return Dictionary(
            uniqueKeysWithValues: files.map { (String($0.path.dropFirst(4)), $0.contentHash ?? "") })
    }

    func texts() -> [String] { account.tree().map { "\($0.path) \($0.size)" } }

    /// What stands in the watched folder, hidden names included.
    func names(_ folder: String = "out") -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: place(folder))) ?? []).sorted()
    }

    func drop(_ text: String, _ name: String) throws { try place.write(text, to: "out/" + name) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: place("out/" + name)) }

    /// The number of revisions that were ever made.
    var made: Int { account.revisionCount }
}
