import Glibc
import TestSupport
import Testing

@testable import Engine

/// Threads that do not come any further are told from those that are only slow, or busy.
@Suite(.timeLimit(.minutes(30)))
struct StallWatchTests {
    /// How long `work` seems to be stuck, by ten looks a second apart.
    private func stall(_ work: @escaping @Sendable () -> Void) async throws -> Duration? {
        let pool = DiskPool(threads: 2)
        let watch = StallWatch([pool])
        let done = AtomicFlag(false)
        #expect(watch.look() == nil && !watch.isBusy)
        async let job: Void = pool.run {
            while !done.value { work() }
        }
        try await eventually("work") { watch.isBusy }
        let start = ContinuousClock.now
        var found: Duration?
        for second in 0..<10 {
            found = watch.look(now: start + .seconds(second))
            try await Task.sleep(for: .milliseconds(50))
        }
        done.set(true)
        try await job
        return found
    }

    @Test("a thread that waits for one answer is stuck from the first look on")
    func stuck() async throws {
        let found = try await stall { usleep(8_000_000) }
        #expect(try #require(found) >= .seconds(8))
    }

    @Test("a thread whose answers come slowly, and one that computes, are not stuck")
    func slow() async throws {
        #expect(try await stall { usleep(10_000) } == nil)
        #expect(try await stall {} == nil)
    }

    @Test("threads without work are never stuck")
    func idle() async throws {
        let pool = DiskPool(threads: 3)
        let watch = StallWatch([pool])
        try await pool.run {}
        for second in 0..<5 { #expect(watch.look(now: .now + .seconds(second * 100)) == nil) }
    }
}
