import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel
import TextFormatting
import Uploading

extension Connection {
    /// A client for commands that name paths of the account themselves, not below the mirrored folder.
    func wholeAccount(_ config: Config) async throws -> DropboxClient {
        let tokens = try tokens()
        let own = client(tokens)
        switch config.account.space {
        case .own: return own
        case .namespace(let id): return client(tokens, pathRoot: .namespace(id))
        case .team: return client(tokens, pathRoot: .root(try await own.account().rootNamespace))
        }
    }

    /// Uploads for commands; where they stand is kept across processes.
    func uploads(_ client: DropboxClient, config: Config, logger: Logger) -> FileUpload {
        FileUpload(
            client: client, journal: SessionJournal(directory: Self.journalDirectory(config)), server: endpoints.api,
            meter: UploadMeter(), logger: logger)
    }

    /// In the state directory; for a user who may not write there, where users keep such things (XDG base directories).
    private static func journalDirectory(_ config: Config) -> String {
        if access(config.state.directory, W_OK | X_OK) == 0 { return config.state.directory + "/uploads" }
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        let state = variable("XDG_STATE_HOME") ?? (variable("HOME") ?? "/tmp") + "/.local/state"
        return state + "/dbxsync/uploads"
    }
}

/// A path of the account as the command line gives it.
enum RemotePath {
    /// `a/b` is taken for `/a/b`; an `id:` or `rev:` stays what it is; slashes at the end are dropped.
    static func absolute(_ text: String) -> String {
        if text.hasPrefix("id:") || text.hasPrefix("rev:") { return text }
        var path = text.hasPrefix("/") ? text : "/" + text
        while path.hasSuffix("/") { path.removeLast() }
        return path
    }

    /// The last component of a local or remote path.
    static func name(of path: String) -> String { path.pathComponents.last ?? "" }
}

extension DropboxError {
    /// The error for people who have named `path`: one line that says what, and what to do.
    func failure(about path: String) -> any Error {
        let place = escapingControls(path)
        if uploadRefusal != nil {
            return Failure(.incomplete, "\(place): \(reason)\(hint.map { "; \($0)" } ?? "")")
        }
        guard code == .refused else { return self }
        switch summary {
        case "path/not_found": return Failure(.incomplete, "\(place): no such file or folder in the account")
        case "path/restricted_content":
            return Failure(.incomplete, "\(place): Dropbox does not give it out (restricted content)")
        default: return Failure(.incomplete, "\(place): \(reason)\(hint.map { "; \($0)" } ?? "")")
        }
    }
}

/// Draws progress while `work` runs, if somebody looks.
func showing<Value: Sendable>(
    _ line: ProgressLine, now: @escaping @Sendable () -> Progress, work: () async throws -> Value
) async throws -> Value {
    guard line.isVisible else { return try await work() }
    defer { line.finish() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while !Task.isCancelled {
                line.update(now())
                try? await Task.sleep(for: .milliseconds(250))  // cancelled: the loop ends
            }
        }
        defer { group.cancelAll() }
        return try await work()
    }
}
