import Foundation
import SyncModel
import Testing
import Transport

@testable import Dropbox

/// Signing in and out, and the file that holds the sign-in.
@Suite(.timeLimit(.minutes(5)))
struct SignInTests {
    private func flow(_ transport: ScriptedTransport, secret: String? = nil) -> OAuthFlow {
        OAuthFlow(
            transport: transport, endpoints: Endpoints(base: "https://server/"), appKey: "key&1", appSecret: secret,
            settings: CallSettings(attempts: 2), clock: SteppingClock())
    }

    @Test("PKCE: the challenge of RFC 7636, appendix B, and what counts as a verifier")
    func pkce() throws {
        let known = try #require(PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        #expect(known.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        let made = PKCE()
        #expect(PKCE(verifier: made.verifier) == made)
        #expect(made.verifier != PKCE().verifier)
        #expect(made.challenge.utf8.count == 43)
        let a = { String(repeating: "a", count: $0) }
        for verifier in [a(42), a(129), a(43) + "+", a(43) + "é", ""] { #expect(PKCE(verifier: verifier) == nil) }
        #expect(PKCE(verifier: a(43)) != nil)
        #expect(PKCE(verifier: a(128)) != nil)
    }

    @Test("the page asks for the scopes of reading, offline")
    func page() throws {
        let pkce = try #require(PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        #expect(
            flow(ScriptedTransport(.answer(500))).authorizeURL(pkce)
                == "https://server/oauth2/authorize?client_id=key%261&response_type=code&token_access_type=offline"
                + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
                + "&scope=account_info.read%20files.metadata.read%20files.content.read")
    }

    @Test("a code becomes a grant, whatever the answer's content type is")
    func exchange() async throws {
        let pkce = try #require(PKCE(verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        let body = #"""
            {"access_token":"sl.u","expires_in":14400,"token_type":"bearer","scope":"a b","refresh_token":"R",
            "account_id":"dbid:1","uid":"5"}
            """#
        for (secret, extra) in [(nil, ""), ("s=1", "&client_secret=s%3D1")] {
            let transport = ScriptedTransport(.answer(200, body, headers: ["Content-Type": "text/javascript"]))
            let grant = try await flow(transport, secret: secret).exchange(code: "c+d/é", pkce)
            #expect(
                grant
                    == Grant(
                        accessToken: "sl.u", expiresIn: 14400, refreshToken: "R", scope: "a b", accountID: "dbid:1"))
            let request = try #require(transport.requests.first)
            #expect(request.url == "https://server/oauth2/token")
            #expect(request.header("Content-Type") == "application/x-www-form-urlencoded")
            #expect(request.header("Authorization") == nil)
            #expect(
                try bodies([request]) == [
                    "grant_type=authorization_code&code=c%2Bd%2F%C3%A9"
                        + "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=key%261\(extra)"
                ])
            let credentials = Credentials(appKey: "key&1", grant: grant, now: Timestamp(seconds: 100))
            #expect(credentials.expiresAt == Timestamp(seconds: 14500))
            #expect(credentials.refreshToken == "R")
        }
    }

    @Test("a refused code says what to do")
    func refused() async throws {
        let pkce = PKCE()
        let table: [(body: String, reason: String, hint: String)] = [
            (#"{"error":"invalid_grant","error_description":"x"}"#, "invalid_grant", "dbxsync auth"),
            (#"{"error":"invalid_client: Invalid client_id or client_secret"}"#, "invalid_client", "account.app_key"),
            ("oops", "no reason given", "dbxsync auth"),
        ]
        for (body, reason, hint) in table {
            let transport = ScriptedTransport(.answer(400, body))
            let error = try await refusal { _ = try await flow(transport).exchange(code: "SECRET", pkce) }
            #expect(error?.code == .signIn)
            #expect(error?.disposition == .signedOut)
            #expect(error?.reason == "the sign-in was refused: \(reason)")
            #expect(error?.hint?.contains(hint) == true)
            #expect(error.map { "\($0)".contains("SECRET") } == false)
            #expect(transport.requests.count == 1)
        }
    }

    @Test("signing out revokes with the token")
    func revoke() async throws {
        let transport = ScriptedTransport(.answer(503), .answer(200, "null"))
        try await flow(transport).revoke(accessToken: "T")
        #expect(transport.requests.count == 2)
        let request = try #require(transport.requests.last)
        #expect(request.url == "https://server/2/auth/token/revoke")
        #expect(request.header("Authorization") == "Bearer T")
        #expect(try bodies([request]) == ["null"])
    }

    @Test("neither credentials nor a grant show a secret, however they are printed")
    func printing() {
        let grant = Grant(
            accessToken: "SECRET1", expiresIn: 1, refreshToken: "SECRET2", scope: "s", accountID: "dbid:1")
        let credentials = Credentials(appKey: "k", grant: grant, now: Timestamp(seconds: 0))
        var dumped = ""
        dump(credentials, to: &dumped)
        dump(grant, to: &dumped)
        let texts = [
            "\(credentials)", String(reflecting: credentials), "\(grant)", String(reflecting: grant), dumped,
            "\([credentials])", "\(Optional(grant) as Any)",
        ]
        for text in texts { #expect(!text.contains("SECRET"), "\(text)") }
    }

    @Test("the file: written whole with mode 0600, replaced without a trace, removed twice without a complaint")
    func file() throws {
        let folder = try TemporaryFiles()
        let file = CredentialsFile(path: folder.path("c.json"))
        let old = Credentials(appKey: "k", refreshToken: "R/1", expiresAt: Timestamp(seconds: 1_709_285_400))
        try file.write(old)
        #expect(try file.read() == old)
        #expect(
            try String(contentsOfFile: file.path, encoding: .utf8)
                == """
                {
                  "app_key" : "k",
                  "expires_at" : "2024-03-01T09:30:00Z",
                  "refresh_token" : "R/1"
                }

                """)
        let new = Credentials(
            appKey: "k", refreshToken: "R2", accessToken: "T", scope: "a b", accountID: "dbid:ü")
        try file.write(new)
        #expect(try file.read() == new)
        #expect(try folder.names() == ["c.json"])
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try file.remove()
        try file.remove()
        #expect(try folder.names() == [])
        let nowhere = CredentialsFile(path: folder.path("absent/c.json"))
        #expect(throws: DropboxError.self) { try nowhere.write(old) }
    }

    @Test("a file that cannot be used says why and what to run")
    func unusable() throws {
        let folder = try TemporaryFiles()
        let path = folder.path("it's.json")
        let good = #"{"refresh_token":"SECRET"}"#
        let table: [(text: String?, mode: Int, reason: String, hint: String?)] = [
            (nil, 0, "cannot be opened: No such file or directory", "sign in with: dbxsync auth"),
            (good, 0o640, "can be read by other users", "run: chmod 600 '\(folder.path("it'\\''s.json"))'"),
            (good, 0o604, "can be read by other users", "run: chmod 600 '\(folder.path("it'\\''s.json"))'"),
            ("{}", 0o600, "holds no token", "sign in again with: dbxsync auth"),
            ("SECRET", 0o600, "is not the JSON that dbxsync writes", "sign in again with: dbxsync auth"),
            (
                #"{"refresh_token":"SECRET","expires_at":"soon"}"#, 0o600, "is not the JSON that dbxsync writes",
                "sign in again with: dbxsync auth"
            ),
            (String(repeating: " ", count: 2 << 20), 0o600, "is larger than 1 MiB", nil),
        ]
        for (text, mode, reason, hint) in table {
            if let text {
                try text.write(toFile: path, atomically: false, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
            let error = #expect(throws: DropboxError.self) { _ = try CredentialsFile(path: path).read() }
            #expect(error?.code == .credentials)
            #expect(error?.disposition == .signedOut)
            #expect(error?.reason == "the file \(path) \(reason)")
            #expect(error?.hint == hint)
        }
        mkfifo(folder.path("pipe"), 0o600)
        let pipe = #expect(throws: DropboxError.self) { _ = try CredentialsFile(path: folder.path("pipe")).read() }
        #expect(pipe?.reason == "the file \(folder.path("pipe")) is not a regular file")
    }

    @Test("a credential of the service manager is read whatever its mode is, and never written")
    func readOnly() throws {
        let folder = try TemporaryFiles()
        let path = folder.path("dbxsync-credentials")
        try #"{"access_token":"T","unknown":1}"#.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        let file = CredentialsFile(path: path, isReadOnly: true)
        #expect(try file.read() == Credentials(accessToken: "T"))
        try file.write(Credentials(accessToken: "U"))
        #expect(try file.read() == Credentials(accessToken: "T"))
    }
}
