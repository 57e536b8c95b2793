import Engine
import Glibc
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ListingTests {
    @Test("the next page is asked for while one is recorded") func ahead() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 30)), pageSize: 10)
        let seen = Atomic<Int>(0)
        fixture.whileRecordingFirst { seen.store($0, ordering: .relaxed) }
        try await fixture.pass()
        #expect(seen.load(ordering: .relaxed) == 2)
        #expect(try fixture.differences() == [])
    }

    @Test("a cursor that is refused while a page is recorded makes that page old") func refused() async throws {
        let fixture = try EngineFixture(pageSize: 2)
        _ = try fixture.account.put("/kept", "kept")
        try await fixture.pass()
        try fixture.crash()
        for name in ["gone", "b", "c", "d"] { _ = try fixture.account.put("/\(name)", name) }
        let account = fixture.account
        fixture.remote.resetCounts()
        fixture.remote.onPage { number in
            guard number == 2 else { return }
            _ = try account.delete("/gone")
            throw SandboxError(disposition: .cursorReset)
        }
        fixture.whileRecordingFirst { _ in }
        #expect(try await fixture.pass().resets == 1)
        #expect(try fixture.differences() == [])
        #expect(try await fixture.brokenInvariants() == [])
    }

    @Test("a file of the first page is there before the listing is over") func early() async throws {
        let fixture = try EngineFixture(Account(seed: Seed(files: 30)), pageSize: 10)
        let remote = fixture.remote
        let seen = Atomic<Int>(0)
        remote.onPage { number in
            guard number == 3 else { return }
            try await eventually("a download") { remote.downloads > 0 }
            seen.store(remote.downloads, ordering: .relaxed)
        }
        try await fixture.pass()
        #expect(seen.load(ordering: .relaxed) > 0)
        #expect(try fixture.differences() == [])
    }
}

extension EngineFixture {
    /// Holds up the first page that is recorded until the second one was asked for, or the wait has become too long, and
    /// tells how many were.
    fileprivate func whileRecordingFirst(_ tell: @escaping @Sendable (Int) -> Void) {
        let isFirst = Atomic<Bool>(true)
        let remote = remote
        faults = { point in
            guard point == .record, isFirst.exchange(false, ordering: .relaxed) else { return }
            blockUntil(within: .seconds(20)) { remote.pages >= 2 }  // no thread of Swift's pool
            tell(remote.pages)
        }
    }
}
