internal import FlyingFox
internal import FlyingSocks
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// An account behind HTTP/1.1 on the loopback address: one base URL for all of the API's hosts.
public final class SandboxServer: Sendable {
    /// The account that is served.
    public let account: Account
    /// The sign-ins.
    public let tokens: Tokens
    /// What was asked and answered.
    public let log: RequestLog
    /// The faults that are waiting for their requests.
    public let faults: Faults

    let service: Service
    let control: Control
    private let running = Mutex<(server: HTTPServer, task: Task<Void, Never>, port: UInt16)?>(nil)

    /// Serves `account` once it is started.
    public init(account: Account, tokens: Tokens = Tokens()) {
        self.account = account
        self.tokens = tokens
        log = RequestLog()
        faults = Faults()
        service = Service(account: account, tokens: tokens)
        control = Control(service: service, log: log, faults: faults)
    }

    /// `http://127.0.0.1:…`, without a slash at the end; empty when it is not running.
    public var url: String { running.withLock { $0.map { "http://127.0.0.1:\($0.port)" } ?? "" } }

    /// Listens on `port` of 127.0.0.1, or on a free one for 0, and says which it is.
    @discardableResult
    public func start(port: UInt16 = 0) async throws -> UInt16 {
        let address = try sockaddr_in.inet(ip4: "127.0.0.1", port: port)
        let configuration = HTTPServer.Configuration(
            address: address, timeout: 86_400, sharedRequestBufferSize: 1 << 16, sharedRequestReplaySize: 0,
            pool: NoDelayPool(), logger: .disabled)
        let server = HTTPServer(config: configuration, handler: Front(server: self))
        let (started, continuation) = AsyncThrowingStream.makeStream(of: Void.self)
        let task = Task {
            do { try await server.run() } catch { continuation.finish(throwing: error) }
        }
        Task {
            try await server.waitUntilListening()
            continuation.finish()
        }
        for try await _ in started {}
        guard case .ip4(_, let port) = await server.listeningAddress else { throw SocketError.unsupportedAddress }
        running.withLock { $0 = (server, task, port) }
        return port
    }

    /// Closes every connection, also those that are being answered.
    public func stop() async {
        let old = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let old else { return }
        await old.server.stop(timeout: 0)
        old.task.cancel()
        await old.task.value
    }
}
