import AccountChecks
import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel
import Transport

/// The way to Dropbox that a configuration describes.
struct Connection: Sendable {
    /// Sends requests with short answers: they wait behind no body.
    private let transport: CurlTransport
    /// Sends requests for small files, a few of which share a connection.
    private let contentTransport: CurlTransport
    /// Sends requests for larger files, segments, zips and pieces of uploads, each over a connection of its own: a disk that
    /// they wait for stops no other.
    ///
    /// A transport of its own: requests with and without HTTP/2 to one host on one curl_multi hang (seen with 7.88.1).
    private let segmentTransport: CurlTransport
    /// Which limit on bandwidth applies when.
    let limits: TransferLimits
    private let bandwidth: Bandwidth
    /// Where the API is.
    let endpoints: Endpoints
    /// Signs in and out.
    let oauth: OAuthFlow
    private let config: Config
    private let calls: CallSettings
    private let waiting: Waiting
    private let meter: (any CallMeter)?
    /// The rate-limit gate of all requests with the sign-in: a 429 for one of them pauses all.
    private let gate: RequestGate
    private let logger: Logger

    /// Requests beside downloads: listing, longpoll, tokens and what is just beginning.
    private static let otherRequests = 8
    /// Downloads that share an HTTP/2 connection: one connection is as fast as the line to it, all of them as fast as the
    /// line here.
    private static let streams = 4
    /// The most that `transfer.parallel` can be raised to while the daemon runs.
    private static let mostParallel = 256

    /// Starts the transports; nothing goes over the network yet.
    init(
        _ config: Config, calls: CallSettings, waiting: @escaping Waiting = { _, sleep in try await sleep() },
        onPause: @escaping @Sendable (Duration, PauseOrigin) -> Void = { _, _ in }, pauses: (any PauseNews)? = nil,
        meter: (any CallMeter)? = nil,
        logger: Logger
    ) {
        self.config = config
        self.calls = calls
        self.waiting = waiting
        self.meter = meter
        gate = RequestGate(onPause: onPause, news: pauses)
        self.logger = logger
        endpoints = config.account.endpoint.map { Endpoints(base: $0) } ?? .dropbox
        let limits = TransferLimits(config.transfer.limits)
        let bandwidth = Bandwidth { limits.now.rate }
        (self.limits, self.bandwidth) = (limits, bandwidth)
        var settings = TransportSettings(config.account)
        settings.connections = Self.mostParallel + Self.otherRequests
        func start() -> CurlTransport { CurlTransport(settings: settings, bandwidth: bandwidth) }
        transport = start()
        settings.streams = Self.streams
        contentTransport = start()
        settings.sharesConnections = false
        segmentTransport = start()
        oauth = OAuthFlow(
            transport: transport, endpoints: endpoints, appKey: config.account.appKey,
            appSecret: config.account.appSecret, settings: calls, logger: logger, meter: meter)
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
            transport: transport, contentTransport: contentTransport, segmentTransport: segmentTransport,
            endpoints: endpoints, tokens: tokens,
            remoteRoot: config.mirror.remoteRoot, rootKey: rootKey, pathRoot: pathRoot, settings: calls,
            waiting: waiting, gate: gate, logger: logger, meter: meter)
    }

    /// A client for the outbox; its waits are not the engine's, and the watchdog does not hear of them.
    func outboxClient(_ tokens: TokenSource, pathRoot: PathRoot? = nil) -> DropboxClient {
        DropboxClient(
            transport: transport, contentTransport: contentTransport, segmentTransport: segmentTransport,
            endpoints: endpoints, tokens: tokens, pathRoot: pathRoot, settings: calls, gate: gate, logger: logger,
            meter: meter)
    }

    /// How the account's guard gets its clients.
    func accountClients(_ tokens: TokenSource) -> AccountClients {
        AccountClients(
            mirror: { pathRoot, rootKey in client(tokens, pathRoot: pathRoot, rootKey: rootKey) },
            outbox: { pathRoot in outboxClient(tokens, pathRoot: pathRoot) })
    }

    /// Asks the hosts whether they can be reached.
    var probe: HostProbe { HostProbe(transport: transport, endpoints: endpoints) }

    /// Changes the bandwidth of all transfers together; running ones included.
    func limit(by timetable: BandwidthTimetable) {
        limits.change(to: timetable)
        bandwidth.refresh()
        for transport in transports { transport.wake() }
    }

    /// Bytes of bodies that came down, and of files that went up.
    var traffic: (down: Int64, up: Int64) {
        transports.reduce((0, 0)) { sum, transport in
            let counters = transport.counters
            return (
                sum.0.saturatingSum(Int64(counters.bytesReceived)), sum.1.saturatingSum(Int64(counters.bytesSent))
            )
        }
    }

    /// Ends all requests.
    func stop() async {
        for transport in transports { await transport.stop() }
    }

    private var transports: [CurlTransport] {
        [transport, contentTransport, segmentTransport]
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

extension TransportSettings {
    /// The proxy and the certificates that are configured; the rest as usual.
    init(_ account: Config.AccountSettings) {
        self.init(
            proxy: account.proxy.map { .url($0) } ?? .environment, caFile: account.caFile,
            userAgent: "dbxsync/\(Dbxsync.version)")
    }
}

extension CallSettings {
    /// For the daemon, which has time.
    static let daemon = CallSettings()
    /// For commands that somebody waits for: they give up after a minute.
    static let oneShot = CallSettings(attempts: 4, patience: .seconds(45), pausePatience: .seconds(60))
}
