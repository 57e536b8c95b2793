import Dropbox
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
        } catch let error as DropboxError where error.code == .pathRoot {
            client = nil  // the team space has another root now: it is looked up again by the next try
            throw error
        }
    }

    nonisolated func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        try await checkedClient().awaitChange(after: cursor, for: limit)
    }

    nonisolated func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await checkedClient().download(version, into: sink)
    }

    /// The client, once it is known that state and sign-in belong to the same account and folder.
    private func checkedClient() async throws -> DropboxClient {
        if let client { return client }
        let own = connection.client(tokens)
        let account = try await own.account()
        let isTeamSpace = config.account.teamSpace
        try await store.bind(
            account: account.accountID, name: "\(account.displayName) <\(account.email)>",
            remoteRoot: (isTeamSpace ? "(team space)" : "") + config.mirror.remoteRoot)
        onAccount(account)
        let checked = isTeamSpace ? connection.client(tokens, pathRoot: .root(account.rootNamespace)) : own
        client = checked
        return checked
    }
}
