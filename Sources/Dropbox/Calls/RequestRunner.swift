import Logging
import SyncModel
import Transport

/// The one function every call goes through: gate, token, attempt, classify, retry.
struct RequestRunner: Sendable {
    let transport: any HTTPTransport
    /// `nil` for calls of the sign-in itself.
    let tokens: TokenSource?
    let pathRoot: PathRoot?
    let gate: RequestGate
    let settings: CallSettings
    let time: TimeSource
    /// Random numbers in 0..<1.
    let jitter: @Sendable () -> Double
    let logger: Logger

    /// Makes a call that is the same in every attempt, and reads its answer.
    func run<Answer>(_ call: Call, receive: (HTTPResponse) throws -> Answer) async throws -> Answer {
        try await run(call, attempt: { Attempt(request: call.request) }, progress: { 0 }, receive: receive)
    }

    /// Makes a call whose attempts differ: a download continues where it was cut.
    ///
    /// A growing `progress` forgives the failures before it.
    func run<Answer>(
        _ call: Call, attempt: () throws -> Attempt, progress: () -> Int64, receive: (HTTPResponse) throws -> Answer
    ) async throws -> Answer {
        var tries = Tries(settings: settings, progress: progress())
        while true {
            var sent = Sent()
            do {
                return try receive(try await once(call, attempt(), &sent))
            } catch let error as TransportError {
                try await retry(DropboxError(error, endpoint: call.endpoint), sent, &tries, progress())
            } catch let error as DropboxError {
                try await retry(error, sent, &tries, progress())
            }
        }
    }

    /// What an attempt used, for judging its failure.
    private struct Sent {
        var ticket: Pace.Ticket?
        var token: String?
    }

    private func once(_ call: Call, _ attempt: Attempt, _ sent: inout Sent) async throws -> HTTPResponse {
        var request = attempt.request
        if call.isAuthorized {
            sent.ticket = try await gate.pass()
            let token = try await tokens?.accessToken()
            sent.token = token
            if let token { request.headers.append(.init("Authorization", "Bearer \(token)")) }
            if let pathRoot { request.headers.append(.init("Dropbox-API-Path-Root", pathRoot.headerValue)) }
        }
        let response = try await transport.send(request, sink: attempt.sink)
        guard response.status == 200 || response.status == 206 else { throw DropboxError.refusal(of: call, response) }
        if let ticket = sent.ticket { gate.succeeded(ticket) }
        return response
    }

    /// Returns when the call is to be tried again; throws what makes it fail for good.
    private func retry(_ error: DropboxError, _ sent: Sent, _ tries: inout Tries, _ progress: Int64) async throws {
        if error.code == .signIn, error.status == 401, let token = sent.token, let tokens, !tries.hasRefreshed {
            tries.hasRefreshed = true
            guard try await tokens.replace(rejected: token) else { throw error }
            return
        }
        guard case .retry(let pause) = error.disposition else { throw error }
        logger.debug("a call failed", metadata: ["error": "\(error)"])
        if error.code == .rateLimited, let ticket = sent.ticket {
            let pause = pause ?? .seconds(1)
            if tries.exhaustedPauses(adding: pause) { throw error }
            gate.hold(ticket, for: pause)
        } else {
            guard tries.mayTryAgain(at: time.now(), progress: progress) else { throw error }
            let delay = settings.delay(afterFailures: tries.failures, jitter: jitter())
            try await time.sleep(max(delay, pause ?? .zero))
        }
    }
}

/// The tries of one call so far.
struct Tries {
    private let settings: CallSettings
    private var progress: Int64
    private var firstFailure: Duration?
    private var paused: Duration = .zero
    /// Failures since the last progress.
    private(set) var failures = 0
    /// Whether the token was renewed for this call.
    var hasRefreshed = false

    init(settings: CallSettings, progress: Int64) {
        self.settings = settings
        self.progress = progress
    }

    /// Counts a failure and says whether another try is allowed.
    mutating func mayTryAgain(at now: Duration, progress: Int64) -> Bool {
        if progress > self.progress {
            failures = 0
            firstFailure = nil
        }
        self.progress = progress
        failures += 1
        let first = firstFailure ?? now
        firstFailure = first
        return failures < settings.attempts && now - first < settings.patience
    }

    /// Counts a pause that the server asks for and says whether that is too much.
    mutating func exhaustedPauses(adding pause: Duration) -> Bool {
        paused += pause
        return settings.pausePatience.map { paused > $0 } ?? false
    }
}
