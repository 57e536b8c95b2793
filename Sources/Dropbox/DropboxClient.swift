public import Logging
public import SyncModel
import Synchronization
public import Transport

/// One account of Dropbox, seen below one of its folders.
public final class DropboxClient: RemoteSource {
    let runner: RequestExecutor
    /// The same for bodies in both directions that requests with short answers must not wait behind.
    let contentRunner: RequestExecutor
    /// The same over connections that are not shared.
    let segmentRunner: RequestExecutor
    let endpoints: Endpoints
    let remoteRoot: String
    let paths: RootedPaths
    let pageSize: Mutex<PageSize>
    let rereads = Mutex(0)
    let longpollPace = Mutex(LongpollPace())
    /// What was passed over so far: each is told once.
    let reportedAnomalies = Mutex<Set<String>>([])
    /// The number of things passed over that are told at most.
    static let anomalyLimit = 1000

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - transport: Sends the requests.
    ///   - contentTransport: Sends requests for files whose sinks always have room; `nil` for the same transport.
    ///   - segmentTransport: Sends requests for segments of large files, for whole files and zips whose sinks may be full,
    ///     and for pieces of uploads, each over a connection of its own; `nil` for the one for whole files.
    ///   - endpoints: Where the API is.
    ///   - tokens: The sign-in.
    ///   - remoteRoot: The folder that is mirrored, "" for the whole account. Keys are relative to it.
    ///   - rootKey: Its `path_lower`, if that is known: what is not below it is told from what is.
    ///   - pathRoot: What paths are relative to; `nil` for the member's own folder.
    ///   - settings: How patient calls are.
    ///   - clock: Measures and waits.
    ///   - waiting: Is told of each wait, for back-off or because the server asks for it, and does it.
    ///   - gate: The account's; `nil` for one of its own.
    ///   - jitter: Random numbers in 0..<1, for delays.
    ///   - logger: Is told of failed tries, at debug level.
    ///   - meter: Is told of every attempt.
    public init(
        transport: any HTTPTransport, contentTransport: (any HTTPTransport)? = nil,
        segmentTransport: (any HTTPTransport)? = nil, endpoints: Endpoints = .dropbox,
        tokens: TokenSource, remoteRoot: String = "", rootKey: String? = nil,
        pathRoot: PathRoot? = nil, settings: CallSettings = CallSettings(),
        clock: any Clock<Duration> = ContinuousClock(), waiting: @escaping Waiting = { _, sleep in try await sleep() },
        gate: RequestGate? = nil,
        jitter: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        logger: Logger = Logger(label: "dbxsync.dropbox"), meter: (any CallMeter)? = nil
    ) {
        let time = TimeSource(clock, waiting: waiting)
        let components = remoteRoot.pathComponents
        self.remoteRoot = components.map { "/" + $0 }.joined()
        self.paths = RootedPaths(rootDepth: components.count, rootKey: rootKey)
        self.endpoints = endpoints
        self.pageSize = Mutex(PageSize(settings.pageLimit))
        let gate = gate ?? RequestGate(clock: clock)
        func runner(_ transport: any HTTPTransport) -> RequestExecutor {
            RequestExecutor(
                transport: transport, tokens: tokens, pathRoot: pathRoot, gate: gate, settings: settings, time: time,
                jitter: jitter, logger: logger, meter: meter)
        }
        self.runner = runner(transport)
        self.contentRunner = runner(contentTransport ?? transport)
        self.segmentRunner = runner(segmentTransport ?? contentTransport ?? transport)
    }

    /// Decodes the JSON body of an answer.
    static func decode<Value: Decodable>(_ type: Value.Type, response: HTTPResponse, call: Call) throws -> Value {
        do {
            return try JSON.decode(type, from: response.body)
        } catch {
            throw DropboxError.malformed(call, response: response, complaint: JSON.complaint(of: error))
        }
    }
}
