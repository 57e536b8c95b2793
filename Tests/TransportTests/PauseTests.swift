import Foundation
import NetworkSupport
import TestSupport
import Testing
import Transport

/// A sink without room, or a source without bytes, pauses its own transfer and nothing else.
@Suite(.timeLimit(.minutes(5)))
struct PauseTests {
    private static let size = 8 << 20
    /// Longer than anything here takes on a busy machine before it is paused.
    private static let stallLimit = Duration.seconds(5)
    private static let body = String(repeating: "0123456789abcdef", count: size / 16)

    /// Answers "/large" with 8 MiB and everything else with its path.
    private func server() throws -> RawServer {
        try RawServer.answering { answer(body: $0.path == "/large" ? Self.body : $0.path) }
    }

    private func others(_ transport: CurlTransport, _ server: RawServer) async -> Set<String> {
        await withTaskGroup(of: String.self) { group in
            for index in 0..<60 {
                let sink = index % 2 == 0 ? CollectingSink() : nil
                group.addTask { await outcome(transport, HTTPRequest(.get, "\(server.url)/\(index)"), sink: sink) }
            }
            return await group.reduce(into: []) { $0.insert($1) }
        }
    }

    @Test("others go on and end while a sink takes nothing; then it gets everything", arguments: [0, 1_000_000])
    func others(after taken: Int) async throws {
        let server = try server()
        let transport = CurlTransport.direct()
        let sink = GatedSink(after: taken)
        let task = Task { await outcome(transport, HTTPRequest(.get, server.url + "/large"), sink: sink) }
        await sink.refused.wait()
        #expect(await others(transport, server) == ["200"])
        #expect(sink.count <= taken && transport.counters.bytesReceived < Self.size)
        sink.open()
        #expect(await task.value == "200")
        #expect(sink.matches(Self.body))
        await transport.stop()
    }

    @Test("a pause beyond the stall limit is none of the server's; a stall after it is", arguments: ["200", "timeout"])
    func stallLimit(result: String) async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            if result == "200" { try connection.send("more") }
            connection.waitForHangup()
        }
        let transport = CurlTransport.direct()
        let sink = GatedSink()
        let request = HTTPRequest(.get, server.url, stallLimit: Self.stallLimit)
        let task = Task { await outcome(transport, request, sink: sink) }
        await sink.refused.wait()
        try await Task.sleep(for: Self.stallLimit + .seconds(3))
        sink.open()
        #expect(await task.value == result)
        await transport.stop()
    }

    /// How many downloads into sinks that have no room now and then, one call in `every`, are right, and how many wrong.
    private func downloads(
        _ count: Int, every: Int, from server: RawServer, over transport: CurlTransport
    ) async -> [Bool: Int] {
        await withTaskGroup(of: Bool.self) { group in
            for seed in 0..<count {
                group.addTask {
                    let sink = MoodySink(seed: UInt64(seed), every: every)
                    let result = await outcome(transport, HTTPRequest(.get, server.url + "/large"), sink: sink)
                    return result == "200" && sink.matches(Self.body)
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    @Test("a sink without room and the limit on bandwidth: both have to let it go on")
    func throttled() async throws {
        let server = try server()
        let transport = CurlTransport.direct(TransportSettings(bandwidth: 64 << 20))
        let results = await downloads(4, every: 4, from: server, over: transport)
        #expect(results == [true: 4])
        await transport.stop()
    }

    @Test("one that the limit holds back as well does not go on when only its sink has room")
    func throttledAfterwards() async throws {
        let server = try server()
        let transport = CurlTransport.direct()
        let sink = GatedSink(after: 100_000)
        let task = Task { await outcome(transport, HTTPRequest(.get, server.url + "/large"), sink: sink) }
        await sink.refused.wait()
        transport.limit(bandwidth: 1)
        let before = sink.count
        for _ in 0..<100 { sink.open() }
        #expect(await transport.alive())
        #expect(sink.count <= before + 16_384, "the quarter of a byte's credit, overdrawn by one piece")
        transport.limit(bandwidth: nil)
        #expect(await task.value == "200")
        await transport.stop()
    }

    @Test("a request ends while its sink has no room: cancelled, stopped", arguments: [true, false])
    func ended(cancelled: Bool) async throws {
        let server = try server()
        let transport = CurlTransport.direct()
        weak var released: GatedSink?
        var late: (@Sendable () -> Void)?
        do {
            let sink = GatedSink()
            released = sink
            let task = Task { await outcome(transport, HTTPRequest(.get, server.url + "/large"), sink: sink) }
            await sink.refused.wait()
            late = sink.resume
            if cancelled { task.cancel() } else { await transport.stop() }
            #expect(await task.value == (cancelled ? "CancellationError" : "stopped"))
        }
        try await eventually("the end of the sink") { released == nil }
        for _ in 0..<3 { late?() }
        #expect(await transport.alive() == cancelled)
        await transport.stop()
        late?()
    }

    @Test("what goes wrong while there is no room comes out afterwards", arguments: [true, false])
    func failures(ofSink: Bool) async throws {
        struct Full: Error {}
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\nhalf")
        }
        let transport = CurlTransport.direct()
        let sink = GatedSink(failure: ofSink ? Full() : nil)
        let task = Task { await outcome(transport, HTTPRequest(.get, server.url), sink: sink) }
        await sink.refused.wait()
        sink.open()
        #expect(await task.value == (ofSink ? "Full" : "cut"))
        #expect(await transport.alive())
        await transport.stop()
    }

    @Test("whenever the end of a pause comes, and as often as it comes, no byte is lost and none comes twice")
    func races() async throws {
        let server = try server()
        let transport = CurlTransport.direct(TransportSettings(connections: 8))
        let results = await downloads(24, every: 2, from: server, over: transport)
        #expect(results == [true: 24])
        await transport.stop()
    }

    // MARK: Bodies of requests

    private func post(_ server: RawServer, _ source: any BodySource, stallLimit: Duration = .seconds(60)) -> HTTPRequest
    {
        HTTPRequest(.post, server.url + "/", body: .source(source), stallLimit: stallLimit)
    }

    @Test("others go on and end while a source has nothing; a pause beyond the stall limit is none of the server's")
    func source() async throws {
        let server = try RawServer.answering { answer(body: "\($0.body.count) \($0.body.reduce(0) { $0 &+ Int($1) })") }
        let transport = CurlTransport.direct()
        let source = GatedSource(size: 3_000_000, after: 1_000_000)
        let request = post(server, source, stallLimit: Self.stallLimit)
        let task = Task { try await transport.send(request).body }
        await source.refused.wait()
        #expect(await others(transport, server) == ["200"])
        try await Task.sleep(for: Self.stallLimit + .seconds(3))
        source.open()
        #expect(String(decoding: try await task.value, as: UTF8.self) == "3000000 \(source.sum)")
        await transport.stop()
    }

    @Test("a request ends while its source has nothing: cancelled, stopped, answered", arguments: 0..<3)
    func sourceEnded(by way: Int) async throws {
        let server = try RawServer { connection in
            _ = try connection.readHead()
            if way == 2 { try connection.send(answer("401 Unauthorized")) }
            connection.waitForHangup()
        }
        let transport = CurlTransport.direct()
        let source = GatedSource(size: 3_000_000, after: 0)
        let request = post(server, source)
        let task = Task { await outcome(transport, request) }
        await source.refused.wait()
        if way == 0 { task.cancel() }
        if way == 1 { await transport.stop() }
        #expect(await task.value == ["CancellationError", "stopped", "401"][way])
        source.open()
        #expect(await transport.alive() == (way != 1))
        await transport.stop()
    }
}
