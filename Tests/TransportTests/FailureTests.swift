import NetworkSupport
import Testing
import Transport

/// How requests fail that get no complete answer.
@Suite(.timeLimit(.minutes(5)))
struct FailureTests {
    /// What a server does with a connection.
    enum Fault: String, CaseIterable, Sendable {
        case closeAtOnce, closeInHead, closeInBody, closeInChunk, resetAtOnce, resetInBody
        case neverAnswer, stallInBody, garbage, endlessHead, endlessBody

        /// What `send` has to come to.
        var expected: TransportError.Code {
            switch self {
            case .closeAtOnce, .closeInHead, .closeInBody, .closeInChunk, .resetAtOnce, .resetInBody, .garbage: .cut
            case .neverAnswer, .stallInBody: .timeout
            case .endlessHead, .endlessBody: .tooLarge
            }
        }

        /// Short where it is what ends the request.
        var stallLimit: Duration { self == .neverAnswer || self == .stallInBody ? .seconds(1) : .seconds(60) }

        func play(_ connection: Connection) throws {
            _ = try connection.readRequest()
            switch self {
            case .closeAtOnce: break
            case .closeInHead: try connection.send("HTTP/1.1 200 OK\r\nContent-Le")
            case .closeInBody: try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            case .closeInChunk: try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf")
            case .resetAtOnce: connection.reset()
            case .resetInBody:
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                connection.reset()
            case .neverAnswer: connection.waitForHangup()
            case .stallInBody:
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                connection.waitForHangup()
            case .garbage: try connection.send("SSH-2.0-OpenSSH_9.2\r\n")
            case .endlessHead:
                try connection.send("HTTP/1.1 200 OK\r\n")
                while true { try connection.send("X-More: \(String(repeating: "x", count: 4096))\r\n") }
            case .endlessBody:
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while true { try connection.send("1000\r\n\(String(repeating: "x", count: 4096))\r\n") }
            }
        }
    }

    @Test(
        "each way to break an answer has its code, with and without a sink", arguments: Fault.allCases, [false, true])
    func faults(_ fault: Fault, streams: Bool) async throws {
        if fault == .endlessBody && streams { return }  // nothing limits what a sink takes
        let server = try RawServer { try fault.play($0) }
        let transport = CurlTransport.direct(TransportSettings(memoryLimit: 1 << 20))
        let request = HTTPRequest(.get, "\(server.url)/x?token=1", stallLimit: fault.stallLimit)
        let error = await #expect(throws: TransportError.self) {
            _ = try await transport.send(request, sink: streams ? CollectingSink() : nil)
        }
        #expect(error?.code == fault.expected, "\(error.debugDescription)")
        #expect(error?.place == "127.0.0.1:\(server.port)/x")
        #expect(error?.isTransient == [.cut, .timeout].contains(fault.expected))
        #expect(await outcome(transport, HTTPRequest(.get, "http://127.0.0.1:1")) == "connect", "the thread goes on")
        await transport.stop()
    }

    @Test("what cannot be reached or sent has its code")
    func unreachable() async throws {
        let transport = CurlTransport.direct(TransportSettings(connectTimeout: .seconds(5)))
        let server = try RawServer.answering { _ in answer() }
        let table = [
            ("http://127.0.0.1:1/", "connect"), ("http://name.invalid/", "resolve"), ("ftp://127.0.0.1/x", "unusable"),
            ("file:///etc/passwd", "unusable"), ("http://[", "unusable"), ("", "unusable"),
        ]
        for (url, expected) in table {
            let result = await outcome(transport, HTTPRequest(.get, url))
            #expect(result == expected, "\(url)")
            #expect(await outcome(transport, HTTPRequest(.get, server.url)) == "200", "after \(url)")
        }
        await transport.stop()
    }

    @Test("the total time limits an answer that keeps trickling")
    func timeout() async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while true {
                try connection.send("x")
                sleepBriefly()
            }
        }
        let transport = CurlTransport.direct()
        let request = HTTPRequest(.get, server.url, timeout: .milliseconds(300))
        #expect(await outcome(transport, request) == "timeout")
        await transport.stop()
    }

    @Test("a wait for a free connection counts neither as connecting nor as a stall")
    func waiting() async throws {
        let first = Signal()
        let server = try RawServer.answering { request in
            if request.path == "/first" {
                first.fire()
                for _ in 0..<220 { sleepBriefly() }  // longer than connectTimeout and stallLimit of those who wait
            }
            return answer(body: "x")
        }
        let transport = CurlTransport.direct(TransportSettings(connectTimeout: .seconds(1), connections: 1))
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await transport.send(HTTPRequest(.get, "\(server.url)/first")).status }
            await first.wait()
            for _ in 0..<3 {
                group.addTask {
                    try await transport.send(HTTPRequest(.get, server.url, stallLimit: .seconds(1))).status
                }
            }
            for try await status in group { #expect(status == 200) }
        }
        #expect(server.accepted == 1)
        await transport.stop()
    }

    struct Refusal: Error {}

    @Test("an error of a sink comes out as it is and ends the transfer", arguments: [true, false])
    func sinkErrors(inBegin: Bool) async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n")
            while true { try connection.send([UInt8](repeating: 1, count: 4096)) }
        }
        let transport = CurlTransport.direct()
        let sink = CollectingSink(
            onBegin: { if inBegin { throw Refusal() } }, onWrite: { if $0 > 10_000 { throw Refusal() } })
        await #expect(throws: Refusal.self) { try await transport.send(HTTPRequest(.get, server.url), sink: sink) }
        #expect(sink.heads == [200])
        #expect(inBegin ? sink.count == 0 : sink.count > 10_000)
        await transport.stop()
    }

    @Test("an empty body begins its sink once; a refusal's body stays in memory")
    func sinkTargets() async throws {
        let server = try RawServer.answering { $0.path == "/no" ? answer("404 No", body: "why") : answer("206 Part") }
        let transport = CurlTransport.direct()
        let sink = CollectingSink()
        #expect(try await transport.send(HTTPRequest(.get, "\(server.url)/yes"), sink: sink).status == 206)
        let refusal = try await transport.send(HTTPRequest(.get, "\(server.url)/no"), sink: sink)
        #expect(refusal.status == 404)
        #expect(refusal.body == Array("why".utf8))
        #expect(sink.heads == [206])
        #expect(sink.count == 0)
        await transport.stop()
    }
}
