import NetworkSupport
import Synchronization
import TestSupport
import Testing
import Transport

/// Cancelling, stopping, many requests at once: every `send` returns once, and nothing stays behind.
@Suite(.timeLimit(.minutes(5)))
struct CancellationTests {
    /// Sends a head and half a body, fires `reached`, and waits for the client to go away.
    private func stallingServer(_ reached: Signal) throws -> RawServer {
        try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            reached.fire()
            connection.waitForHangup()
        }
    }

    @Test("cancelling ends requests at once, wherever they are")
    func cancel() async throws {
        let reached = Signal()
        let server = try stallingServer(reached)
        let transport = CurlTransport.direct(TransportSettings(connections: 4))
        weak var released: CollectingSink?
        do {
            let sink = CollectingSink()
            released = sink
            let url = server.url
            let tasks = (0..<20).map { _ in
                Task { await outcome(transport, HTTPRequest(.get, url, stallLimit: nil), sink: sink) }
            }
            await reached.wait(for: 4)
            tasks.forEach { $0.cancel() }
            for task in tasks { #expect(await task.value == "CancellationError") }
        }
        #expect(released == nil, "a transfer outlives its request")
        try await eventually("the end of all connections") { server.open == 0 }
        #expect(await transport.alive())
        await transport.stop()
    }

    @Test("a task that was cancelled before sends nothing")
    func cancelledBefore() async throws {
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await outcome(transport, HTTPRequest(.get, server.url))
        }
        task.cancel()
        #expect(await task.value == "CancellationError")
        #expect(await transport.alive())
        #expect(server.accepted == 0)
        #expect(transport.counters.requestsSent == 0)
        await transport.stop()
    }

    @Test("cancelling at a random moment resumes each request exactly once")
    func cancelRace() async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: 5000)) }
        let transport = CurlTransport.direct(TransportSettings(connections: 8))
        let outcomes = await withTaskGroup(of: String.self) { group in
            for index in 0..<400 {
                group.addTask {
                    let task = Task { await outcome(transport, HTTPRequest(.get, server.url), sink: CollectingSink()) }
                    for _ in 0..<(index % 50) { await Task.yield() }
                    if index % 3 != 0 { task.cancel() }
                    return await task.value
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(Set(outcomes.keys).isSubset(of: ["200", "CancellationError"]))
        #expect(outcomes.values.reduce(0, +) == 400)
        #expect(outcomes["200", default: 0] >= 134, "requests that nobody cancelled")
        #expect(await outcome(transport, HTTPRequest(.get, server.url)) == "200")
        await transport.stop()
    }

    @Test("stopping fails what runs, what waits and what comes later")
    func stop() async throws {
        let reached = Signal()
        let server = try stallingServer(reached)
        let transport = CurlTransport.direct(TransportSettings(connections: 8))
        let url = server.url
        let tasks = (0..<32).map { _ in Task { await outcome(transport, HTTPRequest(.get, url, stallLimit: nil)) } }
        await reached.wait(for: 8)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { await transport.stop() } }
        }
        for task in tasks { #expect(await task.value == "stopped") }
        #expect(await outcome(transport, HTTPRequest(.get, url)) == "stopped")
        #expect(await !transport.alive())
        transport.limit(bandwidth: 1)
        try await eventually("the end of all connections") { server.open == 0 }
    }

    @Test("a transport that is released ends its thread and closes its connections")
    func release() async throws {
        let server = try RawServer.answering { _ in answer() }
        do {
            let transport = CurlTransport.direct()
            #expect(await outcome(transport, HTTPRequest(.get, server.url)) == "200")
            #expect(server.open == 1)
        }
        try await eventually("the end of all connections") { server.open == 0 }
    }

    @Test("1,000 requests share 16 connections and get their own answers")
    func many() async throws {
        let server = try RawServer.answering { answer(body: "answer to \($0.path)") }
        let transport = CurlTransport.direct(TransportSettings(connections: 16))
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<1000 {
                group.addTask {
                    let sink = CollectingSink()
                    _ = try? await transport.send(HTTPRequest(.get, "\(server.url)/\(index)"), sink: sink)
                    return sink.text == "answer to /\(index)"
                }
            }
            #expect(await group.reduce(0) { $0 + ($1 ? 1 : 0) } == 1000)
        }
        #expect(server.mostOpen <= 16)
        #expect(server.accepted <= 16, "connections are reused")
        #expect(transport.counters.connectionsOpened == server.accepted)
        #expect(transport.counters.requestsSent == 1000)
        await transport.stop()
    }

    @Test("several servers share the limit: idle connections make room", arguments: [1, 3])
    func severalServers(connections: Int) async throws {
        let servers = try (0..<4).map { _ in try RawServer.answering { answer(body: $0.path) } }
        let transport = CurlTransport.direct(TransportSettings(connections: connections))
        let outcomes = await withTaskGroup(of: String.self) { group in
            for index in 0..<200 {
                group.addTask { await outcome(transport, HTTPRequest(.get, servers[index % 4].url)) }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(outcomes == ["200": 200])
        await transport.stop()
    }

    @Test("an idle connection that the server has closed is replaced without an error")
    func idleClosed() async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send(answer(body: "x"))
        }
        let transport = CurlTransport.direct()
        for _ in 0..<10 { #expect(await outcome(transport, HTTPRequest(.get, server.url)) == "200") }
        #expect(server.accepted == 10)
        await transport.stop()
    }

    @Test("a body up to the limit is collected, one byte more is refused", arguments: [0, 1])
    func memoryLimit(excess: Int) async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: 100_000 + excess)) }
        let transport = CurlTransport.direct(TransportSettings(memoryLimit: 100_000))
        #expect(await outcome(transport, HTTPRequest(.get, server.url)) == (excess == 0 ? "200" : "tooLarge"))
        await transport.stop()
    }

    @Test("an answer that is too large is told with the limit", arguments: [(1 << 20, "1 MiB"), (1000, "1000 bytes")])
    func limitInWords(limit: Int, words: String) async throws {
        let server = try RawServer.answering { _ in answer(body: String(repeating: "x", count: limit + 1)) }
        let transport = CurlTransport.direct(TransportSettings(memoryLimit: limit))
        let error = await #expect(throws: TransportError.self) {
            _ = try await transport.send(HTTPRequest(.get, server.url), sink: nil)
        }
        #expect(error?.description.contains("larger than \(words)") == true)
        await transport.stop()
    }

    @Test("a proxy that is set gets the request, and its refusal is told apart")
    func proxy() async throws {
        let seen = Recorder<String>()
        let proxy = try RawServer.answering { request in
            seen.add(request.line)
            return request.line.hasPrefix("CONNECT") ? answer("403 Forbidden") : answer(body: "by proxy")
        }
        let transport = CurlTransport(settings: TransportSettings(proxy: .url(proxy.url)))
        let response = try await transport.send(HTTPRequest(.get, "http://name.invalid/x"))
        #expect(response.body == Array("by proxy".utf8))
        #expect(await outcome(transport, HTTPRequest(.get, "https://name.invalid/y")) == "cut")
        #expect(seen.all == ["GET http://name.invalid/x HTTP/1.1", "CONNECT name.invalid:443 HTTP/1.1"])
        await transport.stop()
        let direct = CurlTransport.direct()
        #expect(await outcome(direct, HTTPRequest(.get, "http://name.invalid/x")) == "resolve")
        await direct.stop()
    }
}
