import DequeModule
import Synchronization

/// Lets one task at a time through: whoever changes the mirror together with have, or decides that the two differ.
final class AsyncMutex: Sendable {
    private struct State {
        var isLocked = false
        var waiters: Deque<CheckedContinuation<Void, Never>> = []
    }

    private let state = Mutex(State())

    /// Runs `work` when nobody else is at it.
    ///
    /// Whoever waits is not cancelled: nobody stays long.
    func withLock<Result: Sendable>(_ work: @Sendable () async throws -> Result) async throws -> Result {
        await enter()
        defer { leave() }
        return try await work()
    }

    private func enter() async {
        await withCheckedContinuation { waiter in
            let isFree = state.withLock { state in
                if state.isLocked {
                    state.waiters.append(waiter)
                    return false
                }
                state.isLocked = true
                return true
            }
            if isFree { waiter.resume() }
        }
    }

    private func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.isLocked = !state.waiters.isEmpty
            return state.waiters.popFirst()
        }
        next?.resume()
    }
}
