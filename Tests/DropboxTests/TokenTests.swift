@testable import Dropbox
import Foundation
import SyncModel
import Synchronization
import Testing
import Transport

/// Access tokens: renewed ahead of their end and when refused, once for everybody.
@Suite(.timeLimit(.minutes(5)))
struct TokenTests {
    /// A server that accepts one access token and renews by one refresh token.
    private final class Server: Sendable {
        struct State {
            var access = "T1"
            var refresh = "R1"
            var renewals: [String] = []
            var revoked = false
        }
        let state = Mutex(State())

        func reply(_ request: HTTPRequest) throws -> ScriptedTransport.Reply {
            try state.withLock { state in
                if request.url.hasSuffix("/oauth2/token") {
                    let form = String(decoding: try request.body.collected(), as: UTF8.self)
                    state.renewals.append(form)
                    guard !state.revoked, form.contains("refresh_token=\(state.refresh)&") else {
                        return .answer(400, #"{"error":"invalid_grant","error_description":"revoked"}"#)
                    }
                    state.access = "T\(state.renewals.count + 1)"
                    return .answer(
                        200, #"{"access_token":"\#(state.access)","expires_in":14400,"token_type":"bearer"}"#)
                }
                if request.header("Authorization") == "Bearer \(state.access)" { return .answer(200, emptyPage) }
                return .answer(401, #"{"error":{".tag":"expired_access_token"}}"#)
            }
        }
    }

    private func fixture(
        _ server: Server, _ credentials: Credentials, file: CredentialsFile? = nil,
        now: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: 1000) }
    ) -> MirrorFixture {
        let transport = ScriptedTransport { request, _ in
            await Task.yield()
            return try server.reply(request)
        }
        let oauth = OAuthFlow(
            transport: transport, endpoints: Endpoints(base: "https://server"), appKey: "app key",
            settings: CallSettings(attempts: 3), clock: SteppingClock(), jitter: { 0 })
        return MirrorFixture(
            transport, tokens: TokenSource(credentials: credentials, file: file, oauth: oauth, now: now))
    }

    @Test("a refused token is renewed once for any number of concurrent calls")
    func once() async throws {
        let server = Server()
        let fixture = fixture(server, Credentials(refreshToken: "R1", accessToken: "old"))
        let client = fixture.client
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await client.changes(since: Cursor("C")) } }
            try await group.waitForAll()
        }
        #expect(
            server.state.withLock { $0.renewals } == ["grant_type=refresh_token&refresh_token=R1&client_id=app%20key"])
        #expect(fixture.transport.calls.filter { $0 == "token" }.count == 1)
    }

    @Test("a token near its end is renewed before it is used; one that holds is not")
    func ahead() async throws {
        for (left, renewals) in [(301, 0), (300, 1), (-5, 1)] {
            let server = Server()
            let fixture = fixture(
                server,
                Credentials(
                    appKey: "k", refreshToken: "R1", accessToken: "T1",
                    expiresAt: Timestamp(seconds: Int64(1000 + left))))
            _ = try await fixture.client.changes(since: Cursor("C"))
            #expect(fixture.transport.calls.filter { $0 == "token" }.count == renewals, "\(left) s left")
            #expect(fixture.transport.calls.last == "continue")
        }
    }

    @Test("a renewed token that is refused too ends the call; so does a sign-in without a refresh token")
    func refusedTwice() async throws {
        for refreshToken in ["R1", nil] {
            let server = Server()
            let fixture = fixture(server, Credentials(refreshToken: refreshToken, accessToken: "old"))
            server.state.withLock { $0.access = "never" }
            let transport = fixture.transport
            let error = try await refusal {
                _ = try await MirrorFixture(
                    ScriptedTransport { request, number in
                        let reply = try await transport.send(request)
                        if request.url.hasSuffix("continue") {
                            return .answer(401, #"{"error":{".tag":"invalid_access_token"}}"#)
                        }
                        return .answer(reply.status, String(decoding: reply.body, as: UTF8.self))
                    }, tokens: fixture.client.runner.tokens
                ).client.changes(since: Cursor("C"))
            }
            #expect(error?.code == .signIn)
            #expect(error?.disposition == .signedOut)
            #expect(error?.hint == "sign in again with: dbxsync auth")
        }
    }

    @Test("a revoked sign-in is told at once, and not tried again")
    func revoked() async throws {
        let server = Server()
        server.state.withLock { $0.revoked = true }
        let fixture = fixture(server, Credentials(refreshToken: "R1"))
        let error = try await refusal { _ = try await fixture.client.changes(since: Cursor("C")) }
        #expect(error?.code == .signIn)
        #expect(error?.disposition == .signedOut)
        #expect(error?.reason == "the sign-in was refused: invalid_grant")
        #expect(fixture.transport.calls == ["token"])
    }

    @Test("a renewal that cannot reach the server is tried again there, and only there")
    func unreachable() async throws {
        let transport = ScriptedTransport(.failure(.connect))
        let oauth = OAuthFlow(
            transport: transport, appKey: "k", settings: CallSettings(attempts: 3), clock: SteppingClock(),
            jitter: { 0 })
        let fixture = MirrorFixture(
            transport, tokens: TokenSource(credentials: Credentials(refreshToken: "R"), oauth: oauth),
            settings: CallSettings(attempts: 4))
        let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
        #expect(error?.endpoint == "oauth2/token")
        #expect(error?.disposition == .unreachable)
        #expect(transport.requests.count == 3)
    }

    @Test("a renewal is kept in the file; one refused looks there for a newer sign-in")
    func file() async throws {
        let folder = try TemporaryFiles()
        let file = CredentialsFile(path: folder.path("credentials.json"))
        try file.write(Credentials(appKey: "k", refreshToken: "R1", accessToken: "old", accountID: "dbid:1"))
        let server = Server()
        let first = try fixture(server, file.read(), file: file)
        _ = try await first.client.changes(since: Cursor("C"))
        #expect(
            try file.read()
                == Credentials(
                    appKey: "k", refreshToken: "R1", accessToken: "T2", expiresAt: Timestamp(seconds: 15_400),
                    accountID: "dbid:1"))
        try file.write(Credentials(appKey: "k2", refreshToken: "R2", accountID: "dbid:1"))
        server.state.withLock {
            $0.refresh = "R2"
            $0.access = "gone"
        }
        _ = try await first.client.changes(since: Cursor("C"))
        #expect(try file.read().refreshToken == "R2")
        #expect(
            server.state.withLock { $0.renewals.last } == "grant_type=refresh_token&refresh_token=R2&client_id=k2")
    }

    @Test("a lifetime that no clock can hold harms nothing", arguments: [Int64.max, Int64.min, 0])
    func lifetime(_ seconds: Int64) async throws {
        let transport = ScriptedTransport { request, _ in
            request.url.hasSuffix("/oauth2/token")
                ? .answer(200, #"{"access_token":"T","expires_in":\#(seconds)}"#) : .answer(200, emptyPage)
        }
        let oauth = OAuthFlow(transport: transport, appKey: "k", clock: SteppingClock())
        let fixture = MirrorFixture(
            transport, tokens: TokenSource(credentials: Credentials(refreshToken: "R"), oauth: oauth))
        _ = try await fixture.client.changes(since: nil)
        #expect(fixture.transport.calls == ["token", "list_folder"])
    }
}

/// A folder that is removed with this object.
final class TemporaryFiles {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dbxsync-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Everything in it.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
}
