import Glibc
import Synchronization

/// One thread of a disk pool: when it began what it is at, and how far it has come.
final class Worker: Sendable {
    private let thread = Atomic<UInt>(0)
    /// Nanoseconds of the monotonic clock; 0 while it has nothing to do.
    private let began = Atomic<Int64>(0)

    /// Called on the thread itself, once.
    func register() { thread.store(UInt(pthread_self()), ordering: .releasing) }

    func begin() { began.store(Self.time(of: CLOCK_MONOTONIC), ordering: .releasing) }
    func end() { began.store(0, ordering: .releasing) }

    /// What it is at, told from other pieces of work by its beginning; nil if nothing.
    var work: Int64? {
        let began = began.load(ordering: .acquiring)
        return began == 0 ? nil : began
    }

    /// The processor time that the thread has used; who waits in the kernel uses none.
    var used: Int64 {
        var clock = clockid_t()
        let thread = thread.load(ordering: .acquiring)
        guard thread != 0, pthread_getcpuclockid(pthread_t(thread), &clock) == 0 else { return 0 }
        return Self.time(of: clock)
    }

    private static func time(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Notices threads that a disk does not answer: they are at the same piece of work, and their processor time stands still.
///
/// A slow disk answers piece by piece, and each answer takes the thread some processor time.
public final class StallWatch: Sendable {
    private struct Look {
        var work: Int64
        var used: Int64
        var since: ContinuousClock.Instant
    }

    private let pools: [DiskPool]
    private let looks = Mutex<[ObjectIdentifier: Look]>([:])

    /// Watches the threads of `pools`.
    public init(_ pools: [DiskPool]) { self.pools = pools }

    /// Whether any thread is at work.
    public var isBusy: Bool { pools.contains { $0.workers.contains { $0.work != nil } } }

    /// For how long one of the threads has not come any further, as far as looks like this one could tell.
    ///
    /// - Returns: nil if all have.
    public func look(now: ContinuousClock.Instant = .now) -> Duration? {
        looks.withLock { looks in
            var next: [ObjectIdentifier: Look] = [:]
            for worker in pools.flatMap(\.workers) {
                guard let work = worker.work else { continue }
                let (id, used) = (ObjectIdentifier(worker), worker.used)
                if let last = looks[id], last.work == work, last.used == used {
                    next[id] = last
                } else {
                    next[id] = Look(work: work, used: used, since: now)
                }
            }
            looks = next
            let longest = next.values.map { $0.since.duration(to: now) }.max() ?? .zero
            return longest == .zero ? nil : longest
        }
    }
}
