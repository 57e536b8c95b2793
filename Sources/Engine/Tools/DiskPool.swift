import DequeModule
import FileSystem
import Glibc

/// A few threads for calls that block on the disk, so that none ever blocks Swift's own pool.
public final class DiskPool: Sendable {
    private let queue: WorkQueue
    /// The threads, by what they are at.
    let workers: [Worker]

    /// Starts `threads` threads; they end when the pool is released.
    ///
    /// - Parameter prepare: what each thread does first.
    public init(threads: Int = 4, prepare: @escaping @Sendable () -> Void = {}) {
        queue = WorkQueue()
        workers = (0..<threads).map { _ in Worker() }
        for worker in workers { DiskPool.start(worker, queue, prepare) }
    }

    deinit { queue.close() }

    /// Runs `work` on one of the threads.
    ///
    /// - Throws: what `work` throws.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.push { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    /// How much work waits for a thread.
    public var waiting: Int { queue.count }

    /// Queues `work` for one of the threads, which nobody waits for.
    public func post(_ work: @escaping @Sendable () -> Void) { queue.push(work) }

    private static func start(_ worker: Worker, _ queue: WorkQueue, _ prepare: @escaping @Sendable () -> Void) {
        do {
            try startThread {
                worker.register()
                prepare()
                while let work = queue.pop() {
                    worker.begin()
                    work()
                    worker.end()
                }
            }
        } catch {
            preconditionFailure("no thread for disk work: \(error)")
        }
    }
}

extension DiskPool: TaskExecutor {
    /// Runs a part of a task that prefers these threads: what it does there may block.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        post { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// A queue that threads wait on.
private final class WorkQueue: Sendable {
    private struct State {
        var waiting: Deque<@Sendable () -> Void> = []
        var isClosed = false
    }

    private let monitor = Monitor(State())

    func push(_ work: @escaping @Sendable () -> Void) {
        monitor.withLock { $0.waiting.append(work) }
        monitor.wakeOne()
    }

    var count: Int { monitor.withLock { $0.waiting.count } }

    func close() {
        monitor.withLock { $0.isClosed = true }
        monitor.wakeAll()
    }

    /// The next piece of work; `nil` when the queue is closed and empty.
    func pop() -> (@Sendable () -> Void)? {
        monitor.withLock(once: { $0.isClosed || !$0.waiting.isEmpty }) { $0.waiting.popFirst() }
    }
}
