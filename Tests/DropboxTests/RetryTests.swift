@testable import Dropbox
import SyncModel
import Synchronization
import Testing
import Transport

/// Retries and pauses, on a clock that only counts.
@Suite(.timeLimit(.minutes(5)))
struct RetryTests {
    struct Pause: Sendable, CustomTestStringConvertible {
        var headers: [String: String]
        var body: String
        var expected: Duration
        var testDescription: String { "\(headers) \(body)" }
    }

    private static let json = #"{"error":{"reason":{".tag":"too_many_requests"},"retry_after":300}}"#
    private static let jsonOfOne = #"{"error":{"reason":{".tag":"too_many_requests"}}}"#

    static let pauses = [
        Pause(headers: ["Retry-After": "7"], body: "", expected: .seconds(7)),
        Pause(headers: ["retry-after": "7"], body: json, expected: .seconds(300)),
        Pause(headers: ["Retry-After": "400"], body: json, expected: .seconds(400)),
        Pause(headers: [:], body: json, expected: .seconds(300)),
        Pause(headers: [:], body: jsonOfOne, expected: .seconds(1)),
        Pause(headers: [:], body: "Too many requests", expected: .seconds(5)),
        Pause(headers: ["Retry-After": "soon"], body: "", expected: .seconds(5)),
        Pause(headers: ["Retry-After": "-3"], body: "", expected: .seconds(5)),
        Pause(headers: ["Retry-After": "0.5"], body: "", expected: .seconds(1)),
        Pause(
            headers: [
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:51:37 GMT",
            ], body: "", expected: .seconds(120)),
        Pause(
            headers: ["Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sunday, 06-Nov-94 08:49:47 GMT"],
            body: "", expected: .seconds(10)),
        Pause(headers: ["Retry-After": "99999999999999999999"], body: "", expected: .seconds(900)),
        Pause(headers: ["Retry-After": "86400"], body: "", expected: .seconds(900)),
        Pause(
            headers: [
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Fri, 06 Nov 2076 08:51:37 GMT",
            ], body: "", expected: .seconds(900)),
    ]

    @Test("a 429 is waited out for as long as the server says, in all its forms", arguments: pauses)
    func rateLimit(_ given: Pause) async throws {
        let fixture = MirrorFixture(.answer(429, given.body, headers: given.headers), .answer(200, emptyPage))
        _ = try await fixture.client.changes(since: nil)
        #expect(fixture.clock.sleeps == [given.expected])
        #expect(fixture.transport.requests.count == 2)
    }

    @Test("pauses are never counted as failures, and end for a command at its limit")
    func patience() async throws {
        let daemon = MirrorFixture(
            ScriptedTransport { _, number in
                number < 50 ? .answer(429, "", headers: ["Retry-After": "300"]) : .answer(200, emptyPage)
            }, settings: CallSettings(attempts: 2))
        _ = try await daemon.client.changes(since: nil)
        #expect(daemon.clock.elapsed >= .seconds(50 * 300))
        let command = MirrorFixture(
            .answer(429, "", headers: ["Retry-After": "20", "X-Dropbox-Request-Id": "r1"]),
            settings: CallSettings(pausePatience: .seconds(60)))
        let error = try await refusal { _ = try await command.client.changes(since: nil) }
        #expect(error?.code == .rateLimited)
        #expect(error?.disposition == .unreachable)
        #expect(error?.requestID == "r1")
        #expect(command.clock.elapsed <= .seconds(60))
        #expect(command.transport.requests.count == 4)
    }

    @Test("one 429 holds the requests of the account's other clients, too")
    func otherClients() async throws {
        let clock = SteppingClock()
        let gate = RequestGate(clock: clock)
        func client(_ reply: ScriptedTransport.Reply) -> DropboxClient {
            DropboxClient(
                transport: ScriptedTransport { _, _ in reply }, endpoints: Endpoints(base: "https://server"),
                tokens: TokenSource(credentials: Credentials(accessToken: "T0")),
                settings: CallSettings(pausePatience: .zero), clock: clock, gate: gate)
        }
        let refused = client(.answer(429, "", headers: ["Retry-After": "30"]))
        let error = try await refusal { _ = try await refused.changes(since: nil) }
        #expect(error?.code == .rateLimited && clock.sleeps.isEmpty)
        let other = try await refusal { _ = try await client(.answer(200, emptyPage)).changes(since: nil) }
        #expect(other?.code == .rateLimited, "a call of no patience does not wait for somebody else's pause either")
        try await clock.sleep(for: .seconds(30))
        _ = try await client(.answer(200, emptyPage)).changes(since: nil)
    }

    /// What two gates tell each other.
    private final class Notes: PauseNews {
        let told = Mutex<[Duration]>([])
        let waiting = Mutex<[Duration]>([])

        func heard() -> Duration? { waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
        func tell(_ pause: Duration) { told.withLock { $0.append(pause) } }
    }

    @Test("a 429 is told to others of the account; what they were told is waited out, and told to nobody again")
    func news() async throws {
        let clock = SteppingClock()
        let notes = Notes()
        let pauses = Mutex<[(Duration, PauseOrigin)]>([])
        let gate = RequestGate(
            clock: clock, onPause: { pause, origin in pauses.withLock { $0.append((pause, origin)) } }, news: notes)
        let client = DropboxClient(
            transport: ScriptedTransport { _, number in
                number == 0 ? .answer(429, "", headers: ["Retry-After": "30"]) : .answer(200, emptyPage)
            }, endpoints: Endpoints(base: "https://server"),
            tokens: TokenSource(credentials: Credentials(accessToken: "T0")), clock: clock, gate: gate)
        _ = try await client.changes(since: nil)
        #expect(notes.told.withLock { $0 } == [.seconds(30)] && clock.sleeps.first == .seconds(30))
        notes.waiting.withLock { $0 = [.seconds(40)] }
        let before = clock.elapsed
        _ = try await client.changes(since: nil)
        #expect(clock.elapsed - before >= .seconds(40))
        notes.waiting.withLock { $0 = [.seconds(100_000)] }
        let long = clock.elapsed
        _ = try await client.changes(since: nil)
        #expect(clock.elapsed - long < .seconds(1_000), "no pause is believed for that long")
        #expect(notes.told.withLock { $0 } == [.seconds(30)])
        #expect(pauses.withLock { $0.map(\.0) } == [.seconds(30), .seconds(40), .seconds(100_000)])
        #expect(pauses.withLock { $0.map(\.1) } == [.answer, .others, .others])
    }

    @Test("one 429 holds every other request of the account")
    func gate() async throws {
        let clock = Mutex<[Duration]>([])
        let fixture = Mutex<MirrorFixture?>(nil)
        let made = MirrorFixture(
            ScriptedTransport { _, number in
                let now = fixture.withLock { $0?.clock.elapsed } ?? .zero
                clock.withLock { $0.append(now) }
                return number == 0 ? .answer(429, "", headers: ["Retry-After": "30"]) : .answer(200, emptyPage)
            })
        fixture.withLock { $0 = made }
        let client = made.client
        _ = try await client.changes(since: nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { _ = try await client.changes(since: nil) } }
            try await group.waitForAll()
        }
        let times = clock.withLock { $0 }
        #expect(times.first == .zero)
        #expect(times.count == 7)
        #expect(times.dropFirst().allSatisfy { $0 >= .seconds(30) })
        fixture.withLock { $0 = nil }
    }

    @Test("failures are tried again after growing delays, a bounded number of times")
    func backoff() async throws {
        let replies: [(ScriptedTransport.Reply, Disposition)] = [
            (.answer(500), .retry(after: nil)), (.answer(503, "<html>"), .retry(after: nil)),
            (.answer(200, "{"), .retry(after: nil)), (.failure(.cut), .unreachable), (.failure(.timeout), .unreachable),
            (.failure(.resolve), .unreachable), (.failure(.connect), .unreachable),
        ]
        for (reply, disposition) in replies {
            let fixture = MirrorFixture(reply, settings: CallSettings(attempts: 5))
            let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
            #expect(error?.disposition == disposition)
            #expect(fixture.transport.requests.count == 5)
            #expect(fixture.clock.sleeps == [0.25, 0.5, 1, 2].map { .seconds($0) })
        }
    }

    @Test("what time cannot cure is not tried again")
    func permanent() async throws {
        let replies: [ScriptedTransport.Reply] = [
            .failure(.untrusted), .failure(.unusable), .failure(.stopped), .answer(404),
        ]
        for reply in replies {
            let fixture = MirrorFixture(reply)
            let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
            #expect(error?.disposition == .abortPass)
            #expect(fixture.transport.requests.count == 1)
        }
    }

    @Test("the time of all tries is bounded, the wait that the server asks for included")
    func totalTime() async throws {
        let table: [(retryAfter: String?, patience: Duration, requests: Int)] = [
            ("3600", .seconds(300), 1), ("100", .seconds(300), 3), (nil, .seconds(1), 3),
        ]
        for (retryAfter, patience, requests) in table {
            let headers = retryAfter.map { ["Retry-After": $0] } ?? [:]
            let fixture = MirrorFixture(
                .answer(503, "", headers: headers), settings: CallSettings(attempts: 100, patience: patience))
            let error = try await refusal { _ = try await fixture.client.changes(since: nil) }
            #expect(error?.code == .server)
            #expect(fixture.transport.requests.count == requests, "\(retryAfter ?? "no header")")
            #expect(fixture.clock.elapsed < patience)
        }
    }

    @Test("cancelling ends a pause")
    func cancel() async throws {
        let fixture = MirrorFixture(.answer(429, "", headers: ["Retry-After": "10"]))
        let client = fixture.client
        let task = Task { try await client.changes(since: nil) }
        while fixture.transport.requests.isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }

    @Test("the pace: nothing is held back before a 429, a gap after it shrinks away, late answers widen it once")
    func pace() throws {
        var pace = Pace()
        func go(_ now: Duration) throws -> Pace.Ticket {
            guard case .go(let ticket) = pace.admit(at: now) else { throw CancellationError() }
            return ticket
        }
        let early = try (0..<10).map { _ in try go(.zero) }
        for _ in early { pace.finished() }
        for ticket in early { pace.rateLimited(ticket, at: .seconds(1), for: .seconds(9)) }
        pace.rateLimited(early[0], at: .seconds(1), for: .seconds(2))
        #expect(pace.admit(at: .seconds(4)) == .wait(.seconds(6)))
        var ticket = try go(.seconds(10))
        pace.finished()
        #expect(pace.admit(at: .seconds(10)) == .wait(.milliseconds(20)))
        for ticket in early { pace.answered(ticket) }
        ticket = try go(.seconds(11))
        #expect(pace.admit(at: .seconds(11)) == .wait(.milliseconds(20)), "late answers tell nothing about now")
        for step in 0..<40 {
            pace.finished()
            pace.answered(ticket)
            if case .go(let next) = pace.admit(at: .seconds(12 + step)) { ticket = next }
        }
        _ = try go(.seconds(100))
        _ = try go(.seconds(100))
    }

    @Test("the pace: a 429 halves what runs at a time, each round of successes gives one more place")
    func concurrency() throws {
        var pace = Pace()
        func go(_ now: Duration) throws -> Pace.Ticket {
            guard case .go(let ticket) = pace.admit(at: now) else { throw CancellationError() }
            return ticket
        }
        let tickets = try (0..<16).map { _ in try go(.zero) }
        #expect(pace.concurrency == nil)
        for ticket in tickets {
            pace.finished()
            pace.rateLimited(ticket, at: .seconds(1), for: .seconds(1))
        }
        #expect(pace.concurrency == 8)
        var now = Duration.seconds(3)
        func fill() throws -> [Pace.Ticket] {
            var running: [Pace.Ticket] = []
            while true {
                now += .seconds(2)
                guard case .go(let ticket) = pace.admit(at: now) else { return running }
                running.append(ticket)
            }
        }
        for expected in 8...12 {
            let running = try fill()
            #expect(running.count == expected)
            for ticket in running {
                pace.finished()
                pace.answered(ticket)
            }
        }
    }

    @Test("the pace: after a pause that was cut, one request asks, and the others follow its answer") func probe()
        throws
    {
        var pace = Pace()
        func go(_ now: Duration) throws -> Pace.Ticket {
            guard case .go(let ticket) = pace.admit(at: now) else { throw CancellationError() }
            return ticket
        }
        let tickets = try (0..<8).map { _ in try go(.zero) }
        for ticket in tickets {
            pace.finished()
            pace.rateLimited(ticket, at: .zero, for: .seconds(999_999))
        }
        #expect(pace.admit(at: .seconds(1)) == .wait(.seconds(899)))
        let second = try go(.seconds(900))
        #expect(pace.admit(at: .seconds(901)) == .queue(.milliseconds(20)))
        pace.finished()
        pace.rateLimited(second, at: .seconds(901), for: .seconds(999_999))
        let third = try go(.seconds(1801))
        #expect(pace.admit(at: .seconds(1802)) == .queue(.milliseconds(20)))
        pace.finished()
        pace.answered(third)
        _ = try go(.seconds(1803))
        pace.finished()
        _ = try go(.seconds(1804))
    }

    @Test("the pace: a request that asks and never comes back holds nobody for long") func lostProbe() throws {
        var pace = Pace()
        func go(_ now: Duration) throws -> Pace.Ticket {
            guard case .go(let ticket) = pace.admit(at: now) else { throw CancellationError() }
            return ticket
        }
        let tickets = try (0..<8).map { _ in try go(.zero) }
        pace.finished()
        pace.rateLimited(tickets[0], at: .zero, for: .seconds(900))
        for _ in 1..<8 { pace.finished() }
        _ = try go(.seconds(900))
        #expect(pace.admit(at: .seconds(909)) == .queue(.milliseconds(20)))
        _ = try go(.seconds(910))
    }

    @Test("whatever is answered, as long as it is no 429, requests are soon close together again")
    func unusable() async throws {
        let answers: [ScriptedTransport.Reply] = [
            .answer(200, "text without a result"), .cut(200, body: "text", sent: 2), .answer(404), .answer(500),
            .answer(409, #"{"error":{".tag":"path","path":{".tag":"not_found"}}}"#), .answer(403),
        ]
        for answer in answers {
            let fixture = MirrorFixture(
                ScriptedTransport { _, number in
                    number < 6 ? .answer(429, "", headers: ["Retry-After": "1"]) : answer
                }, settings: CallSettings(attempts: 1))
            let version = FileVersion(rev: Rev("1"), size: 4, hash: hash(of: "text"), modified: Timestamp(seconds: 0))
            var gaps: [Duration] = []
            for _ in 0..<80 {
                let before = fixture.clock.elapsed
                _ = try? await fixture.client.download(version, into: MemorySink())
                gaps.append(fixture.clock.elapsed - before)
            }
            #expect(gaps.contains { $0 > .milliseconds(100) }, "the 429 made a gap")
            #expect(gaps.suffix(3).allSatisfy { $0 == .zero }, "\(answer): \(gaps.suffix(3))")
        }
    }

    @Test("a day's pause is asked about every quarter of an hour, by one request at a time") func longPause()
        async throws
    {
        let fixture = MirrorFixture(
            ScriptedTransport { _, number in
                number < 10 ? .answer(429, "", headers: ["Retry-After": "86400"]) : .answer(200, emptyPage)
            })
        _ = try await fixture.client.changes(since: nil)
        #expect(fixture.transport.requests.count == 11)
        #expect(fixture.clock.elapsed >= .seconds(9000) && fixture.clock.elapsed < .seconds(9100))
    }
}
