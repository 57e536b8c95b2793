import AccountChecks
import Dropbox
import NetworkSupport
import Sandbox
import Store
import SyncModel
import Synchronization
import TestSupport
import Testing

/// What looks like an emptied folder must never empty a mirror.
@Suite(.timeLimit(.minutes(5)))
struct AccountGuardTests {
    /// What a guard has told of itself.
    private final class Heard: Sendable {
        let claims = Mutex<[Origin]>([])
        let accounts = Mutex<[String]>([])
    }

    /// How Dropbox takes it that the watched folder goes.
    enum Server: CaseIterable, Sendable {
        case refusesTheCursor, tellsAtThePath, tellsOfChildren, tellsOnlyOfChildren

        func apply(to account: Account) {
            account.configure { settings in
                settings.refusesLostFolders = self == .refusesTheCursor
                settings.deletesListChildren = [.tellsOfChildren, .tellsOnlyOfChildren].contains(self)
                settings.childrenBeforeParents = self == .tellsOfChildren
                settings.listsWatchedFolder = self != .tellsOnlyOfChildren
            }
        }
    }

    private struct Refusal: Error {}

    private final class Switch: Sendable {
        let isOn = Atomic<Bool>(true)
    }

    private let place: TemporaryFolder

    init() throws { place = try TemporaryFolder() }

    private func store(_ name: String = "state.db") throws -> StateStore { try StateStore.open(at: place(name)) }

    /// A guard as a new process would make it.
    private func newGuard(
        _ fixture: SandboxFixture, _ folder: String, _ store: StateStore, _ heard: Heard = Heard(),
        claim: @escaping @Sendable (Origin) throws -> Void = { _ in }
    ) -> AccountGuard {
        let tokens = TokenSource(credentials: Credentials(accessToken: Tokens.standing))
        @Sendable func client(_ folder: String, _ pathRoot: PathRoot?, _ rootKey: String?) -> DropboxClient {
            DropboxClient(
                transport: fixture.transport, endpoints: Endpoints(base: fixture.server.url), tokens: tokens,
                remoteRoot: folder, rootKey: rootKey, pathRoot: pathRoot, settings: SandboxFixture.patient,
                jitter: { 1 })
        }
        return AccountGuard(
            clients: AccountClients(mirror: { client(folder, $0, $1) }, outbox: { client("", $0, nil) }),
            remoteRoot: folder, store: store,
            claim: { origin in
                heard.claims.withLock { $0.append(origin) }
                try claim(origin)
            },
            onAccount: { account in heard.accounts.withLock { $0.append(account.accountID) } })
    }

    /// All pages since a cursor: the keys that are told of, and the cursor after them.
    private func list(_ source: AccountGuard, since cursor: Cursor? = nil) async throws -> (Set<String>, Cursor?) {
        var (keys, cursor, hasMore) = (Set<String>(), cursor, true)
        while hasMore {
            let page = try await source.changes(since: cursor)
            for change in page.changes {
                switch change {
                case .put(let key, _, _): keys.insert(key.text)
                case .deleted(let key): keys.insert("-" + key.text)
                }
            }
            (cursor, hasMore) = (page.cursor, page.hasMore)
        }
        return (keys, cursor)
    }

    private func failure(_ body: () async throws -> Void) async -> Disposition? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? any Classified)?.disposition
        }
    }

    private func requests(_ fixture: SandboxFixture, _ endpoint: String) -> Int {
        fixture.server.log.records.count { $0.endpoint == endpoint }
    }

    @Test("the account is asked once who it is, and the state is bound to account and folder before anything is listed")
    func once() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/a.txt", "a")
            let (store, heard) = (try store(), Heard())
            let source = newGuard(fixture, "/P", store, heard)
            #expect(fixture.server.log.records.isEmpty)
            let (keys, cursor) = try await list(source)
            #expect(keys == ["/a.txt"])
            try fixture.account.put("/P/b.txt", "b")
            #expect(try await list(source, since: cursor).0 == ["/b.txt"])
            #expect(requests(fixture, "users/get_current_account") == 1)
            let endpoints = fixture.server.log.records.map(\.endpoint)
            #expect(endpoints.first == "users/get_current_account" && endpoints[1] == "files/get_metadata")
            let origin = try #require(try await store.progress().origin)
            #expect(origin.folder == "/P" && origin.folderID.hasPrefix("id:"))
            #expect(heard.claims.withLock { $0 } == [origin])
            #expect(heard.accounts.withLock { $0 } == [origin.account])
        }
    }

    @Test("a listing in parts is believed when the folder was looked at after its last change")
    func parts() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/sub/a.txt", "a")
            let source = newGuard(fixture, "/P", try store())
            let latest = try await source.latestCursor()
            let part = ListingPart(RemoteKey("/sub"), isRecursive: true)
            let page = try #require(try await source.list(part))
            #expect(page.changes.count == 2 && !page.hasMore)
            try fixture.account.move("/P", "/elsewhere")
            #expect(await failure { _ = try await source.list(ListingPart(.root, isRecursive: false)) } == .sourceGone)
            try fixture.account.put("/P/sub/other.txt", "other")
            #expect(await failure { _ = try await list(source, since: latest) } == .fatal, "another folder")
        }
    }

    @Test("a folder that is not there is gone, and nothing is bound to it")
    func neverThere() async throws {
        try await SandboxFixture.run { fixture in
            let (store, heard) = (try store(), Heard())
            let source = newGuard(fixture, "/P", store, heard)
            #expect(await failure { _ = try await source.changes(since: nil) } == .sourceGone)
            #expect(try await store.progress().origin == nil)
            #expect(heard.claims.withLock { $0 } == [])
            try fixture.account.put("/P/a.txt", "a")
            #expect(try await list(source).0 == ["/a.txt"])
        }
    }

    @Test("a folder that goes is gone, and listed again when it is back", arguments: Server.allCases)
    func gone(server: Server) async throws {
        try await SandboxFixture.run { fixture in
            server.apply(to: fixture.account)
            try fixture.account.put("/P/a.txt", "a")
            let source = newGuard(fixture, "/P", try store())
            let (_, cursor) = try await list(source)
            try fixture.account.move("/P", "/elsewhere")
            #expect(await failure { _ = try await list(source, since: cursor) } == .sourceGone)
            #expect(await failure { _ = try await list(source, since: cursor) } == .sourceGone)
            try fixture.account.move("/elsewhere", "/P")
            #expect(try await list(source).0 == ["/a.txt"])
        }
    }

    @Test("a file in the place of the folder is a folder that is gone", arguments: Server.allCases)
    func file(server: Server) async throws {
        try await SandboxFixture.run { fixture in
            server.apply(to: fixture.account)
            try fixture.account.put("/P/a.txt", "a")
            let store = try store()
            let source = newGuard(fixture, "/P", store)
            let (_, cursor) = try await list(source)
            try fixture.account.delete("/P")
            try fixture.account.put("/P", "a file")
            #expect(await failure { _ = try await list(source, since: cursor) } == .sourceGone)
            #expect(await failure { _ = try await list(newGuard(fixture, "/P", store), since: cursor) } == .sourceGone)
            #expect(await failure { _ = try await list(newGuard(fixture, "/P", store)) } == .sourceGone)
        }
    }

    @Test("another folder in its place is refused, whether it is met at work or at a start", arguments: Server.allCases)
    func replaced(server: Server) async throws {
        try await SandboxFixture.run { fixture in
            server.apply(to: fixture.account)
            try fixture.account.put("/P/a.txt", "a")
            let store = try store()
            let (source, relisting) = (newGuard(fixture, "/P", store), newGuard(fixture, "/P", store))
            let (_, cursor) = try await list(source)
            _ = try await list(relisting)
            let known = try await store.progress().origin
            try fixture.account.delete("/P")
            try fixture.account.put("/P/new.txt", "another folder's")
            // A listing from its beginning shows the other folder as if nothing had happened.
            for (met, cursor) in [(source, cursor), (relisting, nil), (newGuard(fixture, "/P", store), cursor)] {
                let error = await #expect(throws: StoreError.self) { _ = try await list(met, since: cursor) }
                #expect(error?.code == .otherOwner)
            }
            #expect(try await store.progress().origin == known)
        }
    }

    @Test("another account is refused before it is asked for anything else, and the mirror is not claimed for it")
    func otherAccount() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/a.txt", "a")
            let store = try store()
            _ = try await list(newGuard(fixture, "/P", store))
            let known = try await store.progress().origin
            fixture.account.configure { $0.accountID = "dbid:another" }
            fixture.server.log.clear()
            let heard = Heard()
            let source = newGuard(fixture, "/P", store, heard)
            let error = await #expect(throws: StoreError.self) { _ = try await source.changes(since: nil) }
            #expect(error?.code == .otherOwner)
            await #expect(throws: StoreError.self) { _ = try await source.outboxClient() }
            #expect(heard.claims.withLock { $0 } == [] && heard.accounts.withLock { $0 } == [])
            #expect(try await store.progress().origin == known)
            #expect(fixture.server.log.records.allSatisfy { !$0.endpoint.contains("list_folder") })
        }
    }

    @Test("a mirror that may not be claimed is no mirror of this account: nothing is listed, and it is asked again")
    func refusedClaim() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/a.txt", "a")
            let (store, refusing) = (try store(), Switch())
            let source = newGuard(fixture, "/P", store) { _ in
                if refusing.isOn.load(ordering: .relaxed) { throw Refusal() }
            }
            await #expect(throws: Refusal.self) { _ = try await source.changes(since: nil) }
            #expect(try await store.progress().origin == nil)
            #expect(fixture.server.log.records.allSatisfy { !$0.endpoint.contains("list_folder") })
            refusing.isOn.store(false, ordering: .relaxed)
            #expect(try await list(source).0 == ["/a.txt"])
        }
    }

    @Test("the same folder at another path is the same: its cursor is of no use, once")
    func elsewhere() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/a.txt", "a")
            let store = try store()
            let (_, cursor) = try await list(newGuard(fixture, "/P", store))
            try fixture.account.move("/P", "/Q")
            let source = newGuard(fixture, "/Q", store)
            #expect(await failure { _ = try await source.changes(since: cursor) } == .cursorReset)
            let (keys, new) = try await list(source)
            #expect(keys == ["/a.txt"])
            #expect(try await list(source, since: new).0 == [])
            #expect(try await store.progress().origin?.folder == "/Q")
        }
    }

    @Test("for an outbox the folder may be gone, if the state knows the account")
    func outbox() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/P/a.txt", "a")
            let store = try store()
            _ = try await list(newGuard(fixture, "/P", store))
            try fixture.account.delete("/P")
            let client = try await newGuard(fixture, "/P", store).outboxClient()
            #expect(await failure { _ = try await client.metadata(of: "/P") } != nil)
            let unknown = newGuard(fixture, "/P", try self.store("new.db"))
            #expect(await failure { _ = try await unknown.outboxClient() } == .sourceGone)
        }
    }

    @Test("everything is a folder without an id: it is known by its namespace")
    func everything() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/a.txt", "a")
            let store = try store()
            #expect(try await list(newGuard(fixture, "", store)).0 == ["/a.txt"])
            #expect(try await store.progress().origin?.folderID == "ns:" + Account.namespaceID)
            #expect(requests(fixture, "files/get_metadata") == 0)
        }
    }
}
