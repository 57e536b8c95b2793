import NetworkSupport
import Synchronization
import Testing
@testable import Transport

/// The limit for all bodies that go to sinks.
@Suite(.timeLimit(.minutes(5)))
struct BandwidthTests {
    @Test("the bucket gives its rate, a quarter of a second ahead at most, and is overdrawn by one piece at most")
    func bucket() {
        var bucket = TokenBucket(rate: 1_000_000, at: 5)
        let early = bucket.take(1)
        #expect(!early)
        bucket.fill(at: 5.1)
        var taken = 0
        while bucket.take(16_384) { taken += 16_384 }
        #expect((100_000..<116_384).contains(taken))
        #expect(bucket.wait >= 0.02 && bucket.wait < 0.037)
        bucket.fill(at: 1000)
        #expect(bucket.wait == 0)
        taken = 0
        while bucket.take(1000) { taken += 1000 }
        #expect(taken == 250_000)
        var received = 0
        for step in 1...10_000 {
            bucket.fill(at: 1000 + Double(step) / 1000)
            while bucket.take(16_384) { received += 16_384 }
        }
        #expect((9_990_000...10_020_000).contains(received), "10 s at 1 MB/s")
    }

    @Test("many small bodies and one large one are held to the limit alike", arguments: [(80, 25_000), (4, 500_000)])
    func limited(count: Int, size: Int) async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: size)) }
        let transport = CurlTransport.direct(TransportSettings(bandwidth: 4_000_000))
        let began = ContinuousClock.now
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let sink = CollectingSink()
                    _ = await outcome(transport, HTTPRequest(.get, server.url), sink: sink)
                    return sink.count
                }
            }
            for await received in group { #expect(received == size) }
        }
        #expect(ContinuousClock.now - began >= .milliseconds(400), "2 MB at 4 MB/s cannot take less")
        #expect(transport.counters.bytesReceived == count * size, "a paused piece is counted once")
        await transport.stop()
    }

    @Test("a limit that is lifted, and one that is set, count at once")
    func changed() async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: 3_000_000)) }
        let transport = CurlTransport.direct(TransportSettings(bandwidth: 1))
        let begun = Signal()
        let request = HTTPRequest(.get, server.url)
        let task = Task { await outcome(transport, request, sink: CollectingSink(onBegin: { begun.fire() })) }
        await begun.wait()
        let inMemory = try await transport.send(request)
        #expect(inMemory.body.count == 3_000_000, "what goes to memory is not held back")
        transport.limit(bandwidth: nil)
        #expect(await task.value == "200")
        await transport.stop()
    }

    @Test("a limit that depends on the time is asked for once a minute, and at once when it is refreshed")
    func timetable() {
        let minute = Mutex(100)
        let rate = Mutex<Int64?>(nil)
        let asked = Mutex(0)
        let bandwidth = Bandwidth(
            minute: { minute.withLock { $0 } },
            rate: {
                asked.withLock { $0 += 1 }
                return rate.withLock { $0 }
            })
        func admits() -> Bool { bandwidth.take(1_000_000) && bandwidth.take(1) }
        #expect(admits() && bandwidth.wait() == 0)
        rate.withLock { $0 = 1 }
        #expect(admits(), "not before the minute has ended")
        minute.withLock { $0 -= 1 }
        #expect(!admits(), "a clock that was set back counts, too")
        #expect(bandwidth.wait() > 0)
        rate.withLock { $0 = nil }
        #expect(!admits())
        bandwidth.refresh()
        #expect(admits())
        #expect(asked.withLock { $0 } == 3)
    }

    @Test("paused transfers can be cancelled, stopped, and refused by their sink")
    func paused() async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: 3_000_000)) }
        struct Refusal: Error {}
        for ending in ["CancellationError", "stopped", "Refusal"] {
            let transport = CurlTransport.direct(TransportSettings(bandwidth: 100))
            let begun = Signal()
            let sink = CollectingSink(
                onBegin: { begun.fire() }, onWrite: { _ in if ending == "Refusal" { throw Refusal() } })
            let task = Task { await outcome(transport, HTTPRequest(.get, server.url), sink: sink) }
            await begun.wait()
            #expect(await transport.alive())
            switch ending {
            case "stopped": await transport.stop()
            case "Refusal": transport.limit(bandwidth: nil)
            default: task.cancel()
            }
            #expect(await task.value == ending)
            await transport.stop()
        }
    }
}
