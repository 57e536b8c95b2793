internal import FlyingFox
internal import FlyingSocks
internal import FoundationEssentials

extension SandboxServer {
    /// The answer to a request that has been read to its end.
    func answer(_ request: Request) async throws -> HTTPResponse {
        guard request.path != "/sandbox", !request.path.hasPrefix("/sandbox/") else {
            let exchange = Exchange(peer: request.peer, log: nil, number: 0)
            return response(to: control.answer(request), exchange, style: JSONStyle())
        }
        let endpoint = Service.endpoint(of: request.path)
        let subject = request.subject
        let id = Self.requestID()
        let number = log.begin(
            RequestLog.Record(
                number: 0, time: 0, method: request.method, endpoint: endpoint,
                subject: subject.hasPrefix("AAH") ? String(subject.prefix(12)) : subject,
                range: request.headers["range"], agent: request.headers["user-agent"], peer: request.peer,
                requestID: id))
        let exchange = Exchange(peer: request.peer, log: log, number: number)
        let fault = faults.strike(endpoint) { account.subject(of: subject) }
        return try await answer(request, fault, exchange, id)
    }

    private func answer(_ request: Request, _ fault: Fault.Effect?, _ exchange: Exchange, _ id: String) async throws
        -> HTTPResponse
    {
        let settings = account.settings
        if settings.delay > 0 { try await ContinuousClock().sleep(for: .milliseconds(settings.delay)) }
        if case .delay(let seconds) = fault { try await ContinuousClock().sleep(for: .seconds(seconds)) }
        if case .dropBefore(let isReset) = fault { return dropped(exchange, isReset, fault) }
        var request = request
        if fault == .ignoreRange { request.headers["range"] = nil }
        var answer: Answer
        if let instead = fault?.instead(Service.endpoint(of: request.path)) {
            answer = instead
        } else {
            answer = try await service.answer(request)
        }
        if case .dropAfter(let isReset) = fault { return dropped(exchange, isReset, fault) }
        fault?.spoil(&answer)
        answer.headers.append(("X-Dropbox-Request-Id", id))
        answer.headers.append(("Cache-Control", "no-cache"))
        exchange.answered(answer.status, fault)
        return response(to: answer, exchange, fault, rate: settings.rate)
    }

    private func response(
        to answer: Answer, _ exchange: Exchange, _ fault: Fault.Effect? = nil, rate: Int = 0,
        style: JSONStyle = .any()
    ) -> HTTPResponse {
        let content: Content
        switch answer.body {
        case .json(let json): content = .bytes(json.bytes(style))
        case .bytes(let bytes): content = .bytes(bytes)
        case .content(let stored, _): content = stored
        }
        var range = 0..<(content.size ?? 0)
        if case .content(_, let part) = answer.body { range = part }
        var headers = HTTPHeaders()
        for (name, value) in answer.headers { headers[HTTPHeader(name)] = value }
        if let result = answer.result {
            headers[HTTPHeader("Dropbox-API-Result")] = result.text(JSONStyle(asciiOnly: true))
        }
        let size = Int64(range.count)
        let delivery = fault?.delivery(size: size, rate: rate) ?? Delivery(rate: rate)
        let body = ContentBody(content: content, range: range, delivery: delivery, exchange: exchange)
        return HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: Answer.phrase(answer.status)), headers: headers,
            body: HTTPBodySequence(
                from: body, count: range.count,
                suggestedBufferSize: max(1, min(range.count, ContentBody.pieceSize))))
    }

    /// The end of the connection in place of an answer.
    private func dropped(_ exchange: Exchange, _ isReset: Bool, _ fault: Fault.Effect?) -> HTTPResponse {
        if isReset { exchange.reset() }
        exchange.answered(0, fault)
        return HTTPResponse(webSocket: Drop(exchange: exchange))
    }

    private static func requestID() -> String {
        let (high, low) = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        return withUnsafeBytes(of: (high, low)) { hexText($0) }
    }
}

/// One request on its way through the server; its end is noted when nobody needs it any more.
final class Exchange: Sendable {
    private let peer: UInt16
    private let log: RequestLog?
    private let number: Int

    init(peer: UInt16, log: RequestLog?, number: Int) {
        self.peer = peer
        self.log = log
        self.number = number
    }

    deinit { log?.end(number) }

    /// Notes the answer.
    func answered(_ status: Int, _ fault: Fault.Effect?) {
        log?.answer(number, status: status, fault: fault.map { "\($0)" })
    }

    /// Notes that so many bytes of the body go out.
    func count(_ bytes: Int) { log?.add(bytes, to: number) }

    /// Makes the end of the connection a reset.
    func reset() { makeResetOnClose(peer: peer) }
}

/// What ends a connection: FlyingFox closes it when a change of protocol fails, and has written nothing by then.
private struct Drop: WSHandler {
    let exchange: Exchange

    func makeFrames(for client: AsyncThrowingStream<WSFrame, any Error>) async throws -> AsyncStream<WSFrame> {
        throw SocketError.disconnected
    }
}

/// What FlyingFox hands requests to.
struct Front: HTTPHandler {
    unowned let server: SandboxServer

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        var own = Request(method: request.method.rawValue, path: request.target.path())
        own.query = Form(request.target.query()) ?? Form()
        for (header, value) in request.headers { own.headers[header.rawValue.lowercased()] = value }
        if case .ip4(_, let port) = request.remoteAddress { own.peer = port }
        let limit = max(server.account.settings.uploadLimit, 1 << 20)
        for try await piece in request.bodySequence {
            if own.body.count + piece.count <= limit {
                own.body.append(contentsOf: piece)
            } else {
                own.isTooLong = true
            }
        }
        return try await server.answer(own)
    }
}
