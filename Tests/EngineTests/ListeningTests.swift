import Engine
import Foundation
import MirrorFS
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// While files arrive the account is listened to: what is new, edited or removed does not wait for them.
@Suite(.timeLimit(.minutes(30)))
struct ListeningTests {
    private static let parallel = 4

    /// A running engine whose downloads of large files stand still: as many as may run at once, and as many in the queue.
    private func held(
        isFirst: Bool = false, pageSize: Int? = nil, _ prepare: (EngineFixture) throws -> Void = { _ in }
    ) async throws -> HeldDaemon {
        let fixture = try HeldDaemon.fixture(pageSize: pageSize)
        fixture.settings.parallel = Self.parallel
        for path in ["/old/kept", "/old/gone", "/m/folder/file", "/edited", "/z/deep/er/file"] {
            _ = try fixture.account.put(path, "as it was: \(path)")
        }
        try prepare(fixture)
        if !isFirst { try await fixture.pass() }
        let large = (0..<(2 * Self.parallel)).map { "/large/\($0)" }
        return try await HeldDaemon.begin(
            fixture, holding: large, size: 5_000_000, underWay: fixture.settings.parallel)
    }

    @Test("a removal, an edit and an addition do not wait for large downloads", arguments: [1, Self.parallel])
    func beside(_ parallel: Int) async throws {
        let held = try await self.held { $0.settings.parallel = parallel }
        let account = held.fixture.account
        _ = try account.delete("/old/gone")
        try await held.eventually("the removal") { !held.stands("/old/gone") }
        _ = try account.put("/edited", "as it is")
        try await held.eventually("the edit") { held.text("/edited") == "as it is" }
        // After what is queued in the order of keys.
        _ = try account.put("/zz/new", "new")
        try await held.eventually("the addition") { held.text("/zz/new") == "new" }
        for number in 0..<60 { _ = try account.put("/zz/many/\(number)", "new \(number)") }
        try await held.eventually("the additions") { held.text("/zz/many/59") == "new 59" }
        _ = try account.delete("/z")
        try await held.eventually("the removal of folders") { !held.stands("/z") }
        #expect(!held.paths.contains(where: held.stands))
        try await held.end()
    }

    @Test("the same while the first listing's files arrive") func besideTheFirst() async throws {
        let held = try await self.held(isFirst: true)
        let account = held.fixture.account
        try await held.eventually("what is small") { held.stands("/edited") }
        _ = try account.put("/edited", "as it is")
        try await held.eventually("the edit") { held.text("/edited") == "as it is" }
        _ = try account.delete("/edited")
        try await held.eventually("the removal") { !held.stands("/edited") }
        try await held.end()
    }

    @Test("what a later page of the first listing takes back is not put in place") func takenBack() async throws {
        let fixture = try EngineFixture(pageSize: 1)
        let (account, remote) = (fixture.account, fixture.remote)
        let rev = try account.put("/c/held", "not wanted for long").rev
        for number in 0..<9 { _ = try account.put("/z/\(number)", "\(number)") }
        remote.hold(rev)
        remote.onPage { number in
            guard number == 5 else { return }
            try await eventually("a download") { remote.downloadedRevisions.contains(rev) }
            _ = try account.delete("/c")
        }
        let engine = try await fixture.start().engine
        let daemon = Task { try await engine.run() }
        try await eventually("the removal") {
            access(fixture.mirror + "/z/8", F_OK) == 0 && access(fixture.mirror + "/c", F_OK) != 0
        }
        remote.letGo()
        try await eventually("idleness") { fixture.board.now.phase == .idle }
        daemon.cancel()
        try await daemon.value
        #expect(try await fixture.brokenInvariants() == [])
        #expect(try fixture.differences() == [])
    }

    @Test("new small files come as zips where that pays, though large files take all downloads")
    func zips() async throws {
        let held = try await self.held { $0.settings.bulk = ZipGrouping() }
        for number in 0..<60 { _ = try held.fixture.account.put("/zz/many/\(number)", "new \(number)") }
        try await held.eventually("the additions") { held.text("/zz/many/59") == "new 59" }
        try await held.end()
    }

    @Test("what is queued and removed is never fetched") func queued() async throws {
        let held = try await self.held()
        let begun = Set(held.fixture.remote.downloadedRevisions)
        let path = try #require(held.paths.last)
        let entry = try #require(held.fixture.account.tree().first { $0.path == path })
        let rev = try #require(entry.rev)
        #expect(!begun.contains(rev))
        _ = try held.fixture.account.delete(path)
        _ = try held.fixture.account.put("/zz/new", "a sign that the news are read")
        try await held.eventually("the news") { held.stands("/zz/new") }
        try await held.end()
        #expect(!held.fixture.remote.downloadedRevisions.contains(rev))
    }

    @Test("a download of what is no longer wanted is given up for what is") func underWay() async throws {
        let held = try await self.held()
        _ = try held.fixture.account.put(held.paths[0], "small by now")
        _ = try held.fixture.account.delete(held.paths[1])
        try await held.eventually("the edit") { held.text(held.paths[0]) == "small by now" }
        // Two of the queue have taken their places.
        try await held.eventually("others") { held.underWay >= Self.parallel + 2 }
        try await held.end()
    }

    @Test("folders are renamed and moved whose files are being fetched, and content is moved, not fetched")
    func renamed() async throws {
        let held = try await self.held { $0.account.configure { $0.movesMakeRevisions = false } }
        let account = held.fixture.account
        _ = try account.move("/large", "/Renamed")
        _ = try account.move("/m", "/n/moved")
        held.fixture.remote.resetCounts()
        try await held.eventually("the move") { held.stands("/n/moved/folder/file") && !held.stands("/m") }
        try await held.eventually("the downloads") { held.stands("/Renamed") && held.underWay >= Self.parallel }
        #expect(held.fixture.remote.downloadedRevisions.allSatisfy(held.fixture.remote.isHeld))
        _ = try account.delete("/Renamed/0")
        _ = try account.move("/Renamed/1", "/q/below")
        try await held.eventually("the end of it") { !held.stands("/large") }
        try await held.end()
    }

    @Test("a folder that takes the place of files that are being fetched or queued, and the reverse") func flips()
        async throws
    {
        let held = try await self.held()
        let account = held.fixture.account
        for path in [held.paths[0], held.paths[7], "/edited"] {
            _ = try account.delete(path)
            _ = try account.put(path + "/inside", "inside \(path)")
        }
        _ = try account.delete("/old")
        _ = try account.put("/old", "a file")
        try await held.eventually("the file") { held.text("/old") == "a file" }
        for path in [held.paths[0], held.paths[7], "/edited"] {
            try await held.eventually(path) { held.text(path + "/inside") == "inside \(path)" }
        }
        try await held.end()
    }

    @Test("a cursor that expires has the account listed anew at once", arguments: [nil, 3]) func reset(_ pageSize: Int?)
        async throws
    {
        let held = try await self.held(pageSize: pageSize)
        let account = held.fixture.account
        _ = try account.delete("/old/gone")
        try account.renameCase("/edited", to: "Edited")
        account.expireCursors()
        _ = try account.put("/zz/new", "new")
        try await held.eventually("the news") { held.stands("/zz/new") && !held.stands("/old/gone") }
        try await held.eventually("what only a listing tells") { held.stands("/Edited") }
        account.expireCursors()
        _ = try account.delete("/zz")
        try await held.eventually("more news") { !held.stands("/zz") }
        try await held.end()
    }

    @Test("changes that cannot be had stop no download, and nothing is removed before all of them are known")
    func failing() async throws {
        let held = try await self.held(pageSize: 1)
        let account = held.fixture.account
        try await held.eventually("the end of the listing") {
            try await held.fixture.start().store.progress().isComplete
        }
        try await held.eventually("the small file") { held.stands("/m/folder/file") }
        held.fixture.remote.alter { page in
            if case .put(RemoteKey("/n/folder/file"), _, _)? = page.changes.first {
                throw SandboxError(disposition: .unreachable)
            }
        }
        held.fixture.remote.resetCounts()
        _ = try account.move("/m", "/n")
        try await held.eventually("failures") { held.fixture.remote.pages > 10 }
        #expect(held.stands("/m/folder/file"))
        #expect(held.fixture.remote.downloads == 0)
        held.fixture.remote.letGo()
        try await held.eventually("the large files") { held.paths.allSatisfy(held.stands) }
        held.fixture.remote.alter(nil)
        try await held.eventually("the move") { held.stands("/n/folder/file") && !held.stands("/m") }
        #expect(held.fixture.remote.downloadedRevisions.count == Self.parallel)
        try await held.end()
    }

    @Test("a file that failed is tried again while others arrive") func retried() async throws {
        let failures = Atomic<Int>(1)
        let held = try await self.held { fixture in
            let rev = try fixture.account.put("/zz/late", "late").rev
            fixture.remote.onDownload { asked in
                guard asked == rev, failures.exchange(0, ordering: .relaxed) > 0 else { return }
                throw SandboxError(disposition: .skipItem)
            }
        }
        try await held.eventually("the failure") { failures.load(ordering: .relaxed) == 0 }
        try await held.eventually("the next try") {
            held.fixture.time.advance(by: 600)
            return held.text("/zz/late") == "late"
        }
        #expect(!held.paths.contains(where: held.stands))
        try await held.end()
    }

    @Test("the mirror is in step as of the last news that were read") func asOf() async throws {
        let held = try await self.held()
        held.fixture.time.advance(by: 5000)
        _ = try held.fixture.account.put("/zz/new", "new")
        let expected = held.fixture.time.now
        try await held.eventually("the news") { held.stands("/zz/new") }
        try await held.end()
        #expect(try await held.fixture.start().store.progress().inStepAsOf ?? 0 >= expected)
    }
}
