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

    /// Entries of listings that are not as the API promises.
    public var rawEntries: RawEntries { service.rawEntries }
    let service: Service
    let control: Control
    private let running = Mutex<(port: UInt16, task: Task<Void, Never>)?>(nil)

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
        let listener = try Listener(port: port)
        let task = Task { await listener.run { [self] connection in await serve(connection) } }
        running.withLock { $0 = (listener.port, task) }
        return listener.port
    }

    /// Closes every connection, also those that are being answered.
    public func stop() async {
        let task = running.withLock { running in
            defer { running = nil }
            return running?.task
        }
        task?.cancel()
        await task?.value
    }

    /// Answers requests until the connection ends.
    private func serve(_ connection: Connection) async {
        var reader = RequestReader(connection)
        do {
            while true {
                let limit = max(account.settings.uploadLimit, 1 << 20)
                let request = try await reader.next(bodyLimit: limit) { manner(of: $0) }
                let exchange = Exchange(log)
                defer { exchange.end() }
                let reply = try await reply(to: request, exchange)
                try await reply.send(over: connection, keepsConnection: request.keepsConnection) {
                    exchange.count($0)
                }
            }
        } catch let error as RequestReader.Unreadable {
            let reply = Reply(status: error.status, headers: [], content: .bytes([]), range: 0..<0)
            try? await reply.send(over: connection, keepsConnection: false) { _ in }
        } catch {
            // The client is gone, or was cut off by a fault, or the server stops: in each case the connection ends.
            if let (request, received) = reader.unfinished { note(lost: request, received) }
        }
    }

    /// How the body of `request` is taken in, as settings and faults have it.
    private func manner(of request: Request) -> RequestReader.Manner {
        guard request.path.hasPrefix("/2/") else { return RequestReader.Manner() }
        var manner = RequestReader.Manner(rate: account.settings.uploadRate)
        let subject = request.subject
        let fault = faults.strike(Service.endpoint(of: request.path), ofRequest: true) { account.subject(of: subject) }
        if case .cutRequest(let after, let isReset) = fault { manner.cut = (after, isReset) }
        return manner
    }

    /// Puts a request into the log whose connection ended before it was complete.
    private func note(lost request: Request, _ received: Int64) {
        let exchange = Exchange(log)
        exchange.begin(record(of: request, received: received, id: ""))
        exchange.answered(0, nil)
        exchange.end()
    }
}
