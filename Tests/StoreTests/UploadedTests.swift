import Store
import SyncModel
import TestSupport
import Testing

/// What an outbox in the mirror has uploaded, and the account tells of.
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

    private func standing(_ desk: Desk) async throws -> [String: Rev?] {
        let rows = try await desk.store.placed(.empty, print)
        return rows.map { [$0.key.text: $0.rev] } ?? [:]
    }

    private func isIdle(_ desk: Desk) async throws -> Bool {
        let backlog = try await desk.store.backlog()
        return backlog.pendingFiles + backlog.pendingRemovals + backlog.failing + backlog.parked == 0
    }

    @Test("its revision is recognised, whether the account tells of it before or afterwards", arguments: [true, false])
    func recognised(isFirst: Bool) async throws {
        let desk = try Desk(inMemory: true)
        if isFirst { try await desk.store.note(upload()) }
        try await desk.record([news(version)])
        if !isFirst { try await desk.store.note(upload()) }
        #expect(try await standing(desk) == ["/in/a.txt": version.rev])
        #expect(try await isIdle(desk))
        #expect(try await desk.store.brokenInvariants() == [])
    }

    @Test("nothing stands before the account has told of it, and nothing is to be removed")
    func notYet() async throws {
        let desk = try Desk(inMemory: true)
        try await desk.record([])
        try await desk.store.note(upload())
        #expect(try await standing(desk) == [:])
        #expect(try await isIdle(desk))
    }

    @Test("a newer revision, or a folder that is called otherwise there, is not what went up")
    func other() async throws {
        var newer = version
        newer.rev = Rev("0123456790")
        for (upload, change) in [(upload(), news(newer)), (upload(["IN"]), news(version)), (upload([]), news(version))]
        {
            let desk = try Desk(inMemory: true)
            try await desk.store.note(upload)
            try await desk.record([change])
            #expect(try await standing(desk) == [:])
            #expect(try await desk.store.backlog().pendingFiles == 1)
            #expect(try await desk.store.brokenInvariants() == [])
        }
    }
}
