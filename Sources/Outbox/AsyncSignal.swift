import Synchronization

/// A coalescing signal: any number of `notify()` calls before the next wait count as one.
///
/// Not an `AsyncStream`: that ends for good when one waiting task is cancelled.
final class AsyncSignal: Sendable {
    private enum State {
        case idle
        case notified
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    /// Rings.
    func notify() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            if case .awaited(let waiter) = state {
                state = .idle
                return waiter
            }
            state = .notified
            return nil
        }
        waiter?.resume()
    }

    /// Waits until it rings, a time has come, or the task is cancelled; one waiter at a time.
    func wait(until end: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { race in
            race.addTask { await self.next() }
            race.addTask { try? await Task.sleep(until: end, clock: .continuous) }  // cancelled: the race is over
            await race.next()
            race.cancelAll()
        }
    }

    private func next() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
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

    private func giveUp() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard case .awaited(let waiter) = state else { return nil }
            state = .idle
            return waiter
        }
        waiter?.resume()
    }
}
