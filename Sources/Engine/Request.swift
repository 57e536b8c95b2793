import Synchronization

/// A wish that is remembered once until somebody takes it: a channel of size one.
///
/// Not an `AsyncStream`: that ends for good when one waiting task is cancelled, and every race cancels its losers.
final class Request: Sendable {
    private enum State {
        case none
        case made
        case awaited(CheckedContinuation<Void, any Error>)
    }

    private let state = Mutex(State.none)

    /// Makes the request.
    func make() {
        let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
            if case .awaited(let waiter) = state {
                state = .none
                return waiter
            }
            state = .made
            return nil
        }
        waiter?.resume()
    }

    /// Takes the request that was made.
    ///
    /// - Returns: whether there was one.
    func take() -> Bool {
        state.withLock { state in
            guard case .made = state else { return false }
            state = .none
            return true
        }
    }

    /// Waits for a request and takes it; one waiter at a time.
    func next() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let isReady = state.withLock { state in
                    if case .made = state {
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
