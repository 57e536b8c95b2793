import Foundation
import Sandbox
import TestSupport
import Testing

/// Signing in and out.
@Suite(.timeLimit(.minutes(15)))
struct AuthTests {
    private let verifier = String(repeating: "0123456789-_.~abcdef", count: 3)

    /// What the page that `auth` names answers to somebody who allows the access.
    private func code(from page: String) async throws -> String {
        let arguments = ["--silent", "--fail", "--header", "Accept: application/json", page]
        let ending = try await Program("/usr/bin/curl", arguments).ending()
        let answer = try JSONDecoder().decode([String: String].self, from: Data(ending.output.utf8))
        return try #require(answer["code"])
    }

    private func credentials(_ fixture: DaemonFixture) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: fixture.place.folder("state/credentials.json")))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("the page that auth names gives a code, the code a sign-in that lasts, and --revoke ends it")
    func signIn() async throws {
        try await DaemonFixture.run { fixture in
            let file = fixture.place.folder("state/credentials.json")
            try FileManager.default.removeItem(atPath: file)
            let asked = try await fixture.place.run("auth", "--verifier", verifier)
            #expect(asked.code == 77, "no code was entered: \(asked)")
            let code = try await code(from: asked.output.trimmingCharacters(in: .whitespacesAndNewlines))
            let done = try await fixture.place.run("auth", "--code", code, "--verifier", verifier)
            #expect(done.code == 0 && done.output.contains("files.content.read"), "\(done)")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)

            fixture.account.fill(Seed(files: 10))
            try await fixture.sync()
            let first = try #require(try credentials(fixture)["access_token"] as? String)
            fixture.server.tokens.expireAccessTokens()
            try await fixture.sync()
            let second = try credentials(fixture)["access_token"] as? String
            #expect(second != first, "the renewed token is kept")

            let revoked = try await fixture.place.run("auth", "--revoke")
            #expect(revoked.code == 0, "\(revoked)")
            #expect(!FileManager.default.fileExists(atPath: file))
            let sync = try await fixture.place.run("sync")
            #expect(sync.code == 77, "\(sync)")
            #expect(try fixture.differences() == [], "signing out leaves the mirror as it is")
        }
    }

    @Test("a code that is none, and one that was used, end with 77 and leave the old sign-in")
    func wrongCode() async throws {
        try await DaemonFixture.run { fixture in
            let before = try credentials(fixture)["access_token"] as? String
            for code in ["nonsense", "-none"] {
                let ending = try await fixture.place.run("auth", "--code", code, "--verifier", "-" + verifier)
                #expect(ending.code == 77, "\(ending)")
            }
            let after = try credentials(fixture)["access_token"] as? String
            #expect(after == before)
        }
    }

    @Test("a code on standard input is taken as if it were typed")
    func typed() async throws {
        try await DaemonFixture.run { fixture in
            let asked = try await fixture.place.run("auth", "--verifier", verifier)
            let code = try await code(from: asked.output.trimmingCharacters(in: .whitespacesAndNewlines))
            let done = try await fixture.place.run("auth", "--json", "--verifier", verifier, input: " \(code) \n")
            #expect(done.code == 0, "\(done)")
            let json = try #require(done.output.firstIndex(of: "{").map { done.output[$0...] })
            let values = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect(values?["email"] as? String == "ana@example.org", "\(done)")
        }
    }
}
