import Dropbox
import Engine
import Store
import SyncModel

/// The account as the engine sees it: before the first request it is made sure that it is the right one.
///
/// The account is asked who it is once in the life of the process, and only when Dropbox can be reached: a daemon that
/// starts without a network waits for it like at any other time.
actor AccountSource: RemoteSource {
    private let connection: Connection
    private let tokens: TokenSource
    private let config: Config
    private let store: StateStore
    private var client: DropboxClient?
    /// Told once who is signed in.
    private let onAccount: @Sendable (AccountInfo) -> Void

    /// Makes a source; nothing goes over the network yet.
    init(
        connection: Connection, tokens: TokenSource, config: Config, store: StateStore,
        onAccount: @escaping @Sendable (AccountInfo) -> Void
    ) {
        self.connection = connection
        self.tokens = tokens
        self.config = config
        self.store = store
        self.onAccount = onAccount
    }

    func changes(since cursor: Cursor?) async throws -> ChangePage {
        do {
            return try await checkedClient().changes(since: cursor)
        } catch  where disposition(of: error) == .sourceGone {
            client = nil  // should it come back, it is looked at first
            throw error
        }
    }

    nonisolated func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        try await checkedClient().awaitChange(after: cursor, for: limit)
    }

    nonisolated func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await checkedClient().download(version, into: sink)
    }

    nonisolated func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        try await checkedClient().downloadSegment(version, upTo: end, into: sink)
    }

    nonisolated func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try await checkedClient().downloadZip(of: folder, into: sink)
    }

    /// The client, once it is known that state and sign-in belong to the same account and folder.
    private func checkedClient() async throws -> DropboxClient {
        if let client { return client }
        let own = connection.client(tokens)
        let account = try await own.account()
        let isTeamSpace = config.account.teamSpace
        let checked = isTeamSpace ? connection.client(tokens, pathRoot: .root(account.rootNamespace)) : own
        let everything = "ns:" + (isTeamSpace ? account.rootNamespace : account.homeNamespace)
        try await store.bind(
            Origin(
                account: account.accountID, accountName: "\(account.displayName) <\(account.email)>",
                folder: config.mirror.remoteRoot, folderID: try await folderID(checked) ?? everything))
        onAccount(account)
        client = checked
        return checked
    }

    /// The id of the mirrored folder; `nil` for everything.
    private func folderID(_ client: DropboxClient) async throws -> String? {
        let folder = config.mirror.remoteRoot
        if folder.isEmpty { return nil }
        do {
            let entry = try await client.metadata(of: folder)
            if case .folder = entry.node { return entry.id }
            throw EngineError(.sourceGone, "mirror.remote_root \"\(folder)\" is a file in Dropbox, not a folder")
        } catch let error as DropboxError where error.summary?.hasPrefix("path/not_found") == true {
            throw EngineError(
                .sourceGone,
                "the Dropbox folder \"\(folder)\" is not there: it was renamed, moved or deleted; nothing is removed "
                    + "from the mirror; set mirror.remote_root to its new path, or put it back")
        }
    }
}
