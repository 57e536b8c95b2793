extension SandboxServer {
    /// The answer to a request that has been read to its end.
    func reply(to request: Request, _ exchange: Exchange) async throws -> Reply {
        guard request.path != "/sandbox", !request.path.hasPrefix("/sandbox/") else {
            return reply(with: control.answer(request), style: JSONStyle())
        }
        let endpoint = Service.endpoint(of: request.path)
        let subject = request.subject
        let id = Self.requestID()
        exchange.begin(record(of: request, received: request.received, id: id))
        let fault = faults.strike(endpoint) { account.subject(of: subject) }
        let settings = account.settings
        if settings.delay > 0 { try await ContinuousClock().sleep(for: .milliseconds(settings.delay)) }
        if case .delay(let seconds) = fault { try await ContinuousClock().sleep(for: .seconds(seconds)) }
        var answer = try await answer(request, endpoint, fault)
        fault?.spoil(&answer)
        answer.headers.append(("X-Dropbox-Request-Id", id))
        answer.headers.append(("Cache-Control", "no-cache"))
        var reply = reply(with: answer, style: .any())
        reply.delivery = fault?.delivery(size: reply.size) ?? Delivery()
        if reply.delivery.rate == 0 { reply.delivery.rate = settings.rate }
        exchange.answered(fault?.losesAnswer == true ? 0 : answer.status, fault)
        return reply
    }

    /// What the log keeps of a request.
    func record(of request: Request, received: Int64, id: String) -> RequestLog.Record {
        let subject = request.subject
        return RequestLog.Record(
            number: 0, time: 0, method: request.method, endpoint: Service.endpoint(of: request.path),
            subject: subject.hasPrefix("AAH") ? String(subject.prefix(12)) : subject,
            range: request.headers["range"], agent: request.headers["user-agent"], peer: request.peer,
            requestID: id, received: received)
    }

    private func answer(_ request: Request, _ endpoint: String, _ fault: Fault.Effect?) async throws -> Answer {
        if let instead = fault?.instead(endpoint) { return instead }
        var request = request
        if fault == .ignoreRange { request.headers["range"] = nil }
        return try await service.answer(request)
    }

    private func reply(with answer: Answer, style: JSONStyle) -> Reply {
        var content = Content.bytes([])
        var range: Range<Int64>?
        var archive: ZipArchive?
        switch answer.body {
        case .json(let json): content = .bytes(json.bytes(style))
        case .bytes(let bytes): content = .bytes(bytes)
        case .content(let stored, let part): (content, range) = (stored, part)
        case .archive(let zip): archive = zip
        }
        var headers = answer.headers
        if let result = answer.result {
            headers.append(("Dropbox-API-Result", result.text(JSONStyle(asciiOnly: true))))
        }
        return Reply(
            status: answer.status, headers: headers, content: content, range: range ?? 0..<(content.size ?? 0),
            archive: archive, end: archive == nil ? answer.end : .chunk)
    }

    private static func requestID() -> String {
        let (high, low) = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
        return withUnsafeBytes(of: (high, low)) { hexText($0) }
    }
}

/// One request and its answer, as far as the log is concerned.
final class Exchange {
    private let log: RequestLog
    private var number: Int?

    init(_ log: RequestLog) { self.log = log }

    func begin(_ record: RequestLog.Record) { number = log.begin(record) }

    func answered(_ status: Int, _ fault: Fault.Effect?) {
        if let number { log.answer(number, status: status, fault: fault.map { "\($0)" }) }
    }

    /// Notes that so many bytes of the body go out.
    func count(_ bytes: Int) {
        if let number { log.add(bytes, to: number) }
    }

    func end() {
        if let number { log.end(number) }
    }
}
