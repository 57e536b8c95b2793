internal import Glibc
internal import Synchronization

/// One thread that waits until sockets are ready for the tasks that need them.
///
/// Every wait is registered anew and forgotten when it is over, so that a descriptor that is closed and given out
/// again can never inherit anything from its former life.
final class EventLoop: Sendable {
    private struct Waiter {
        let file: Int32
        let events: Int16
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        /// Waits that were cancelled before they had begun.
        var cancelled: Set<UInt64> = []
        var next: UInt64 = 0
        /// Whether the thread must be woken to learn of a change.
        var isAsleep = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wakeUp: (read: Int32, write: Int32)

    /// Starts the thread; `stop()` ends it.
    init() throws(SystemFailure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemFailure("pipe") }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        wakeUp = (ends[0], ends[1])
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        guard error == 0 else {
            Unmanaged<EventLoop>.fromOpaque(context).release()
            throw SystemFailure("pthread_create", error)
        }
        pthread_detach(thread)
    }

    /// Nobody can wake the thread any more, and the thread has ended.
    deinit {
        close(wakeUp.read)
        close(wakeUp.write)
    }

    /// Returns when `file` is ready for one of `events` of `poll`, or has come to its end.
    func wait(for events: Int32, on file: Int32) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        defer { state.withLock { _ = $0.cancelled.remove(id) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                add(id, Waiter(file: file, events: Int16(events), continuation: continuation))
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Ends the thread and every wait.
    func stop() {
        let waiters = state.withLock { state in
            state.isStopped = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.continuation.resume(throwing: CancellationError()) }
        wake()
    }

    private func add(_ id: UInt64, _ waiter: Waiter) {
        let (isAccepted, isAsleep) = state.withLock { state in
            guard !state.isStopped, !state.cancelled.contains(id) else { return (false, false) }
            state.waiters[id] = waiter
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if isAsleep { wake() }
        if !isAccepted { waiter.continuation.resume(throwing: CancellationError()) }
    }

    private func wake() {
        var byte: UInt8 = 0
        _ = write(wakeUp.write, &byte, 1)
    }

    // MARK: The thread

    private func run() {
        var files: [pollfd] = []
        var ids: [UInt64] = []
        while prepare(&files, &ids) {
            guard poll(&files, nfds_t(files.count), -1) > 0 else { continue }
            if files[0].revents != 0 { drain() }
            for waiter in take(files, ids) { waiter.continuation.resume() }
        }
    }

    /// Lists what is waited for; false when the thread shall end.
    private func prepare(_ files: inout [pollfd], _ ids: inout [UInt64]) -> Bool {
        files.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        files.append(pollfd(fd: wakeUp.read, events: Int16(POLLIN), revents: 0))
        return state.withLock { state in
            for (id, waiter) in state.waiters {
                files.append(pollfd(fd: waiter.file, events: waiter.events, revents: 0))
                ids.append(id)
            }
            state.isAsleep = true
            return !state.isStopped
        }
    }

    /// The waiters whose files are ready.
    private func take(_ files: [pollfd], _ ids: [UInt64]) -> [Waiter] {
        state.withLock { state in
            state.isAsleep = false
            return zip(files.dropFirst(), ids).compactMap { file, id in
                file.revents == 0 ? nil : state.waiters.removeValue(forKey: id)
            }
        }
    }

    private func drain() {
        var bytes = (UInt64(0), UInt64(0))
        while read(wakeUp.read, &bytes, MemoryLayout.size(ofValue: bytes)) > 0 {}
    }
}

/// A call of the system that failed.
struct SystemFailure: Error, CustomStringConvertible {
    let description: String

    init(_ call: String, _ error: Int32 = errno) { description = "\(call): \(String(cString: strerror(error)))" }
}
