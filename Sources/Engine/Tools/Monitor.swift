import Glibc

/// A state behind a mutex, with a condition to wait on: for the few threads that block on purpose.
final class Monitor<State>: @unchecked Sendable {
    // `@unchecked`: `state` is touched with `mutex` held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the mutex held, once `condition` is true.
    ///
    /// Whoever makes it true calls `wakeOne` or `wakeAll`.
    func withLock<Result>(
        once condition: (State) -> Bool = { _ in true }, _ body: (inout State) throws -> Result
    ) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !condition(state) { pthread_cond_wait(changed, mutex) }
        return try body(&state)
    }

    /// Wakes one thread that waits.
    func wakeOne() { pthread_cond_signal(changed) }

    /// Wakes all threads that wait.
    func wakeAll() { pthread_cond_broadcast(changed) }
}
