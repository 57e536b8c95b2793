import Engine
import Foundation
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// News that speak of the mirrored folder itself, or that break off before they are complete, remove nothing.
@Suite struct RootTests {
    private func names(_ rig: Rig) throws -> Set<String> { Set(try Tree(directory: rig.mirror).lines.keys) }

    @Test("a page that says the folder is gone is not recorded, and nothing is removed") func gone() async throws {
        let rig = try Rig(Account(seed: Seed(files: 30)), pageSize: 5)
        try await rig.pass()
        let before = try Tree(directory: rig.mirror)
        for entry in rig.account.tree() where entry.isFile { _ = try rig.account.delete(entry.path) }
        let cursor = try await rig.start().store.progress().cursor
        rig.remote.alter { page in page.rootNews = .gone }
        for _ in 1...3 {
            let error = await #expect(throws: EngineError.self) { try await rig.pass() }
            #expect(error?.disposition == .sourceGone)
            #expect(try Tree(directory: rig.mirror) == before)
        }
        #expect(try await rig.start().store.progress().cursor == cursor)
        rig.remote.alter(nil)
        try await rig.pass()
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a later page that says so keeps what earlier ones have told as gone") func goneLater() async throws {
        let rig = try Rig(Account(seed: Seed(files: 30)), pageSize: 5)
        try await rig.pass()
        let before = try Tree(directory: rig.mirror)
        for entry in rig.account.tree() where entry.isFile { _ = try rig.account.delete(entry.path) }
        rig.remote.alter { page in if !page.hasMore { page.rootNews = .gone } }
        for _ in 1...2 {
            let error = await #expect(throws: EngineError.self) { try await rig.pass() }
            #expect(error?.disposition == .sourceGone)
            #expect(try Tree(directory: rig.mirror) == before)
        }
    }

    // MARK: Beside a download

    /// An engine in which the download of /big stands still while news of two pages arrive: a folder is deleted, and
    /// something else happens.
    private func beside(_ failing: @escaping @Sendable (inout ChangePage) throws -> Void) async throws -> (
        rig: Rig, daemon: Task<Void, any Error>
    ) {
        let rig = try Rig(pageSize: 1)
        rig.settings.interval = .milliseconds(20)
        rig.settings.longpoll = false
        _ = try rig.account.put("/Folder/old", "old")
        try await rig.pass()
        let big = try rig.account.put("/big", String(repeating: "big ", count: 100_000))
        rig.remote.hold(big.rev)
        rig.remote.resetCounts()
        let engine = try await rig.start().engine
        let daemon = Task { try await engine.run() }
        while rig.remote.downloads < 1 { try await Task.sleep(for: .milliseconds(5)) }
        rig.remote.alter(failing)
        _ = try rig.account.move("/Folder", "/Other")
        return (rig, daemon)
    }

    @Test("news beside a download that end with the folder gone remove nothing") func goneBeside() async throws {
        let (rig, daemon) = try await beside { page in
            if case .put? = page.changes.first { page.rootNews = .gone }
        }
        for _ in 0..<1000 where rig.board.now.phase.isWaiting == false {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(rig.board.now.phase.isWaiting)
        #expect(try names(rig) == ["Folder", "Folder/old"])
        rig.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }

    @Test("news beside a download that break off remove nothing before the rest is read") func cutBeside() async throws
    {
        let (rig, daemon) = try await beside { page in
            if case .put? = page.changes.first { throw SandboxError(disposition: .unreachable) }
        }
        rig.remote.resetCounts()
        while rig.remote.pages < 5 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try names(rig) == ["Folder", "Folder/old"])
        rig.remote.alter(nil)
        for _ in 0..<1000 where (try? names(rig)) != ["Other", "Other/old"] {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try names(rig) == ["Other", "Other/old"])
        #expect(rig.remote.downloads == 0)  // it was moved
        rig.remote.letGo()
        daemon.cancel()
        try await daemon.value
    }
}

extension EngineStatus.Phase {
    fileprivate var isWaiting: Bool {
        if case .waiting = self { true } else { false }
    }
}
