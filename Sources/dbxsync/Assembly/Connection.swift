import AccountChecks
import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel
import Transport

/// The way to Dropbox that a configuration describes.
struct Connection: Sendable {
    /// Sends all requests but those for segments.
    private let transport: CurlTransport
    /// Sends requests for segments of large files.
    ///
    /// A transport of its own: requests with and without HTTP/2 to one host on one curl_multi hang (seen with 7.88.1).
    private let segmentTransport: CurlTransport
    /// Sends the requests of the outbox: its thread reads files, of a disk that may hang.
    private let outboxTransport: CurlTransport?
    /// Where the API is.
    let endpoints: Endpoints
    /// Signs in and out.
    let oauth: OAuthFlow
    private let config: Config
    private let calls: CallSettings
    private let waiting: Waiting
    /// The rate-limit gate of all requests with the sign-in: a 429 for one of them pauses all.
    private let gate: RequestGate
    private let logger: Logger

    /// Requests beside downloads: listing, longpoll, tokens and what is just beginning.
    private static let otherRequests = 8
    /// The most that `transfer.parallel` can be raised to while the daemon runs.
    private static let mostParallel = 256

    /// Starts the transport; nothing goes over the network yet.
    init(
        _ config: Config, calls: CallSettings, waiting: @escaping Waiting = { _, sleep in try await sleep() },
        onPause: @escaping @Sendable (Duration) -> Void = { _ in },
        logger: Logger
    ) {
        self.config = config
        self.calls = calls
        self.waiting = waiting
        gate = RequestGate(onPause: onPause)
        self.logger = logger
        endpoints = config.account.endpoint.map { Endpoints(base: $0) } ?? .dropbox
        let bandwidth = Bandwidth(rate: config.transfer.bandwidth)
        var settings = TransportSettings(
            proxy: config.account.proxy.map { .url($0) } ?? .environment, caFile: config.account.caFile,
            userAgent: "dbxsync/\(Dbxsync.version)", connections: Self.mostParallel + Self.otherRequests)
        transport = CurlTransport(settings: settings, bandwidth: bandwidth)
        settings.sharesConnections = false
        segmentTransport = CurlTransport(settings: settings, bandwidth: bandwidth)
        settings.sharesConnections = true
        let hasOutbox = config.outbox.directory != nil
        outboxTransport = hasOutbox ? CurlTransport(settings: settings, bandwidth: bandwidth) : nil
        oauth = OAuthFlow(
            transport: transport, endpoints: endpoints, appKey: config.account.appKey,
            appSecret: config.account.appSecret, settings: calls, logger: logger)
    }

    /// The sign-in that is kept for this configuration.
    ///
    /// - Throws: `DropboxError` that wants `signedOut` if there is none.
    func tokens() throws -> TokenSource {
        let file = Self.credentialsFile(config)
        return TokenSource(credentials: try file.read(), file: file, oauth: oauth, logger: logger)
    }

    /// A client for the mirrored folder, whose `path_lower` is `rootKey` if that is known.
    func client(_ tokens: TokenSource, pathRoot: PathRoot? = nil, rootKey: String? = nil) -> DropboxClient {
        DropboxClient(
            transport: transport, segmentTransport: segmentTransport, endpoints: endpoints, tokens: tokens,
            remoteRoot: config.mirror.remoteRoot, rootKey: rootKey, pathRoot: pathRoot, settings: calls,
            waiting: waiting, gate: gate, logger: logger)
    }

    /// A client for the outbox; its waits are not the engine's, and the watchdog does not hear of them.
    func outboxClient(_ tokens: TokenSource, pathRoot: PathRoot? = nil) -> DropboxClient {
        DropboxClient(
            transport: outboxTransport ?? transport, endpoints: endpoints, tokens: tokens, pathRoot: pathRoot,
            settings: calls, gate: gate, logger: logger)
    }

    /// How the account's guard gets its clients.
    func accountClients(_ tokens: TokenSource) -> AccountClients {
        AccountClients(
            mirror: { pathRoot, rootKey in client(tokens, pathRoot: pathRoot, rootKey: rootKey) },
            outbox: { pathRoot in outboxClient(tokens, pathRoot: pathRoot) })
    }

    /// Changes the bandwidth of all transfers together; running ones included.
    func limit(bandwidth: Int64?) {
        transport.limit(bandwidth: bandwidth)
        segmentTransport.limit(bandwidth: bandwidth)
        outboxTransport?.limit(bandwidth: bandwidth)
    }

    /// Ends all requests.
    func stop() async {
        await transport.stop()
        await segmentTransport.stop()
        await outboxTransport?.stop()
    }

    /// Where the sign-in is kept: a systemd credential, else the configured file (systemd.exec(5), CREDENTIALS).
    static func credentialsFile(_ config: Config) -> CredentialsFile {
        if let folder = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }) {
            let path = folder + "/dbxsync-credentials"
            if access(path, F_OK) == 0 { return CredentialsFile(path: path, isReadOnly: true) }
        }
        return CredentialsFile(path: config.account.credentials)
    }
}

extension CallSettings {
    /// For the daemon, which has time.
    static let daemon = CallSettings()
    /// For commands that somebody waits for: they give up after a minute.
    static let oneShot = CallSettings(attempts: 4, patience: .seconds(45), pausePatience: .seconds(60))
}
