import SyncModel
import Synchronization
import Testing
import Transport

@testable import Dropbox

/// `list_folder/longpoll`: without a token, obeying what the server asks for.
@Suite(.timeLimit(.minutes(5)))
struct LongpollTests {
    @Test("the call carries no token and no path root, and waits longer than the server may")
    func request() async throws {
        let table: [(limit: Duration, timeout: Int, total: Duration)] = [
            (.seconds(60), 60, .seconds(160)), (.seconds(9999), 480, .seconds(580)), (.seconds(5), 30, .seconds(5)),
        ]
        for (limit, timeout, total) in table {
            let fixture = MirrorFixture(
                ScriptedTransport(.answer(200, #"{"changes":true}"# + "\n")), pathRoot: .root("1"))
            #expect(try await fixture.client.awaitChange(after: Cursor("C1"), for: limit))
            let request = try #require(fixture.transport.requests.first)
            #expect(request.url == "https://server/2/files/list_folder/longpoll")
            #expect(try bodies([request]) == [#"{"cursor":"C1","timeout":\#(timeout)}"#])
            #expect(request.header("Authorization") == nil)
            #expect(request.header("Dropbox-API-Path-Root") == nil)
            #expect(request.stallLimit == nil)
            #expect(request.timeout == total)
        }
    }

    @Test("a backoff delays the next call, not this one, and ends with the next answer without one")
    func backoff() async throws {
        let fixture = MirrorFixture(
            .answer(200, #"{"changes":false,"backoff":60}"#), .answer(200, #"{"changes":true}"#),
            .answer(200, #"{"changes":false}"#))
        #expect(try await !fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30)))
        #expect(fixture.clock.sleeps == [])
        fixture.clock.advance(.seconds(10))
        #expect(try await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30)))
        #expect(fixture.clock.sleeps == [.seconds(50)])
        #expect(try await !fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30)))
        #expect(fixture.clock.sleeps == [.seconds(50)])
    }

    @Test("a connection that breaks while it waits is no news, and repeated ones slow down")
    func broken() async throws {
        let fixture = MirrorFixture(
            .failure(.cut), .failure(.timeout), .failure(.cut), .answer(200, #"{"changes":true}"#))
        for expected in [false, false, false, true] {
            #expect(try await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30)) == expected)
        }
        #expect(fixture.clock.sleeps == [0.25, 0.5, 1].map { .seconds($0) })
    }

    @Test("refusals and answers that make no sense are errors, and slow the next call down")
    func refused() async throws {
        let table: [(reply: ScriptedTransport.Reply, disposition: Disposition, next: Duration)] = [
            (.answer(409, #"{"error":{".tag":"reset"}}"#), .cursorReset, .milliseconds(250)),
            (.answer(400, "cursor: unsupported cursor type"), .cursorReset, .milliseconds(250)),
            (.answer(429, "", headers: ["Retry-After": "9"]), .retry(after: .seconds(9)), .seconds(9)),
            (.answer(503), .retry(after: nil), .milliseconds(250)),
            (.answer(404, "<html>"), .abortPass, .milliseconds(250)),
            (.answer(200, "{}"), .retry(after: nil), .milliseconds(250)),
            (.failure(.connect), .unreachable, .milliseconds(250)),
            (.answer(200, #"{"changes":true,"backoff":-9223372036854775808}"#), .skipItem, .zero),
        ]
        for (reply, disposition, next) in table {
            let fixture = MirrorFixture(reply, .answer(200, #"{"changes":false}"#))
            let error = try await refusal {
                _ = try await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30))
            }
            #expect((error?.disposition ?? .skipItem) == disposition)
            _ = try await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30))
            #expect(fixture.clock.sleeps == (next == .zero ? [] : [next]))
        }
    }

    @Test("every call is counted as one that waits, however it ends")
    func counted() async throws {
        let meter = Meter()
        let replies: [ScriptedTransport.Reply] = [.answer(200, #"{"changes":false}"#), .answer(503), .failure(.cut)]
        let fixture = MirrorFixture(ScriptedTransport { _, number in replies[number] }, meter: meter)
        for _ in replies { _ = try? await fixture.client.awaitChange(after: Cursor("C"), for: .seconds(30)) }
        let endpoint = "files/list_folder/longpoll"
        #expect(meter.told == ["\(endpoint) answered(200)", "\(endpoint) answered(503)", "\(endpoint) unanswered"])
    }
}

/// What is counted of waits; anything else is told as well.
private final class Meter: CallMeter {
    private let lines = Mutex<[String]>([])

    var told: [String] { lines.withLock { $0 } }

    func attemptBegan() { tell("began") }
    func attemptEnded(_ endpoint: String, _ result: AttemptResult) { tell("ended") }
    func waitEnded(_ endpoint: String, _ result: AttemptResult) { tell("\(endpoint) \(result)") }
    func retried(_ endpoint: String) { tell("retried") }

    private func tell(_ line: String) { lines.withLock { $0.append(line) } }
}
