import Synchronization

/// A coalescing signal: any number of `notify()` calls before the next wait count as one.
///
/// Not an `AsyncStream`: that ends for good when one waiting task is cancelled, and every race cancels its losers.
public final class AsyncSignal: Sendable {
    private enum State {
        case idle
        case notified
        case awaited(CheckedContinuation<Void, any Error>)
    }

    private let state = Mutex(State.idle)

    /// Makes a signal that nobody has notified yet.
    public init() {}

    /// Wakes the waiter; if there is none, the next one does not wait.
    public func notify() {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            if case .awaited(let waiter) = state {
                state = .idle
                return waiter
            }
            state = .notified
            return nil
        }
        waiter?.resume()
    }

    /// Consumes a notification without waiting.
    ///
    /// - Returns: whether there was one.
    public func consume() -> Bool {
        state.withLock { state in
            guard case .notified = state else { return false }
            state = .idle
            return true
        }
    }

    /// Waits for a notification and consumes it; one waiter at a time.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let isReady = state.withLock { state in
                    if case .notified = state {
                        state = .idle
                        return true
                    }
                    state = .awaited(waiter)
                    return false
                }
                if isReady { return waiter.resume() }
                if Task.isCancelled { giveUp() }
            }
        } onCancel: {
            giveUp()
        }
    }

    /// Waits for a notification, until `end`, or until the task is cancelled; one waiter at a time.
    public func wait(until end: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { race in
            race.addTask { try? await self.wait() }  // cancelled: the race is over
            race.addTask { try? await Task.sleep(until: end, clock: .continuous) }  // likewise
            await race.next()
            race.cancelAll()
        }
    }

    /// Waits for a notification, but not longer than `time`; one waiter at a time.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func wait(atMost time: Duration, _ clock: any Clock<Duration>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { race in
            race.addTask { try await self.wait() }
            race.addTask { try await clock.sleep(for: time) }
            defer { race.cancelAll() }
            try await race.next()
        }
    }

    private func giveUp() {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            guard case .awaited(let waiter) = state else { return nil }
            state = .idle
            return waiter
        }
        waiter?.resume(throwing: CancellationError())
    }
}
