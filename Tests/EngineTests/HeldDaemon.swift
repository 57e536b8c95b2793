import Engine
import Foundation
import Glibc
import Sandbox
import Store
import TestSupport
import Testing

/// A running engine in which downloads stand still until they are let go.
final class HeldDaemon {
    let fixture: EngineFixture
    /// The files whose downloads stand still.
    let paths: [String]
    private let daemon: Task<Void, any Error>

    private init(_ fixture: EngineFixture, _ paths: [String], _ daemon: Task<Void, any Error>) {
        self.fixture = fixture
        self.paths = paths
        self.daemon = daemon
    }

    deinit { daemon.cancel() }

    /// A fixture whose engine looks for changes all the time, also while files arrive.
    static func fixture(pageSize: Int? = nil) throws -> EngineFixture {
        let fixture = try EngineFixture(pageSize: pageSize)
        fixture.settings.interval = .milliseconds(20)
        fixture.settings.longpoll = false
        fixture.settings.listensAfter = .zero
        return fixture
    }

    /// Puts files of about `size` bytes at `paths` and starts the engine.
    ///
    /// - Returns: when so many of their downloads have begun, and stand still. The counts are from the start on.
    static func begin(
        _ fixture: EngineFixture, holding paths: [String], size: Int = 400_000, underWay: Int = 1
    ) async throws -> HeldDaemon {
        for path in paths {
            let text = String(repeating: "\(path) ", count: size / (path.utf8.count + 1))
            fixture.remote.hold(try fixture.account.put(path, text).rev)
        }
        fixture.remote.resetCounts()
        let engine = try await fixture.start().engine
        let held = HeldDaemon(fixture, paths, Task { try await engine.run() })
        try await held.eventually("downloads") { held.underWay >= underWay }
        return held
    }

    /// The number of downloads that stand still.
    var underWay: Int { fixture.remote.downloadedRevisions.count(where: fixture.remote.isHeld) }

    func text(_ path: String) -> String? { try? String(contentsOfFile: fixture.mirror + path, encoding: .utf8) }

    func stands(_ path: String) -> Bool { access(fixture.mirror + path, F_OK) == 0 }

    /// Waits for what is to happen beside the downloads.
    func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        try await TestSupport.eventually(
            what, or: "\((try? fixture.differences()) ?? []); \(fixture.board.now)", condition)
    }

    /// Waits until the mirror holds exactly these names, sorted.
    func arrive(_ names: [String]) async throws {
        // What goes while it is read is looked at again.
        try await eventually("\(names)") { (try? Tree(directory: fixture.mirror).lines.keys.sorted()) == names }
    }

    /// Ends the engine.
    func stop() async throws {
        daemon.cancel()
        try await daemon.value
    }

    /// Lets the downloads go on, waits until nothing is left to do, and compares all in the end.
    func end() async throws {
        fixture.remote.letGo()
        try await eventually("the end") { (try? fixture.differences()) == [] }
        try await eventually("idleness") {
            let backlog = try await fixture.start().store.backlog()
            return backlog.pendingFiles + backlog.pendingRemovals == 0 && fixture.board.now.phase == .idle
        }
        try await stop()
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try fixture.differences() == [])
        let parts = try FileManager.default.contentsOfDirectory(atPath: fixture.mirror + "/.dbxsync/staging")
        #expect(parts == [])
    }
}
