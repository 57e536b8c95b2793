import GRDB
import SyncModel
import TestSupport
import Testing

@testable import Store

/// What the state knows of symbolic links.
@Suite(.timeLimit(.minutes(5)))
struct LinkStateTests {
    private static let link = SymbolicLink(target: "a\0b \u{E9}\"\\ /*", rev: Rev("7"), modified: 5)

    private func record(_ fixture: StoreFixture, _ link: SymbolicLink) async throws {
        let node = RemoteNode.unavailable(name: FileName("L"), .symbolicLink(link, nil), rev: link.rev)
        try await fixture.store.record(
            [.put(RemoteKey("/l"), node, parents: [])], cursor: SyncModel.Cursor("c"), isLast: true,
            now: StoreFixture.now)
    }

    private func want(_ store: StateStore) async throws -> RemoteNode? {
        try await store.facts(of: [RemoteKey("/l")]).first?.want
    }

    @Test("a target of any text is kept as it is, made or not") func targets() async throws {
        let fixture = try StoreFixture()
        try await record(fixture, Self.link)
        #expect(
            try await want(fixture.store)
                == .unavailable(name: FileName("L"), .symbolicLink(Self.link, nil), rev: Rev("7")))
        _ = try await fixture.store.select(Selection(symlinks: true))
        #expect(
            try await want(fixture.store)
                == .unavailable(name: FileName("L"), .symbolicLink(Self.link, .nul), rev: Rev("7")))
        var made = Self.link
        made.target = " \u{E9}\"\\ /*"
        try await record(fixture, made)
        #expect(try await want(fixture.store) == .link(name: FileName("L"), made))
        #expect(try await fixture.store.backlog().pendingFiles == 0)
        #expect(try await fixture.store.backlog().pendingFolders == 1)
        #expect(try await fixture.store.verifyChecksums() == 0)
        #expect(try await fixture.store.brokenInvariants() == [])
        _ = try await fixture.store.select(.everything)
        #expect(
            try await want(fixture.store)
                == .unavailable(name: FileName("L"), .symbolicLink(made, nil), rev: Rev("7")))
    }

    @Test("a listing that has not come to a link yet may still not mention it") func generation() async throws {
        let fixture = try StoreFixture()
        try await record(fixture, SymbolicLink(target: "x", rev: Rev("1"), modified: 0))
        try await fixture.store.beginRelist()
        _ = try await fixture.store.select(Selection(symlinks: true))
        try await fixture.store.record([], cursor: SyncModel.Cursor("d"), isLast: true, now: StoreFixture.now)
        #expect(try await want(fixture.store) == nil)
        #expect(try await fixture.store.brokenInvariants() == [])
    }

    @Test("a link of version 9 is read, and the account listed anew for its time") func migrated() async throws {
        let fixture = try StoreFixture()
        try await fixture.record("a/ a/b=1 a/c!")
        try fixture.store.close()
        let queue = try DatabaseQueue(path: fixture.path)
        try await queue.write { db in
            try db.execute(
                sql: """
                    UPDATE want SET reason = 'symlink:../x' WHERE key = '/a/c';
                    \(StoreFixture.dropVersion10) PRAGMA user_version = 9;
                    """)
            try Checksums.begin("want", db)
        }
        try queue.close()
        let store = try StateStore.open(at: fixture.path)
        #expect(try await store.progress().cursor == nil)
        guard
            case .unavailable(_, .symbolicLink(let link, nil), _) = try await store.facts(of: [RemoteKey("/a/c")])
                .first?.want
        else {
            Issue.record("it is no link")
            return
        }
        #expect(link.target == "../x")
        #expect(try await store.brokenInvariants() == [])
    }
}
