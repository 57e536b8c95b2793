import Engine
import Glibc
import Sandbox
import SyncModel
import Synchronization
import TestSupport
import Testing

@Suite struct ListingTests {
    @Test("the next page is asked for while one is recorded") func ahead() async throws {
        let rig = try Rig(Account(seed: Seed(files: 30)), pageSize: 10)
        let seen = Atomic<Int>(0)
        rig.whileRecordingFirst { seen.store($0, ordering: .relaxed) }
        try await rig.pass()
        #expect(seen.load(ordering: .relaxed) == 2)
        #expect(try rig.differences() == [])
    }

    @Test("a cursor that is refused while a page is recorded makes that page old") func refused() async throws {
        let rig = try Rig(pageSize: 2)
        _ = try rig.account.put("/kept", "kept")
        try await rig.pass()
        try rig.crash()
        for name in ["gone", "b", "c", "d"] { _ = try rig.account.put("/\(name)", name) }
        let account = rig.account
        rig.remote.resetCounts()
        rig.remote.onPage { number in
            guard number == 2 else { return }
            _ = try account.delete("/gone")
            throw SandboxError(disposition: .cursorReset)
        }
        rig.whileRecordingFirst { _ in }
        #expect(try await rig.pass().resets == 1)
        #expect(try rig.differences() == [])
        #expect(try await rig.brokenInvariants() == [])
    }

    @Test("a file of the first page is there before the listing is over") func early() async throws {
        let rig = try Rig(Account(seed: Seed(files: 30)), pageSize: 10)
        let remote = rig.remote
        let seen = Atomic<Int>(0)
        remote.onPage { number in
            guard number == 3 else { return }
            try await eventually("a download") { remote.downloads > 0 }
            seen.store(remote.downloads, ordering: .relaxed)
        }
        try await rig.pass()
        #expect(seen.load(ordering: .relaxed) > 0)
        #expect(try rig.differences() == [])
    }
}

extension Rig {
    /// Holds up the first page that is recorded until the second one was asked for, or the wait has become too long, and
    /// tells how many were.
    fileprivate func whileRecordingFirst(_ tell: @escaping @Sendable (Int) -> Void) {
        let isFirst = Atomic<Bool>(true)
        let remote = remote
        faults = { point in
            guard point == .record, isFirst.exchange(false, ordering: .relaxed) else { return }
            for _ in 0..<20_000 where remote.pages < 2 { usleep(1000) }  // no thread of Swift's pool
            tell(remote.pages)
        }
    }
}
