import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// News that speak of the mirrored folder itself, or that break off before they are complete, remove nothing.
@Suite struct RootTests {
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
    private func beside(_ failing: @escaping @Sendable (inout ChangePage) throws -> Void) async throws -> (
        fixture: EngineFixture, daemon: Task<Void, any Error>
    ) {
        let fixture = try EngineFixture(pageSize: 1)
        fixture.settings.interval = .milliseconds(20)
        fixture.settings.longpoll = false
        _ = try fixture.account.put("/Folder/old", "old")
        try await fixture.pass()
        let big = try fixture.account.put("/big", String(repeating: "big ", count: 100_000))
        fixture.remote.hold(big.rev)
        fixture.remote.resetCounts()
        let engine = try await fixture.start().engine
        let daemon = Task { try await engine.run() }
        while fixture.remote.downloads < 1 { try await Task.sleep(for: .milliseconds(5)) }
        fixture.remote.alter(failing)
        _ = try fixture.account.move("/Folder", "/Other")
        return (fixture, daemon)
    }

    @Test("news beside a download that end with the folder gone remove nothing") func goneBeside() async throws {
        let (fixture, daemon) = try await beside { page in
            if case .put? = page.changes.first { page.rootChange = .gone }
        }
        for _ in 0..<1000 where fixture.board.now.phase.isWaiting == false {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(fixture.board.now.phase.isWaiting)
        #expect(try names(fixture) == ["Folder", "Folder/old"])
        fixture.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }

    @Test("news beside a download that break off remove nothing before the rest is read") func cutBeside() async throws
    {
        let (fixture, daemon) = try await beside { page in
            if case .put? = page.changes.first { throw SandboxError(disposition: .unreachable) }
        }
        fixture.remote.resetCounts()
        while fixture.remote.pages < 5 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try names(fixture) == ["Folder", "Folder/old"])
        fixture.remote.alter(nil)
        for _ in 0..<1000 where (try? names(fixture)) != ["Other", "Other/old"] {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try names(fixture) == ["Other", "Other/old"])
        #expect(fixture.remote.downloads == 0)  // it was moved
        fixture.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }
}

extension EngineStatus.Phase {
    fileprivate var isWaiting: Bool {
        if case .waiting = self { true } else { false }
    }
}
