import Store
import SyncModel
import TestSupport
import Testing

/// What an outbox in the mirror has uploaded, and the account tells of.
@Suite(.timeLimit(.minutes(15)))
struct UploadedTests {
    private let version = FileVersion(
        rev: Rev("0123456789"), size: 4, hash: .empty, modified: Timestamp(seconds: 1_600_000_000))
    private let print = Fingerprint(inode: 77, size: 4, modifiedNanoseconds: 5)

    private func upload(_ folders: [String] = ["In"]) -> UploadedHere {
        UploadedHere(
            key: RemoteKey("/in/a.txt"), name: FileName("A.txt"), version: version, fingerprint: print,
            folders: folders.enumerated().map { .init(name: $1, inode: UInt64($0 + 1)) })
    }

    private func news(_ version: FileVersion) -> RemoteChange {
        .put(RemoteKey("/in/a.txt"), .file(name: FileName("A.txt"), version), parents: [FileName("In")])
    }

    private func entry(_ fixture: StoreFixture) async throws -> [String: Rev?] {
        let rows = try await fixture.store.placed(.empty, print)
        return rows.map { [$0.key.text: $0.rev] } ?? [:]
    }

    private func isIdle(_ fixture: StoreFixture) async throws -> Bool {
        let backlog = try await fixture.store.backlog()
        return backlog.pendingFiles + backlog.pendingRemovals + backlog.failing + backlog.parked == 0
    }

    @Test("its revision is recognised, whether the account tells of it before or afterwards", arguments: [true, false])
    func recognised(isFirst: Bool) async throws {
        let fixture = try StoreFixture(inMemory: true)
        if isFirst { try await fixture.store.note(upload()) }
        try await fixture.record([news(version)])
        if !isFirst { try await fixture.store.note(upload()) }
        #expect(try await entry(fixture) == ["/in/a.txt": version.rev])
        #expect(try await isIdle(fixture))
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("nothing stands before the account has told of it, and nothing is to be removed")
    func notYet() async throws {
        let fixture = try StoreFixture(inMemory: true)
        try await fixture.record([])
        try await fixture.store.note(upload())
        #expect(try await entry(fixture) == [:])
        #expect(try await isIdle(fixture))
    }

    @Test("a newer revision, or a folder that is called otherwise there, is not what went up")
    func other() async throws {
        var newer = version
        newer.rev = Rev("0123456790")
        for (upload, change) in [(upload(), news(newer)), (upload(["IN"]), news(version)), (upload([]), news(version))]
        {
            let fixture = try StoreFixture(inMemory: true)
            try await fixture.store.note(upload)
            try await fixture.record([change])
            #expect(try await entry(fixture) == [:])
            #expect(try await fixture.store.backlog().pendingFiles == 1)
            #expect(try await fixture.store.brokenInvariants() == [])
        }
    }
}
