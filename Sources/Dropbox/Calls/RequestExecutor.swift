import Logging
import SyncModel
import Transport

/// The one function every call goes through: gate, token, attempt, classify, retry.
struct RequestExecutor: Sendable {
    let transport: any HTTPTransport
    /// `nil` for calls of the sign-in itself.
    let tokens: TokenSource?
    let pathRoot: PathRoot?
    let gate: RequestGate
    private(set) var settings: CallSettings
    let time: TimeSource
    /// Random numbers in 0..<1.
    let jitter: @Sendable () -> Double
    let logger: Logger
    /// Is told of every attempt.
    var meter: (any CallMeter)?

    /// The same for calls that are not tried again.
    ///
    /// A new token is no try, nor is a minute of pauses that the server asks for.
    var singleTry: RequestExecutor {
        var runner = self
        runner.settings.attempts = 1
        runner.settings.pausePatience = min(settings.pausePatience ?? .seconds(60), .seconds(60))
        return runner
    }

    /// Makes a call that is the same in every attempt, and reads its answer.
    func run<Answer>(_ call: Call, receive: (HTTPResponse) throws -> Answer) async throws -> Answer {
        try await run(call, attempt: { Attempt(request: call.request) }, progress: { 0 }, receive: receive)
    }

    /// Makes a call whose attempts differ: a download continues where it was cut.
    ///
    /// A `progress` that grows by 64 KiB forgives the failures before it.
    func run<Answer>(
        _ call: Call, attempt: () throws -> Attempt, progress: () -> Int64, receive: (HTTPResponse) throws -> Answer
    ) async throws -> Answer {
        var retries = RetryState(settings: settings, progress: progress())
        while true {
            var context = AttemptContext(needsNewConnection: retries.needsNewConnection)
            try await admit(call, context: &context, retries: &retries)  // a renewal of the token has its own retries
            do {
                return try receive(try await once(call, attempt: attempt, context: context))
            } catch let error as TransportError {
                try await retry(
                    DropboxError(error, endpoint: call.endpoint), of: call, context: context, retries: &retries,
                    progress: progress())
            } catch let error as DropboxError {
                try await retry(error, of: call, context: context, retries: &retries, progress: progress())
            }
        }
    }

    /// What an attempt used, for judging its failure.
    private struct AttemptContext {
        var ticket: Pace.Ticket?
        var token: String?
        var needsNewConnection = false
    }

    /// Passes the gate and gets a token, for calls that need them.
    private func admit(_ call: Call, context: inout AttemptContext, retries: inout RetryState) async throws {
        guard call.isAuthorized else { return }
        context.token = try await tokens?.accessToken()
        context.ticket = try await gate.pass(in: time, waited: &retries.paused, limit: settings.pausePatience)
        guard context.ticket != nil else {
            let reason = "the account has to pause for longer than this call may take"
            let error =
                retries.lastPause ?? DropboxError(.rateLimited, call.endpoint, reason, disposition: .unreachable)
            throw error.treated(as: .unreachable)
        }
    }

    private func once(_ call: Call, attempt: () throws -> Attempt, context: AttemptContext) async throws
        -> HTTPResponse
    {
        defer { if context.ticket != nil { gate.finished() } }
        let attempt = try attempt()
        var request = attempt.request
        request.needsNewConnection = context.needsNewConnection
        request.stallLimit = request.stallLimit ?? settings.answerStallLimit
        if let token = context.token { request.headers.append(.init("Authorization", "Bearer \(token)")) }
        if call.isAuthorized, let pathRoot {
            request.headers.append(.init("Dropbox-API-Path-Root", pathRoot.headerValue))
        }
        guard let ticket = context.ticket else { return try accepted(try await send(request, of: call), of: call) }
        let sink = attempt.sink.map { NotedSink($0) { [gate] in gate.answered(ticket, isFailure: false) } }
        let response = try await send(request, sink: sink, of: call)
        do {
            let accepted = try accepted(response, of: call)
            if sink == nil { gate.answered(ticket, isFailure: false) }
            return accepted
        } catch {
            if error.code != .rateLimited { gate.answered(ticket, isFailure: error.code == .server) }
            throw error
        }
    }

    /// Sends the request of one attempt, and counts it.
    private func send(_ request: HTTPRequest, sink: (any BodySink)? = nil, of call: Call) async throws -> HTTPResponse {
        meter?.attemptBegan()
        return try await send(request, sink: sink) { meter?.attemptEnded(call.endpoint, $0) }
    }

    /// Sends the one request of a call that waits for news, and counts it.
    func sendWaiting(_ call: Call) async throws -> HTTPResponse {
        try await send(call.request, sink: nil) { meter?.waitEnded(call.endpoint, $0) }
    }

    private func send(
        _ request: HTTPRequest, sink: (any BodySink)?, onEnd: (AttemptResult) -> Void
    ) async throws -> HTTPResponse {
        do {
            let response = try await transport.send(request, sink: sink)
            onEnd(.answered(response.status))
            return response
        } catch {
            onEnd(error is TransportError ? .unanswered : .abandoned)
            throw error
        }
    }

    private func accepted(_ response: HTTPResponse, of call: Call) throws(DropboxError) -> HTTPResponse {
        guard response.status == 200 || response.status == 206 else {
            throw DropboxError.refusal(of: call, response, pathRoot: pathRoot)
        }
        return response
    }

    /// Returns when the call is to be tried again; throws what makes it fail for good.
    private func retry(
        _ error: DropboxError, of call: Call, context: AttemptContext, retries: inout RetryState, progress: Int64
    ) async throws {
        if error.code == .signIn, error.status == 401, let token = context.token, let tokens, !retries.hasRefreshed {
            retries.hasRefreshed = true
            guard try await tokens.replace(rejected: token) else { throw error }
            return
        }
        var error = error
        if error.summary == "expired_access_token" {
            // The token was renewed, so the sign-in is good: clocks differ, or a server lags behind.
            error = error.treated(as: .retry(after: nil))
            retries.hasRefreshed = false
        }
        let pause: Duration?
        switch error.disposition {
        case .retry(let after): pause = after
        case .unreachable: pause = nil
        default: throw error
        }
        logger.debug("a call failed", metadata: ["error": "\(error)"])
        retries.needsNewConnection = error.isStall
        if error.code == .rateLimited, let ticket = context.ticket {
            gate.hold(ticket, for: pause ?? .seconds(1))
            retries.lastPause = error
        } else {
            let delay = retries.delay(at: time.now(), progress: progress, pause: pause, jitter: jitter())
            guard let delay else { throw error }
            try await time.sleep(delay)
        }
        meter?.retried(call.endpoint)
    }
}

/// Tells that an answer has begun, whatever its body turns out to be.
private final class NotedSink: BodySink {
    private let sink: any BodySink
    private let onAnswer: @Sendable () -> Void

    init(_ sink: any BodySink, _ onAnswer: @escaping @Sendable () -> Void) {
        self.sink = sink
        self.onAnswer = onAnswer
    }

    func begin(_ head: HTTPResponse) throws {
        onAnswer()
        try sink.begin(head)
    }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        sink.hasRoom(for: count, orCall: resume)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try sink.write(bytes) }
}

/// The tries of one call so far.
struct RetryState {
    /// The bytes beyond the farthest point so far that forgive failures: fewer would let a trickle go on for ever.
    private static let worthwhile: Int64 = 64 << 10

    private let settings: CallSettings
    private var progress: Int64
    private var firstFailure: Duration?
    private var failures = 0
    /// The time spent at the gate.
    var paused: Duration = .zero
    /// The last answer that asked for a pause.
    var lastPause: DropboxError?
    /// Whether the last try stalled: its connection may be dead, and libcurl would share a dead HTTP/2 one again.
    var needsNewConnection = false
    /// Whether the token was renewed for this call.
    var hasRefreshed = false

    init(settings: CallSettings, progress: Int64) {
        self.settings = settings
        self.progress = progress
    }

    /// Counts a failure and says how long to wait before the next try; `nil` if there is to be none.
    ///
    /// A server's wish for a `pause` that goes beyond the call's patience ends it at once.
    mutating func delay(at now: Duration, progress: Int64, pause: Duration?, jitter: Double) -> Duration? {
        if progress - self.progress >= RetryState.worthwhile {
            failures = 0
            firstFailure = nil
            self.progress = progress
        }
        failures += 1
        let first = firstFailure ?? now
        firstFailure = first
        let delay = max(settings.delay(afterFailures: failures, jitter: jitter), pause ?? .zero)
        return failures < settings.attempts && now + delay - first < settings.patience ? delay : nil
    }
}
