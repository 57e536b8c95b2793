import Synchronization

/// A coalescing signal: any number of `notify()` calls before the next `wait()` count as one.
///
/// Not an `AsyncStream`: that ends for good when one waiting task is cancelled, and every race cancels its losers.
final class AsyncSignal: Sendable {
    private enum State {
        case none
        case notified
        case awaited(CheckedContinuation<Void, any Error>)
    }

    private let state = Mutex(State.none)

    /// Makes the request.
    func notify() {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            if case .awaited(let waiter) = state {
                state = .none
                return waiter
            }
            state = .notified
            return nil
        }
        waiter?.resume()
    }

    /// Takes the request that was made.
    ///
    /// - Returns: whether there was one.
    func consume() -> Bool {
        state.withLock { state in
            guard case .notified = state else { return false }
            state = .none
            return true
        }
    }

    /// Waits for a request and takes it; one waiter at a time.
    func wait() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let isReady = state.withLock { state in
                    if case .notified = state {
                        state = .none
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

    private func giveUp() {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            guard case .awaited(let waiter) = state else { return nil }
            state = .none
            return waiter
        }
        waiter?.resume(throwing: CancellationError())
    }
}
