import Foundation
import TestSupport
import Testing

/// What dbxsync refuses before anything goes over the network: exit code, what is said, and that nothing was touched.
@Suite(.timeLimit(.minutes(15)))
struct RefusalTests {
    @Test("a wrong configuration names every problem with line and key, and ends with 78")
    func configuration() async throws {
        let place = try Installation()
        try place.folder.write(
            """
            [account]
            app_key = 7
            [mirror]
            directory = "relative"
            exclude = ["*.tmp", "[a"]
            [schedule]
            interval = "5 parsecs"
            [transfer]
            paralel = 4
            """, to: "dbxsync.conf")
        for command in ["run", "sync", "status", "auth", "check-config"] {
            let ending = try await place.run(command)
            #expect(ending.code == 78, "\(command): \(ending)")
            for problem in [
                "2:11: account.app_key", "4:13: mirror.directory", "5:21: mirror.exclude", "7:12: schedule.interval",
                "9:1: transfer.paralel",
            ] {
                #expect(ending.errors.contains("\(place.configuration):\(problem)"), "\(command): \(ending)")
            }
        }
    }

    @Test(
        "a configuration that is not there, empty or not TOML ends with 78", arguments: [nil, "", "[account\n", "\0"])
    func noConfiguration(text: String?) async throws {
        let place = try Installation()
        try FileManager.default.removeItem(atPath: place.configuration)
        if let text { try place.folder.write(text, to: "dbxsync.conf") }
        let ending = try await place.run("run")
        #expect(ending.code == 78, "\(ending)")
        #expect(ending.errors.contains(place.configuration), "\(ending)")
    }

    @Test("without a sign-in it ends with 77 and says how to sign in", arguments: ["run", "sync"])
    func signedOut(command: String) async throws {
        let place = try Installation()
        let ending = try await place.run(command)
        #expect(ending.code == 77, "\(ending)")
        #expect(ending.errors.contains("dbxsync auth"), "\(ending)")
    }

    @Test("a sign-in that others can read, or that is none, ends with 77")
    func badSignIn() async throws {
        let place = try Installation()
        try place.signIn(accessToken: "secret-token")
        let file = place.folder("state/credentials.json")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let readable = try await place.run("sync")
        #expect(readable.code == 77 && readable.errors.contains("chmod 600"), "\(readable)")
        try "{\"access_token\": \"secret-token\"".write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        let damaged = try await place.run("sync")
        #expect(damaged.code == 77 && damaged.errors.contains(file), "\(damaged)")
        #expect(!(readable.errors + damaged.errors).contains("secret-token"))
    }

    @Test(
        "a wrong command line ends with 64",
        arguments: [["nonsense"], ["run", "--nonsense"], ["auth", "--code", "c"]])
    func usage(arguments: [String]) async throws {
        let ending = try await Program("dbxsync", arguments).ending()
        #expect(ending.code == 64, "\(ending)")
    }

    @Test("--help of every command ends with 0", arguments: ["run", "sync", "status", "auth", "check-config"])
    func help(command: String) async throws {
        let ending = try await Program("dbxsync", [command, "--help"]).ending()
        #expect(ending.code == 0 && ending.output.contains("--config"), "\(ending)")
    }

    @Test("check-config prints the effective values, as text and as JSON")
    func checkConfig() async throws {
        let place = try Installation()
        let text = try await place.run("check-config")
        #expect(text.code == 0 && text.output.contains("interval = \"1h\"") && text.errors.isEmpty, "\(text)")
        let json = try await place.run("check-config", "--json")
        let values = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: [String: Any]])
        #expect(values["mirror"]?["directory"] as? String == place.mirror)
        #expect(values["transfer"]?["parallel"] as? Int == 16)
    }

    @Test("a mirror directory that is not there, or is a file, ends with 73")
    func noMirror() async throws {
        let place = try Installation()
        try place.signIn(accessToken: "token")
        try FileManager.default.removeItem(atPath: place.mirror)
        let missing = try await place.run("sync")
        #expect(missing.code == 73 && missing.errors.contains(place.mirror), "\(missing)")
        try place.folder.write("a file", to: "mirror")
        let file = try await place.run("sync")
        #expect(file.code == 73 && file.errors.contains(place.mirror), "\(file)")
    }

    @Test("status before the first run says so and ends with 1")
    func statusOfNothing() async throws {
        let place = try Installation()
        let ending = try await place.run("status")
        #expect(ending.code == 1 && ending.output.contains("no pass"), "\(ending)")
        #expect(!FileManager.default.fileExists(atPath: place.stateFile))
    }

    @Test("Dropbox out of reach: sync ends with 69")
    func unreachable() async throws {
        let place = try Installation()
        try place.signIn(accessToken: "token")
        let ending = try await place.run("sync")
        #expect(ending.code == 69 && ending.errors.contains("127.0.0.1"), "\(ending)")
    }
}
