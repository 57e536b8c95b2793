import Concurrency
import Logging
import MirrorFS
import Store
import SyncModel

/// What starts the next pass, or has changes read during one.
struct Wakeup: Sendable {
    let remote: any RemoteSource
    let store: StateStore
    let mirror: MirrorTree
    let disk: DiskPool
    let environment: EngineEnvironment
    let board: StatusBoard
    let logger: Logger
    let settings: EngineSettings
    /// Notified when somebody asks for a pass.
    let requests: AsyncSignal
    /// Notified when the mirror's path may lead elsewhere.
    let placeChanges: AsyncSignal
    /// Learns whether a longpoll's report was followed by changes.
    let longpollBackoff: LongpollBackoff

    /// Has the next pass begin at once.
    func request() { requests.notify() }

    /// Waits for the first of: the interval (or `pause`), a change reported by Dropbox, a request, a retry that is due,
    /// later than `known` if that is given.
    ///
    /// - Parameters:
    ///   - pause: how long to wait, for a request only; `nil` for all of them.
    ///   - known: retries that were due by then are known.
    func wait(for pause: Duration? = nil, retriesAfter known: Timestamp? = nil) async throws -> WakeReason {
        if requests.consume() { return .requested }
        let interval = pause ?? settings.interval
        let retry = pause == nil ? try await untilNextRetry(after: known) : nil
        let cursor = pause == nil && settings.longpoll ? try await store.progress().cursor : nil
        let clock = environment.clock
        let rest: (Duration, WakeReason) =
            if let retry, retry < interval { (retry, .retry) } else { (interval, .interval) }
        if cursor != nil { return try await race(for: rest, cursor, clock) }
        return try await board.withQuietPeriod(upTo: rest.0) { try await race(for: rest, cursor, clock) }
    }

    private func race(
        for rest: (time: Duration, wake: WakeReason), _ cursor: Cursor?, _ clock: any Clock<Duration>
    ) async throws -> WakeReason {
        try await withThrowingTaskGroup(of: WakeReason.self) { race in
            race.addTask {
                try await clock.sleep(for: rest.time)
                return rest.wake
            }
            race.addTask { [requests] in
                try await requests.wait()
                return .requested
            }
            if let cursor {
                race.addTask { [remote, board, longpollBackoff, environment, logger] in
                    try await Longpoll(
                        remote: remote, clock: clock, board: board, longpollBackoff: longpollBackoff,
                        jitter: environment.jitter,
                        logger: logger
                    ).wait(after: cursor)
                    return .changed
                }
            }
            race.addTask { [mirror, disk, store, placeChanges] in
                while true {
                    try await placeChanges.wait(atMost: Self.probeInterval, clock)
                    try store.checkPlace()
                    try await disk.run { try mirror.check() }
                }
            }
            defer { race.cancelAll() }
            var wake = try await race.next() ?? rest.wake
            race.cancelAll()
            // A request that was taken in the same moment must not be lost.
            while let other = await race.nextResult() {
                if case .success(.requested) = other { wake = .requested }
            }
            return wake
        }
    }

    /// Time between looks whether mirror and state are there while nothing is done in it, and the kernel tells nothing.
    static let probeInterval = Duration.seconds(15)

    private func untilNextRetry(after known: Timestamp?) async throws -> Duration? {
        guard let due = try await store.nextRetry(after: known) else { return nil }
        return .seconds(max(1, due.seconds(since: environment.now())))
    }
}

/// What a wait has ended with.
enum WakeReason: Sendable {
    /// The interval is over.
    case interval
    /// Dropbox has reported a change.
    case changed
    /// Somebody has asked for a pass.
    case requested
    /// Something that failed is to be tried again.
    case retry
}
