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

    let service: Service
    private let control: Control
    private let running = Mutex<(server: HTTPServer, task: Task<Void, Never>, port: UInt16)?>(nil)

    /// Serves `account` once it is started.
    public init(account: Account, tokens: Tokens = Tokens()) {
        self.account = account
        self.tokens = tokens
        log = RequestLog()
        service = Service(account: account, tokens: tokens)
        control = Control(service: service, log: log)
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

    // MARK: Answering

    fileprivate func answer(_ request: Request) async throws -> HTTPResponse {
        guard request.path != "/sandbox", !request.path.hasPrefix("/sandbox/") else {
            return response(
                to: control.answer(request), Exchange(request: request, log: nil, number: 0), style: JSONStyle())
        }
        let id = Self.requestID()
        let number = log.begin(
            RequestLog.Record(
                number: 0, time: 0, method: request.method, endpoint: Service.endpoint(of: request.path),
                subject: request.subject, range: request.headers["range"], agent: request.headers["user-agent"],
                peer: request.peer, requestID: id))
        let exchange = Exchange(request: request, log: log, number: number)
        let settings = account.settings
        if settings.delay > 0 { try await ContinuousClock().sleep(for: .milliseconds(settings.delay)) }
        var answer = try await service.answer(request)
        answer.headers.append(("X-Dropbox-Request-Id", id))
        answer.headers.append(("Cache-Control", "no-cache"))
        log.answer(number, status: answer.status, fault: nil)
        return response(to: answer, exchange, Delivery(rate: settings.rate))
    }

    private func response(
        to answer: Answer, _ exchange: Exchange, _ delivery: Delivery = Delivery(), style: JSONStyle = .any()
    ) -> HTTPResponse {
        let content: Content
        let range: Range<Int64>
        switch answer.body {
        case .json(let json): content = .bytes(json.bytes(style))
        case .bytes(let bytes): content = .bytes(bytes)
        case .content(let stored, _): content = stored
        }
        if case .content(_, let part) = answer.body { range = part } else { range = 0..<(content.size ?? 0) }
        var headers = HTTPHeaders()
        for (name, value) in answer.headers { headers[HTTPHeader(name)] = value }
        if let result = answer.result {
            headers[HTTPHeader("Dropbox-API-Result")] = result.text(JSONStyle(asciiOnly: true))
        }
        let body = ContentBody(content: content, range: range, delivery: delivery, exchange: exchange)
        let size = min(range.count, ContentBody.pieceSize)
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: Answer.phrase(answer.status)), headers: headers,
            body: HTTPBodySequence(from: body, count: range.count, suggestedBufferSize: max(1, size)))
    }

    private static func requestID() -> String {
        let (high, low) = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        return withUnsafeBytes(of: (high, low)) { hexText($0) }
    }
}

/// One request on its way through the server; its end is noted when nobody needs it any more.
final class Exchange: Sendable {
    private let log: RequestLog?
    private let number: Int
    private let peer: UInt16

    init(request: Request, log: RequestLog?, number: Int) {
        self.log = log
        self.number = number
        peer = request.peer
    }

    deinit { log?.end(number) }

    /// Notes that so many bytes of the body go out.
    func count(_ bytes: Int) { log?.add(bytes, to: number) }

    /// Makes the end of the connection a reset.
    func reset() { makeResetOnClose(peer: peer) }
}

/// What FlyingFox hands requests to.
private struct Front: HTTPHandler {
    unowned let server: SandboxServer

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        var own = Request(method: request.method.rawValue, path: request.target.path())
        own.query = Form(request.target.query()) ?? Form()
        for (header, value) in request.headers { own.headers[header.rawValue.lowercased()] = value }
        if case .ip4(_, let port) = request.remoteAddress { own.peer = port }
        let limit = server.account.settings.uploadLimit
        for try await piece in request.bodySequence {
            if own.body.count + piece.count <= max(limit, 1 << 20) {
                own.body.append(contentsOf: piece)
            } else {
                own.isTooLong = true
            }
        }
        return try await server.answer(own)
    }
}
