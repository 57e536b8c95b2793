import Logging
import SyncModel
import Synchronization

/// Waits for Dropbox to report a change; a longpoll that fails is no reason to stop, the interval is there too.
struct Longpoll {
    let remote: any RemoteSource
    let clock: any Clock<Duration>
    let board: StatusBoard
    let longpollBackoff: LongpollBackoff
    let jitter: @Sendable () -> Double
    let logger: Logger

    /// The shortest that the server takes; the longer ones save next to nothing.
    private static let limit = Duration.seconds(30)
    /// An answer comes within the limit, and up to 90 s of the server's own.
    private static let silence = Duration.seconds(125)

    func wait(after cursor: Cursor) async throws {
        while true {
            if let pause = longpollBackoff.pause(jitter: jitter()) {
                try await board.withQuietPeriod(upTo: pause) { try await clock.sleep(for: pause) }
            }
            do {
                let (changed, time) = try await board.withQuietPeriod(upTo: Self.silence) {
                    try await measured(clock) { try await remote.awaitChange(after: cursor, for: Self.limit) }
                }
                longpollBackoff.answered(changed, after: time, of: Self.limit)
                if changed { return }
            } catch {
                try Task.checkCancellation()
                // The next pass asks with the same cursor and learns the same.
                if disposition(of: error) == .cursorReset { return longpollBackoff.promised() }
                longpollBackoff.failed()
                logger.debug("longpoll: \(error)")
            }
        }
    }
}

/// How long work takes.
private func measured<Result, C: Clock>(
    _ clock: C, _ work: () async throws -> Result
) async throws -> (Result, Duration) where C.Duration == Duration {
    let start = clock.now
    let result = try await work()
    return (result, start.duration(to: clock.now))
}

/// What is remembered of longpolls from one pass to the next, so that none that tells nothing is repeated at once.
///
/// Counted as failures are errors, "no changes" in less than half of the time that was asked for, and "changes" of which
/// the read that follows finds none. Each one in a row doubles the pause before the next longpoll; an answer that kept
/// its word ends that.
final class LongpollBackoff: Sendable {
    private struct State {
        var failures = 0
        /// Whether changes were reported that nobody has looked for yet.
        var isPromise = false
    }

    private let state = Mutex(State())

    /// Notes an answer, and how long it took of the time that it was given.
    func answered(_ changed: Bool, after time: Duration, of limit: Duration) {
        if changed { return promised() }
        if time < limit / 2 { failed() } else { state.withLock { $0.failures = 0 } }
    }

    /// Notes that changes were reported, or something else that the next read is to find.
    func promised() { state.withLock { $0.isPromise = true } }

    /// Notes that there was no answer.
    func failed() { state.withLock { $0.failures += 1 } }

    /// Notes that changes were looked for, and whether there were any.
    func changesRead(foundAny: Bool) {
        state.withLock { state in
            if foundAny { state.failures = 0 } else if state.isPromise { state.failures += 1 }
            state.isPromise = false
        }
    }

    /// How long to wait before the next longpoll; `nil` for not at all.
    ///
    /// - Parameter jitter: a random number from 0 to 1.
    func pause(jitter: Double) -> Duration? {
        let failures = state.withLock { $0.failures }
        if failures == 0 { return nil }
        return Backoff.everything.delay(failures: failures, jitter: jitter)
    }
}
