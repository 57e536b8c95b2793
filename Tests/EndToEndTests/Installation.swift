import Foundation
import Glibc
import Sandbox
import TestSupport

/// A configuration with its mirror and state directory, in a folder of its own.
final class Installation {
    let folder: TemporaryFolder

    /// Makes the directories and writes a configuration that asks `endpoint`; `more` is TOML by table.
    init(endpoint: String = "http://127.0.0.1:1", _ more: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        _ = try folder.folder("mirror")
        _ = try folder.folder("state")
        try configure(endpoint: endpoint, more)
    }

    /// Writes the configuration anew.
    ///
    /// The interval is an hour: what arrives sooner arrives by longpoll.
    func configure(endpoint: String, _ more: [String: String] = [:]) throws {
        let tables = [
            "account": """
            app_key = "sandboxappkey00"
            endpoint = "\(endpoint)"
            credentials = "\(folder("state/credentials.json"))"
            """,
            "mirror": "directory = \"\(folder("mirror"))\"\nmin_free_space = \"0\"",
            "state": "directory = \"\(folder("state"))\"",
            "schedule": "interval = \"1h\"",
        ]
        let text = tables.merging(more) { $0 + "\n" + $1 }.map { "[\($0)]\n\($1)\n" }.sorted().joined(separator: "\n")
        try folder.write(text, to: "dbxsync.conf")
        chmod(configuration, 0o600)  // it may hold secrets
    }

    var configuration: String { folder("dbxsync.conf") }
    var mirror: String { folder("mirror") }
    var stateFile: String { folder("state/state.db") }

    /// Starts `dbxsync` with this configuration.
    func start(_ arguments: String..., environment: [String: String] = [:], input: String = "") throws -> Program {
        let all = arguments + ["--config", configuration]
        return try Program("dbxsync", all, environment: environment, input: input)
    }

    /// Runs `dbxsync` with this configuration to its end.
    func run(_ arguments: String..., input: String = "") async throws -> Program.Ending {
        try await Program("dbxsync", arguments + ["--config", configuration], input: input).ending()
    }

    /// Keeps a sign-in, as if somebody had signed in.
    func signIn(accessToken: String) throws {
        try keep(credentials: "{\"access_token\": \"\(accessToken)\"}")
    }

    /// Keeps a sign-in that can be renewed.
    func signIn(_ tokens: Tokens.Pair, appKey: String) throws {
        let refresh = tokens.refresh ?? ""
        try keep(
            credentials: """
                {"access_token": "\(tokens.access)", "refresh_token": "\(refresh)", "app_key": "\(appKey)"}
                """)
    }

    private func keep(credentials: String) throws {
        try folder.write(credentials, to: "state/credentials.json")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder("state/credentials.json"))
    }
}
