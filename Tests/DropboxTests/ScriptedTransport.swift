import Dropbox
import Synchronization
import Transport

/// Answers requests as a test says, and remembers them.
final class ScriptedTransport: HTTPTransport {
    /// What becomes of one request.
    enum Reply: Sendable {
        /// An answer with this body.
        case answer(Int, String = "", headers: [String: String] = [:])
        /// An answer whose body ends after `sent` bytes, with the connection.
        case cut(Int, body: String, sent: Int, headers: [String: String] = [:])
        /// No answer.
        case failure(TransportError.Code)
    }

    private let recorded = Mutex<[HTTPRequest]>([])
    private let reply: @Sendable (HTTPRequest, Int) async throws -> Reply

    /// Asks `reply` for each request, with its number from 0.
    init(_ reply: @escaping @Sendable (HTTPRequest, Int) async throws -> Reply) { self.reply = reply }

    /// Gives these replies in order, the last one for ever.
    convenience init(_ replies: Reply...) {
        self.init { _, number in replies[min(number, replies.count - 1)] }
    }

    /// All requests so far.
    var requests: [HTTPRequest] { recorded.withLock { $0 } }

    /// Last components of the URLs of all requests so far.
    var calls: [String] { requests.map { $0.url.split(separator: "/").last.map(String.init) ?? "" } }

    func send(_ request: HTTPRequest, sink: (any BodySink)?) async throws -> HTTPResponse {
        let number = recorded.withLock { recorded in
            recorded.append(request)
            return recorded.count - 1
        }
        switch try await reply(request, number) {
        case .answer(let status, let body, let headers):
            return try deliver(status, headers, body, sent: body.utf8.count, sink)
        case .cut(let status, let body, let sent, let headers):
            _ = try deliver(status, headers, body, sent: sent, sink)
            throw TransportError(code: .cut, reason: "cut", place: request.place)
        case .failure(let code): throw TransportError(code: code, reason: "scripted", place: request.place)
        }
    }

    /// Hands the body to the sink in two pieces, or collects it, as `CurlTransport` does.
    private func deliver(
        _ status: Int, _ headers: [String: String], _ body: String, sent: Int, _ sink: (any BodySink)?
    ) throws -> HTTPResponse {
        let fields = headers.map { (name: $0.key, value: $0.value) }
        var response = HTTPResponse(status: status, headers: HTTPHeaders(fields))
        let bytes = Array(body.utf8.prefix(sent))
        guard let sink, status == 200 || status == 206 else {
            response.body = bytes
            return response
        }
        try sink.begin(response)
        for piece in [bytes[..<(bytes.count / 2)], bytes[(bytes.count / 2)...]] where !piece.isEmpty {
            try piece.withUnsafeBytes { try sink.write($0) }
        }
        return response
    }
}

/// A clock on which every wait is over at once, and which remembers how long it would have been.
final class SteppingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
    }

    private struct State {
        var now = Duration.zero
        var sleeps: [Duration] = []
    }
    private let state = Mutex(State())

    var now: Instant { Instant(offset: state.withLock { $0.now }) }
    var minimumResolution: Duration { .nanoseconds(1) }

    /// All waits so far.
    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    /// The time since the start.
    var elapsed: Duration { now.offset }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.sleeps.append(deadline.offset - state.now)
            state.now = max(state.now, deadline.offset)
        }
        await Task.yield()
    }

    /// Lets time pass.
    func advance(_ duration: Duration) { state.withLock { $0.now += duration } }
}
