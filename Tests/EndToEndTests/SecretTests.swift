import Foundation
import NetworkSupport
import Sandbox
import Store
import SyncModel
import TestSupport
import Testing

/// No secret is ever printed: every command and the daemon, at debug level, through a proxy, with sign-ins that fail.
@Suite(.timeLimit(.minutes(5)))
struct SecretTests {
    private static let password = "pa55word-of-the-proxy"

    @Test("tokens, app secret, proxy password, code and cursor stand in nothing that is printed, sent or listed")
    func everywhere() async throws {
        let proxy = try ProxyServer(.http, user: "me", password: Self.password)
        try await DaemonFixture.run(try tables(proxy)) { fixture in
            var secrets = [fixture.server.tokens.appSecret, Self.password]
            var printed: [String] = []
            func run(_ arguments: String..., input: String = "") async throws -> Program.Ending {
                let program = try Program(
                    "dbxsync", arguments + ["--config", fixture.place.configuration], input: input)
                let line = commandLine(of: program.pid)
                let ending = try await program.ending()
                printed += [line, ending.output, ending.errors]
                return ending
            }

            // A sign-in, whose code is typed.
            let verifier = String(repeating: "0123456789-_.~abcdef", count: 3)
            let asked = try await run("auth", "--verifier", verifier)
            let code = try await code(from: asked.output.trimmingCharacters(in: .whitespacesAndNewlines))
            secrets.append(code)
            for (fault, expected) in [(Fault(Self.broken, endpoint: "oauth2/token", times: nil), 69), (nil, 0)] {
                if let fault { fixture.server.faults.add(fault) }
                let ending = try await run("auth", "--verifier", verifier, input: code + "\n")
                #expect(ending.code == Int32(expected), "\(ending)")
                fixture.server.faults.clear()
            }
            secrets += try tokens(of: fixture)

            // Passes whose calls fail in ways that have to do with signing in.
            fixture.account.fill(Seed(files: 12))
            for effect in Self.troubles {
                fixture.server.faults.add(Fault(effect, endpoint: "files/*", times: 1))
                _ = try await run("sync")
                fixture.server.faults.clear()
                try fixture.account.put("/changed.txt", "\(effect)")
            }
            fixture.server.tokens.expireAccessTokens()
            fixture.server.faults.add(
                Fault(.error(400, tags: ["x"], retryAfter: nil), endpoint: "oauth2/token", times: 1))
            _ = try await run("sync")
            _ = try await run("sync", "--json")
            secrets += try tokens(of: fixture)

            // The daemon.
            let socket = try NotifySocket()
            fixture.server.faults.add(Fault(Self.broken, endpoint: "files/*", times: 2))
            let daemon = try fixture.place.start("run", environment: ["NOTIFY_SOCKET": socket.path])
            try await fixture.equality(from: daemon)
            try fixture.account.put("/changed.txt", "again")
            try await fixture.equality(from: daemon)
            printed.append(commandLine(of: daemon.pid))
            for command in ["status", "check-config"] {
                _ = try await run(command)
                _ = try await run(command, "--json")
            }
            daemon.send(SIGTERM)
            let ending = try await daemon.ending()
            printed += [ending.output, ending.errors] + socket.assignments
            _ = try await run("verify", "--json")
            secrets += try tokens(of: fixture)
            secrets.append(try await cursor(of: fixture))
            _ = try await run("auth", "--revoke")
            printed += proxy.targets

            let text = printed.joined(separator: "\n")
            for secret in Set(secrets) {
                #expect(secret.count > 8)
                let around = text.range(of: secret).map { text[..<$0.lowerBound].suffix(300) }
                #expect(around == nil, "a secret stands behind: \(around ?? "")")
            }
            #expect(Set(secrets).count >= 7, "two access tokens at least, and one of all others")
            for sign in [
                "http://127.0.0.1", "oauth2/token: the server failed", "files/list_folder", "--config", "STATUS=",
            ] {
                #expect(text.contains(sign), "\(sign): what was looked through was too little")
            }
        }
    }

    private static let broken = Fault.Effect.status(500, body: "oops", type: "text/plain", retryAfter: nil)

    private static let troubles: [Fault.Effect] = [
        .error(401, tags: ["expired_access_token"], retryAfter: nil),
        .error(401, tags: ["invalid_access_token"], retryAfter: nil),
        .error(403, tags: ["other"], retryAfter: nil), .error(409, tags: ["reset"], retryAfter: nil),
        .status(
            400, body: "Error in call: the given OAuth 2 access token is malformed", type: "text/plain", retryAfter: nil
        ),
        .html, .malformed, .invalidText, broken, .dropBefore(isReset: true),
    ]

    private func tables(_ proxy: ProxyServer) throws -> [String: String] {
        [
            "account": """
            app_secret = "\(Tokens().appSecret)"
            proxy = "http://me:\(Self.password)@127.0.0.1:\(proxy.port)"
            """, "log": "level = \"debug\"",
        ]
    }

    private func code(from page: String) async throws -> String {
        let arguments = ["--silent", "--fail", "--noproxy", "*", "--header", "Accept: application/json", page]
        let ending = try await Program("/usr/bin/curl", arguments).ending()
        let answer = try JSONDecoder().decode([String: String].self, from: Data(ending.output.utf8))
        return try #require(answer["code"])
    }

    /// The tokens that the credentials file holds now.
    private func tokens(of fixture: DaemonFixture) throws -> [String] {
        let data = try Data(contentsOf: URL(filePath: fixture.place.folder("state/credentials.json")))
        let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return ["access_token", "refresh_token"].compactMap { json[$0] as? String }
    }

    private func cursor(of fixture: DaemonFixture) async throws -> String {
        let store = try StateStore.openReadOnly(at: fixture.place.stateFile)
        return try #require(try await store.progress().cursor).text
    }

    private func commandLine(of pid: Int32) -> String {
        let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        return String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
    }
}
