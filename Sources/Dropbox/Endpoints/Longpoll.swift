public import SyncModel
import Synchronization
import Transport

extension DropboxClient {
    /// Waits with `list_folder/longpoll` until something may have changed.
    ///
    /// A connection that breaks while it waits is what middleboxes do to idle ones: no news, not an error. Repeated
    /// failures delay the next call.
    public func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        let time = runner.time
        let wait = longpollPace.withLock { $0.delay(at: time.now()) }
        if wait > .zero { try await time.sleep(wait) }
        let call = longpollCall(cursor, limit)
        do {
            let response = try await runner.sendWaiting(call)
            guard response.status == 200 else { throw DropboxError.refusal(of: call, response) }
            let answer = try DropboxClient.decode(LongpollJSON.self, response: response, call: call)
            let pause = RetryAfter.pause(Double(answer.backoff ?? 0))
            longpollPace.withLock { $0.succeeded(at: time.now(), pause: pause) }
            return answer.changes
        } catch let error as TransportError {
            noteFailure(pause: nil)
            if error.code == .cut || error.code == .timeout { return false }
            throw DropboxError(error, endpoint: call.endpoint)
        } catch let error as DropboxError {
            let pause: Duration? = if case .retry(let pause) = error.disposition { pause } else { nil }
            noteFailure(pause: pause)
            throw error
        }
    }

    private func noteFailure(pause: Duration?) {
        let (settings, jitter, now) = (runner.settings, runner.jitter(), runner.time.now())
        longpollPace.withLock { $0.failed(at: now, pause: pause, settings: settings, jitter: jitter) }
    }

    /// The server takes 30 to 480 s and adds up to 90 s of its own; a shorter limit ends on our side.
    private func longpollCall(_ cursor: Cursor, _ limit: Duration) -> Call {
        let seconds = Int(min(max(limit, .seconds(30)), .seconds(480)).components.seconds)
        let argument = APIArgument(["cursor": .text(cursor.text), "timeout": .number(seconds)])
        return .rpc(
            "files/list_folder/longpoll", role: .longpoll, base: endpoints.notify, argument: argument,
            timeout: limit < .seconds(30) ? limit : .seconds(seconds + 100))
    }
}

/// LongpollResult.
private struct LongpollJSON: Decodable {
    let changes: Bool
    let backoff: Int?
}

/// When the next longpoll may go out: after what the server asked for, or a back-off after failures.
struct LongpollPace {
    private var notBefore: Duration = .zero
    private var failures = 0

    func delay(at now: Duration) -> Duration { max(notBefore - now, .zero) }

    mutating func succeeded(at now: Duration, pause: Duration) {
        failures = 0
        notBefore = now + pause
    }

    mutating func failed(at now: Duration, pause: Duration?, settings: CallSettings, jitter: Double) {
        failures += 1
        notBefore = now + max(settings.delay(afterFailures: failures, jitter: jitter), pause ?? .zero)
    }
}
