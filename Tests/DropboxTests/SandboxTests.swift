import Dropbox
import NetworkSupport
import Sandbox
import SyncModel
import Testing
import Transport

/// The client over libcurl against the sandbox.
@Suite(.timeLimit(.minutes(5)))
struct SandboxTests {
    @Test("a listing in pages and every file's bytes are the account's")
    func mirror() async throws {
        try await SandboxFixture.run(
            seed: Seed(files: 60, depth: 3, filesPerFolder: 8, largeFiles: 1, largeSize: 9 << 20)
        ) {
            fixture in
            fixture.account.configure { $0.pageSize = 10 }
            let listing = try await fixture.list()
            #expect(listing.pages > 5)
            #expect(try await fixture.mirror(listing.nodes) == fixture.truth())
            #expect(fixture.server.log.counters.connections <= 2, "calls share their connections")
        }
    }

    @Test("changes since a cursor bring a listing up to date: edits, moves, deletions, folders that turn into files")
    func delta() async throws {
        try await SandboxFixture.run(seed: Seed(files: 30, depth: 2, filesPerFolder: 5)) { fixture in
            let account = fixture.account
            try account.makeFolder("/A")
            try account.put("/A/one.txt", "1")
            try account.put("/A/Sub/two.txt", "2")
            let first = try await fixture.list()
            try account.put("/A/one.txt", "1 changed")
            try account.move("/A/Sub", "/B/Sub")
            try account.delete("/A")
            try account.put("/A", "a file now")
            let second = try await fixture.list(since: first.cursor, onto: first.nodes)
            #expect(try await fixture.mirror(second.nodes) == fixture.truth())
            let third = try await fixture.list(since: second.cursor, onto: second.nodes)
            #expect(third.nodes == second.nodes)
            #expect(third.pages == 1)
        }
    }

    @Test("a folder of the account is mirrored with keys of its own")
    func remoteRoot() async throws {
        try await SandboxFixture.run(remoteRoot: "/Büro/Ordner") { fixture in
            try fixture.account.put("/Büro/Ordner/a/Ü.txt", "x")
            try fixture.account.put("/Büro/other.txt", "y")
            let listing = try await fixture.list()
            #expect(Set(listing.nodes.keys) == ["/a", "/a/ü.txt"])
            try fixture.account.delete("/Büro/Ordner")
            let error = try await refusal { _ = try await fixture.client.changes(since: listing.cursor) }
            #expect(error?.disposition == .sourceGone)
        }
    }

    @Test("a cursor that has expired asks for a new listing, also in longpoll")
    func reset() async throws {
        try await SandboxFixture.run { fixture in
            let cursor = try await fixture.list().cursor
            fixture.account.expireCursors()
            let listing = try await refusal { _ = try await fixture.client.changes(since: cursor) }
            #expect(listing?.disposition == .cursorReset)
            let longpoll = try await refusal {
                _ = try await fixture.client.awaitChange(after: cursor, for: .seconds(30))
            }
            #expect(longpoll?.disposition == .cursorReset)
            let nonsense = try await refusal { _ = try await fixture.client.changes(since: Cursor("nonsense")) }
            #expect(nonsense?.disposition == .cursorReset)
        }
    }

    @Test("longpoll returns when something changes, and when it does not")
    func longpoll() async throws {
        try await SandboxFixture.run { fixture in
            let cursor = try await fixture.list().cursor
            async let changed = fixture.client.awaitChange(after: cursor, for: .seconds(480))
            while fixture.server.log.counters.running == 0 { await Task.yield() }
            try fixture.account.put("/new", "n")
            #expect(try await changed)
            let next = try await fixture.list(since: cursor).cursor
            fixture.account.configure { $0.longpollScale = 0.001 }
            #expect(try await !fixture.client.awaitChange(after: next, for: .seconds(30)))
        }
    }

    @Test("a download that was begun elsewhere is completed from its offset, byte for byte")
    func resume() async throws {
        try await SandboxFixture.run(seed: Seed(files: 0, largeFiles: 1, largeSize: 5_000_001)) { fixture in
            let nodes = try await fixture.list().nodes
            let version = try #require(
                nodes.values.compactMap { if case .file(_, let v) = $0 { v } else { nil } }.first)
            let whole = try await fixture.fetch(version)
            #expect(whole.count == 5_000_001)
            for offset in [1, 4 << 20, 5_000_000] {
                let sink = MemorySink()
                try whole[..<offset].withUnsafeBytes { try sink.write($0) }
                try await fixture.client.download(version, into: sink)
                #expect(sink.bytes == whole)
                #expect(sink.restarts == 0)
                #expect(fixture.server.log.records.last?.bytes == Int64(5_000_001 - offset))
            }
        }
    }

    @Test("32 files at once arrive whole over as many connections at most")
    func parallel() async throws {
        try await SandboxFixture.run(seed: Seed(files: 300, depth: 2)) { fixture in
            let nodes = try await fixture.list().nodes
            let versions = nodes.values.compactMap { if case .file(_, let v) = $0 { v } else { nil } }
            let good = try await withThrowingTaskGroup(of: Bool.self) { group in
                var good = 0
                for (index, version) in versions.enumerated() {
                    if index >= 32, try await group.next() == true { good += 1 }
                    group.addTask { try await !fixture.fetch(version).isEmpty }
                }
                for try await isGood in group where isGood { good += 1 }
                return good
            }
            #expect(good == 300)
            #expect(fixture.server.log.counters.peak <= 32)
        }
    }

    @Test("sign-in by code, renewal of an expired token, and revocation")
    func signIn() async throws {
        try await SandboxFixture.run { fixture in
            let flow = OAuthFlow(
                transport: fixture.transport, endpoints: Endpoints(base: fixture.server.url),
                appKey: fixture.server.tokens.appKey, settings: SandboxFixture.patient)
            let pkce = PKCE()
            let page = HTTPRequest(.get, flow.authorizeURL(pkce), headers: [.init("Accept", "application/json")])
            let answer = try await fixture.transport.send(page)
            let body = String(decoding: answer.body, as: UTF8.self)
            let code = try #require(body.split(separator: "\"").drop { $0 != "code" }.dropFirst(2).first)
            let grant = try await flow.exchange(code: String(code), pkce)
            #expect(grant.scope.map { Set($0.split(separator: " ").map(String.init)) } == Set(OAuthFlow.readScopes))
            let again = try await refusal { _ = try await flow.exchange(code: String(code), pkce) }
            #expect(again?.disposition == .signedOut)

            let credentials = Credentials(appKey: flow.appKey, grant: grant, now: .now)
            let client = DropboxClient(
                transport: fixture.transport, endpoints: Endpoints(base: fixture.server.url),
                tokens: TokenSource(credentials: credentials, oauth: flow), settings: SandboxFixture.patient)
            try await client.check()
            #expect(try await client.account().rootNamespace == Account.namespaceID)
            #expect(try await client.spaceUsage().used == 0)
            fixture.server.tokens.expireAccessTokens()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 { group.addTask { try await client.check() } }
                try await group.waitForAll()
            }
            #expect(fixture.server.log.counters.endpoints.first { $0.key.hasSuffix("oauth2/token") }?.value == 3)
            fixture.server.tokens.revokeAll()
            let revoked = try await refusal { try await client.check() }
            #expect(revoked?.disposition == .signedOut)
        }
    }

    @Test("a path root that is not the account's stops everything")
    func pathRoot() async throws {
        try await SandboxFixture.run(pathRoot: .root("1")) { fixture in
            let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
            #expect(error?.code == .pathRoot)
            #expect(error?.disposition == .sourceGone)
        }
        try await SandboxFixture.run(pathRoot: .root(Account.namespaceID)) { fixture in
            _ = try await fixture.client.changes(since: nil)
        }
    }

    @Test("an entry of the account is looked up by path and by id")
    func metadata() async throws {
        try await SandboxFixture.run { fixture in
            try fixture.account.put("/Ä/b.txt", "x")
            let entry = try await fixture.client.metadata(of: "/ä/B.TXT")
            #expect(entry.pathLower == "/ä/b.txt")
            #expect(try await fixture.client.metadata(of: entry.id) == entry)
            let error = try await refusal { _ = try await fixture.client.metadata(of: "/none") }
            #expect(error?.summary == "path/not_found")
        }
    }

    @Test("the revisions of a file that is gone are told newest first, page by page, and can be downloaded")
    func revisions() async throws {
        try await SandboxFixture.run { fixture in
            let revs = try (0..<250).map { try fixture.account.put("/D/a", "text \($0)").rev }
            try fixture.account.delete("/D/a")
            var found: [Revision] = []
            try await fixture.client.revisions(of: "/d/A") { revision in
                found.append(revision)
                return true
            }
            #expect(found.map(\.content.version.rev.text) == revs.reversed())
            #expect(try await fixture.fetch(found[3].content.version) == Array("text 246".utf8))
            let before = fixture.server.log.records.count
            try await fixture.client.revisions(of: "/d/a") { _ in false }
            #expect(fixture.server.log.records.count == before + 1)
            let nothing = try await refusal { try await fixture.client.revisions(of: "/none") { _ in true } }
            #expect(nothing?.summary == "path/not_found")
            let folder = try await refusal { try await fixture.client.revisions(of: "/d") { _ in true } }
            #expect(folder?.summary == "path/not_file")
        }
    }
}
