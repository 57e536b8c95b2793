import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// News that speak of the mirrored folder itself, or that break off before they are complete, remove nothing.
@Suite(.timeLimit(.minutes(30)))
struct RootTests {
    private func names(_ fixture: EngineFixture) throws -> Set<String> {
        Set(try Tree(directory: fixture.mirror).lines.keys)
    }

    @Test("a page that says the folder is gone is not recorded, and nothing is removed") func gone() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 30)), pageSize: 5)
        try await fixture.pass()
        let before = try Tree(directory: fixture.mirror)
        for entry in fixture.account.tree() where entry.isFile { _ = try fixture.account.delete(entry.path) }
        let cursor = try await fixture.start().store.progress().cursor
        fixture.remote.alter { page in page.rootChange = .gone }
        for _ in 1...3 {
            let error = await #expect(throws: EngineError.self) { try await fixture.pass() }
            #expect(error?.disposition == .sourceGone)
            #expect(try Tree(directory: fixture.mirror) == before)
        }
        #expect(try await fixture.start().store.progress().cursor == cursor)
        fixture.remote.alter(nil)
        try await fixture.pass()
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a later page that says so keeps what earlier ones have told as gone") func goneLater() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 30)), pageSize: 5)
        try await fixture.pass()
        let before = try Tree(directory: fixture.mirror)
        for entry in fixture.account.tree() where entry.isFile { _ = try fixture.account.delete(entry.path) }
        fixture.remote.alter { page in if !page.hasMore { page.rootChange = .gone } }
        for _ in 1...2 {
            let error = await #expect(throws: EngineError.self) { try await fixture.pass() }
            #expect(error?.disposition == .sourceGone)
            #expect(try Tree(directory: fixture.mirror) == before)
        }
    }

    // MARK: Beside a download

    /// An engine in which the download of /big stands still while news of two pages arrive: a folder is deleted, and
    /// something else happens.
    private func beside(_ failing: @escaping @Sendable (inout ChangePage) throws -> Void) async throws -> HeldDaemon {
        let fixture = try HeldDaemon.fixture(pageSize: 1)
        _ = try fixture.account.put("/Folder/old", "old")
        try await fixture.pass()
        let held = try await HeldDaemon.begin(fixture, holding: ["/big"])
        fixture.remote.alter(failing)
        _ = try fixture.account.move("/Folder", "/Other")
        return held
    }

    @Test("news beside a download that end with the folder gone remove nothing") func goneBeside() async throws {
        let held = try await beside { page in
            if case .put? = page.changes.first { page.rootChange = .gone }
        }
        try await held.eventually("a wait") { held.fixture.board.now.phase.isWaiting }
        #expect(try names(held.fixture) == ["Folder", "Folder/old"])
        held.fixture.remote.letGo()
        try await held.stop()
    }

    @Test("news beside a download that break off remove nothing before the rest is read") func cutBeside() async throws
    {
        let held = try await beside { page in
            if case .put? = page.changes.first { throw SandboxError(disposition: .unreachable) }
        }
        let remote = held.fixture.remote
        remote.resetCounts()
        try await held.eventually("pages") { remote.pages >= 5 }
        #expect(try names(held.fixture) == ["Folder", "Folder/old"])
        remote.alter(nil)
        try await held.arrive(["Other", "Other/old"])
        #expect(remote.downloads == 0)  // it was moved
        remote.letGo()
        try await held.stop()
    }
}

extension EngineStatus.Phase {
    fileprivate var isWaiting: Bool {
        if case .waiting = self { true } else { false }
    }
}
