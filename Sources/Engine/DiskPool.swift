import Glibc
import Synchronization

/// A few threads for calls that block on the disk, so that none ever blocks Swift's own pool.
public final class DiskPool: Sendable {
    private let queue: WorkQueue

    /// Starts `threads` threads; they end when the pool is released.
    public init(threads: Int = 4) {
        queue = WorkQueue()
        for _ in 0..<threads { DiskPool.startThread(on: queue) }
    }

    deinit { queue.close() }

    /// Runs `work` on one of the threads.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.push { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    private static func startThread(on queue: WorkQueue) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(queue).toOpaque()
        let failed = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let queue = Unmanaged<WorkQueue>.fromOpaque(context).takeRetainedValue()
                while let work = queue.pop() { work() }
                return nil
            }, context)
        precondition(failed == 0, "no thread for disk work: \(String(cString: strerror(failed)))")
        pthread_detach(thread)
    }
}

/// A queue that threads wait on.
private final class WorkQueue: @unchecked Sendable {
    // `@unchecked`: all state is touched with `mutex` held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [() -> Void] = []
    private var next = 0
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(arrived, nil)
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(mutex)
        arrived.deallocate()
        mutex.deallocate()
    }

    func push(_ work: @escaping () -> Void) {
        pthread_mutex_lock(mutex)
        waiting.append(work)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(arrived)
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(arrived)
    }

    /// The next piece of work; `nil` when the queue is closed and empty.
    func pop() -> (() -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while next == waiting.count {
            if isClosed { return nil }
            pthread_cond_wait(arrived, mutex)
        }
        let work = waiting[next]
        next += 1
        if next == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            next = 0
        }
        return work
    }
}
