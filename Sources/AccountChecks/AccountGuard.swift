public import Dropbox
public import Store
public import SyncModel

/// The account as the engine sees it: nothing of it is believed before it is sure that it is the right one.
///
/// The account is asked who it is once in the life of the process, and only when Dropbox can be reached: a daemon that
/// starts without a network waits for it like at any other time. The mirrored folder is known by its id, but listed by
/// its path, where another one may stand at any time: it is looked at again after all changes, before they count as
/// complete.
public actor AccountGuard: RemoteSource {
    private let clients: AccountClients
    /// The mirrored folder: "" for everything.
    private let remoteRoot: String
    /// The part of the account that it lies in.
    private let space: AccountSpace
    private let store: StateStore
    private var client: DropboxClient?
    /// What that client reads.
    private var origin: Origin?
    /// Whether there were changes since the folder was looked at.
    private var isInDoubt = true
    /// Whether the mirrored folder has another path than at the last start, so that the cursor is for the old one.
    private var isElsewhere = false
    /// Makes sure that the mirror is that of an account and folder.
    private let claim: @Sendable (Origin) async throws -> Void
    /// Told once who is signed in.
    private let onAccount: @Sendable (AccountInfo) -> Void

    /// Creates a source; nothing goes over the network yet.
    ///
    /// - Parameters:
    ///   - clients: how it gets its clients.
    ///   - remoteRoot: the mirrored folder, "" for everything.
    ///   - space: the part of the account that it lies in.
    ///   - store: the state, which knows what it is about.
    ///   - claim: makes sure that the mirror is that of an account and folder; an error keeps all of it from being believed.
    ///   - onAccount: told once who is signed in.
    public init(
        clients: AccountClients, remoteRoot: String, space: AccountSpace = .own, store: StateStore,
        claim: @escaping @Sendable (Origin) async throws -> Void = { _ in },
        onAccount: @escaping @Sendable (AccountInfo) -> Void
    ) {
        self.clients = clients
        self.remoteRoot = remoteRoot
        self.space = space
        self.store = store
        self.claim = claim
        self.onAccount = onAccount
    }

    /// One page of changes.
    ///
    /// - Throws: what the client throws, and before anything is believed: `StoreError` or what `claim` throws if account or
    ///   folder are not those of the state or the mirror, `AccountError` if there is no such folder.
    public func changes(since cursor: Cursor?) async throws -> ChangePage {
        try await checkingFolder {
            let client = try await checkedClient()
            if cursor != nil { try refuseOldCursor() }
            var page = try await client.changes(since: cursor)
            isInDoubt = isInDoubt || cursor == nil || !page.changes.isEmpty
            if page.rootChange != nil || (isInDoubt && !page.hasMore) { try await checkFolder() }
            try Self.resolve(&page.rootChange)
            return page
        }
    }

    /// Forgets the client when the mirrored folder is gone, so that the folder is looked at before anything else.
    private func checkingFolder<Page: Sendable>(_ ask: () async throws -> Page) async throws -> Page {
        do {
            return try await ask()
        } catch  where disposition(of: error) == .sourceGone {
            client = nil  // should it come back, it is looked at first
            // Of the listing's refusal nobody learns whether the folder is gone or another one.
            if let refusal = error as? DropboxError, refusal.code == .refused { _ = try await checkedClient() }
            throw error
        }
    }

    private func refuseOldCursor() throws {
        guard isElsewhere else { return }
        isElsewhere = false
        throw AccountError(.cursorReset, "mirror.remote_root is the new path of the folder that is mirrored")
    }

    /// Has a folder that was away listed anew: what stood in it may be gone by this page, and there by the next.
    private static func resolve(_ change: inout RootChange?) throws {
        if change == .gone { throw AccountError(.cursorReset, "the mirrored folder was away and is back") }
        change = nil
    }

    /// A cursor for what changes from now on; the mirrored folder is checked at the end of these changes.
    ///
    /// - Throws: as `changes(since:)`.
    public func latestCursor() async throws -> Cursor? {
        let client = try await checkedClient()
        isElsewhere = false
        isInDoubt = true
        return try await client.latestCursor()
    }

    /// The next page of a part of a listing.
    ///
    /// - Throws: as `changes(since:)`.
    public func list(_ part: ListingPart) async throws -> ChangePage? {
        try await checkingFolder {
            let client = try await checkedClient()
            try refuseOldCursor()
            isInDoubt = true
            guard var page = try await client.list(part) else { return nil }
            if page.rootChange != nil { try await checkFolder() }
            try Self.resolve(&page.rootChange)
            return page
        }
    }

    /// Waits for a change.
    public nonisolated func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        try await checkedClient().awaitChange(after: cursor, for: limit)
    }

    /// Downloads a version.
    public nonisolated func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await checkedClient().download(version, into: sink)
    }

    /// Exports an online document.
    public nonisolated func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        try await checkedClient().export(file, into: sink)
    }

    /// The revision at a key.
    public nonisolated func revision(at key: RemoteKey) async throws -> Rev? {
        try await checkedClient().revision(at: key)
    }

    /// Downloads a part of a version.
    public nonisolated func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink)
        async throws
    {
        try await checkedClient().downloadSegment(version, upTo: end, into: sink)
    }

    /// Downloads a folder.
    public nonisolated func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try await checkedClient().downloadZip(of: folder, into: sink)
    }

    /// A client for the whole account, once it is known that state and sign-in belong to the same one.
    ///
    /// The mirrored folder may be gone meanwhile: that is no reason not to upload.
    ///
    /// - Throws: what the client throws, and `StoreError` if the account is not that of the state.
    public func outboxClient() async throws -> DropboxClient {
        let own = clients.outbox(nil)
        let account = try await own.account()
        if let owner = try await store.progress().origin {
            var present = owner
            present.account = account.accountID
            present.accountName = "\(account.displayName) <\(account.email)>"
            if let refusal = owner.refusal(of: present) { throw refusal }
        } else {
            _ = try await checkedClient()
        }
        return space == .own ? own : clients.outbox(space.pathRoot(of: account))
    }

    /// The client, once it is known that state and sign-in belong to the same account and folder.
    private func checkedClient() async throws -> DropboxClient {
        if let client { return client }
        let account = try await clients.mirror(nil, nil).account()
        let pathRoot = space.pathRoot(of: account)
        let folder = try await folder(clients.mirror(pathRoot, nil))
        let everything = "ns:" + space.namespace(of: account)
        let origin = Origin(
            account: account.accountID, accountName: "\(account.displayName) <\(account.email)>",
            folder: remoteRoot, folderID: folder?.id ?? everything)
        if let known = try await store.progress().origin { try refuse(origin, of: account, unlessLike: known) }
        try await claim(origin)
        isElsewhere = try await store.bind(origin)
        onAccount(account)
        let checked = clients.mirror(pathRoot, folder?.pathLower)
        (client, self.origin) = (checked, origin)
        return checked
    }

    /// Refuses what is not what the state is about.
    ///
    /// The root of a team's member changes with the membership, which can be had back: that is waited for.
    private func refuse(_ origin: Origin, of account: AccountInfo, unlessLike known: Origin) throws {
        guard let refusal = known.refusal(of: origin) else { return }
        let wasTeam = known.folderID.hasPrefix("ns:") && known.folderID != "ns:" + account.homeNamespace
        guard space == .team, wasTeam, known.account == origin.account, origin.folderID.hasPrefix("ns:") else {
            throw refusal
        }
        throw AccountError(.sourceGone, refusal.description, isOtherRoot: true)
    }

    /// Makes sure that the folder is still the one that the state is about.
    private func checkFolder() async throws {
        guard let client, var origin else { return }
        if let folder = try await folder(client) { origin.folderID = folder.id }
        try await store.bind(origin)
        isInDoubt = false
    }

    /// The mirrored folder; `nil` for everything.
    private func folder(_ client: DropboxClient) async throws -> RemoteEntry? {
        if remoteRoot.isEmpty { return nil }
        do {
            let entry = try await client.metadata(of: remoteRoot)
            switch entry.node {
            case .folder: return entry
            case .file, .export, .link:
                throw AccountError(
                    .sourceGone, "mirror.remote_root \"\(remoteRoot)\" is a file in Dropbox, not a folder")
            case .unavailable(_, let why, _):
                throw AccountError(.sourceGone, "mirror.remote_root \"\(remoteRoot)\" cannot be mirrored: \(why)")
            }
        } catch let error as DropboxError where error.summary?.hasPrefix("path/not_found") == true {
            throw AccountError(
                .sourceGone,
                "the Dropbox folder \"\(remoteRoot)\" is not there: it was renamed, moved or deleted, or its owner does not "
                    + "share it any more; nothing is removed from the mirror; set mirror.remote_root to its new path, or "
                    + "put it back")
        }
    }
}
