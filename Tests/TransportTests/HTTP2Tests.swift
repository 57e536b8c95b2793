import Foundation
import NetworkSupport
import TestSupport
import Testing
import Transport

/// Many requests over one HTTP/2 connection, against `nghttpd`.
@Suite(
    .timeLimit(.minutes(5)), .serialized,
    .needs(.openssl, .nghttpd))
struct HTTP2Tests {
    @Test("requests in parallel share one connection and get their own answers", arguments: [16, 64])
    func parallel(workers: Int) async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        let outcomes = await server.fetch(600, workers: workers, over: transport)
        #expect(outcomes == ["200": 600])
        #expect(transport.counters.connectionsOpened == 1)
        await transport.stop()
    }

    @Test("no more requests share a connection than are allowed: others open one more")
    func streams() async throws {
        let server = try await HTTP2Server()
        let transport = server.transport { $0.streams = 4 }
        #expect(await server.fetch(600, workers: 16, over: transport) == ["200": 600])
        #expect((2...16).contains(transport.counters.connectionsOpened))
        await transport.stop()
    }

    @Test(
        "without sharing, every request that runs has a connection of its own, and it is used again",
        .needs(.nghttpx))
    func unshared() async throws {
        let server = try await HTTP2Server()
        let front = try await HTTP2Front(of: server)
        let shared = server.transport()
        #expect(await front.fetch(200, workers: 8, over: shared) == ["200": 200])
        #expect(shared.counters.connectionsOpened == 1, "the server offers HTTP/2")
        await shared.stop()
        let transport = server.transport { $0.sharesConnections = false }
        #expect(await front.fetch(200, workers: 8, over: transport) == ["200": 200])
        #expect((2...16).contains(transport.counters.connectionsOpened))
        await transport.stop()
    }

    @Test("cancelled streams leave the others of their connection alone")
    func cancel() async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        let outcomes = await withTaskGroup(of: String.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let task = Task { await server.outcome(of: index, over: transport) }
                    for _ in 0..<(index * 7 % 400) { await Task.yield() }
                    if index % 2 == 0 { task.cancel() }
                    return await task.value
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(Set(outcomes.keys).isSubset(of: ["200", "CancellationError"]))
        #expect(outcomes["200", default: 0] >= 100, "requests that nobody cancelled")
        #expect(await server.fetch(50, workers: 16, over: transport) == ["200": 50])
        await transport.stop()
    }

    @Test("a slow sink delays the others of its connection and breaks none")
    func slowSink() async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        let slow = Task {
            let sink = CollectingSink(onWrite: { _ in sleepBriefly() })
            return await outcome(transport, HTTPRequest(.get, server.url(of: 0)), sink: sink)
        }
        #expect(await server.fetch(60, workers: 16, over: transport) == ["200": 60])
        #expect(await slow.value == "200")
        await transport.stop()
    }

    @Test("a sink without room stops its stream, not the others of its connection", arguments: [0, 100_000])
    func pausedStream(after taken: Int) async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        let sink = GatedSink(after: taken)
        let paused = Task {
            await outcome(transport, HTTPRequest(.get, server.large), sink: sink)
        }
        await sink.refused.wait()
        // More than all windows together: what waits of the paused stream takes no room from the others.
        #expect(await server.fetch(200, workers: 16, over: transport) == ["200": 200])
        #expect(transport.counters.connectionsOpened <= 1 && sink.count <= taken)
        sink.open()
        #expect(await paused.value == "200")
        #expect(sink.count == 64 << 20 && transport.counters.connectionsOpened == 1)
        await transport.stop()
    }

    @Test("whenever the end of a stream's pause comes, no byte is lost and none comes twice")
    func pauseRaces() async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        let results = await withTaskGroup(of: Bool.self) { group in
            for seed in 0..<100 {
                group.addTask {
                    let sink = MoodySink(seed: UInt64(seed), every: 2)
                    let result = await outcome(transport, HTTPRequest(.get, server.url(of: 0)), sink: sink)
                    return result == "200" && sink.matches(HTTP2Server.even)
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(results == [true: 100])
        await transport.stop()
    }

    @Test("a limit on bandwidth holds streams back and breaks none")
    func bandwidth() async throws {
        let server = try await HTTP2Server()
        let transport = server.transport()
        transport.limit(bandwidth: 20 << 20)
        let began = ContinuousClock.now
        #expect(await server.fetch(64, workers: 16, over: transport) == ["200": 64])
        #expect(ContinuousClock.now - began >= .milliseconds(500), "32 MiB at 20 MiB/s, with a second's credit")
        await transport.stop()
    }

    @Test("a server that stalls and one that dies cost the running requests, not those that follow")
    func stallAndDeath() async throws {
        var server = try await HTTP2Server()
        let transport = server.transport()
        #expect(await server.outcome(of: 0, over: transport) == "200")
        #expect(server.process.suspend())
        #expect(await server.fetch(20, workers: 20, over: transport, stallLimit: .seconds(1)) == ["timeout": 20])
        #expect(server.process.resume())
        #expect(await server.fetch(20, workers: 20, over: transport) == ["200": 20])
        let began = Signal()
        let dying = server
        let isDead = Flag()
        let running = Task {
            let sink = CollectingSink(onWrite: { _ in
                began.fire()
                blockUntil { isDead.isUp }
            })
            return await outcome(transport, HTTPRequest(.get, dying.large), sink: sink)
        }
        await began.wait()
        kill(server.process.processIdentifier, SIGKILL)
        isDead.raise()
        #expect(await running.value == "cut")
        server = try await HTTP2Server(like: server)
        #expect(await server.fetch(20, workers: 20, over: transport) == ["200": 20])
        await transport.stop()
    }
}

/// `nghttpd` with three files: `even` has 1 MiB, `odd` 5 bytes, `large` 64 MiB.
final class HTTP2Server: Sendable {
    let process: Process
    let openssl: OpenSSL
    let port: UInt16
    static let even = [UInt8]((0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

    convenience init() async throws {
        let openssl = try OpenSSL()
        try openssl.makeAuthority("ca")
        try openssl.makeCertificate("server", of: "ca", host: "127.0.0.1")
        try Data(HTTP2Server.even).write(to: URL(fileURLWithPath: openssl.path("even")))
        try Data("small".utf8).write(to: URL(fileURLWithPath: openssl.path("odd")))
        try Data(count: 64 << 20).write(to: URL(fileURLWithPath: openssl.path("large")))
        try await self.init(openssl, freePort())
    }

    /// Starts again with the same files on the same port.
    convenience init(like other: HTTP2Server) async throws { try await self.init(other.openssl, other.port) }

    private init(_ openssl: OpenSSL, _ port: UInt16) async throws {
        (self.openssl, self.port) = (openssl, port)
        process = try silentServer(
            "nghttpd", "-a", "127.0.0.1", "-d", openssl.path(""), "\(port)", openssl.path("server.key"),
            openssl.path("server.pem"))
        let transport = transport()
        try await eventually("nghttpd") { await outcome(of: 1, over: transport) != "connect" }
        await transport.stop()
    }

    deinit { process.end() }

    func url(of index: Int) -> String { url(of: index, at: port) }

    private func url(of index: Int, at port: UInt16) -> String {
        "https://127.0.0.1:\(port)/\(index % 2 == 0 ? "even" : "odd")"
    }

    /// 64 MiB, more than fits into all buffers on the way.
    var large: String { "https://127.0.0.1:\(port)/large" }

    func transport(_ change: (inout TransportSettings) -> Void = { _ in }) -> CurlTransport {
        var settings = TransportSettings(caFile: openssl.path("ca.pem"))
        change(&settings)
        return .direct(settings)
    }

    /// What the request with that number comes to; "200" only with the right bytes.
    func outcome(
        of index: Int, over transport: CurlTransport, stallLimit: Duration = .seconds(30), at port: UInt16? = nil
    ) async -> String {
        let sink = CollectingSink()
        let expectedSize: Int64? = index % 3 == 0 ? 5 : nil
        let url = url(of: index, at: port ?? self.port)
        let request = HTTPRequest(.get, url, stallLimit: stallLimit, expectedSize: expectedSize)
        let result = await TransportTests.outcome(transport, request, sink: sink)
        let expected = index % 2 == 0 ? HTTP2Server.even : Array("small".utf8)
        return result == "200" && sink.bytes != expected ? "wrong bytes" : result
    }

    /// How often `count` requests from so many tasks come to what.
    func fetch(
        _ count: Int, workers: Int, over transport: CurlTransport, stallLimit: Duration = .seconds(30),
        at port: UInt16? = nil
    ) async -> [String: Int] {
        await withTaskGroup(of: [String].self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var outcomes: [String] = []
                    for index in stride(from: worker, to: count, by: workers) {
                        outcomes.append(
                            await self.outcome(of: index, over: transport, stallLimit: stallLimit, at: port))
                    }
                    return outcomes
                }
            }
            return await group.reduce(into: [:]) { counts, some in
                for outcome in some { counts[outcome, default: 0] += 1 }
            }
        }
    }
}

/// `nghttpx` before an `HTTP2Server`: it offers HTTP/2 and HTTP/1.1.
final class HTTP2Front: Sendable {
    private let process: Process
    private let server: HTTP2Server
    private let port: UInt16

    init(of server: HTTP2Server) async throws {
        self.server = server
        port = try freePort()
        process = try silentServer(
            "nghttpx", "--conf=/dev/null", "--no-ocsp", "--workers=1", "--frontend=127.0.0.1,\(port)",
            "--backend=127.0.0.1,\(server.port);;proto=h2;tls", "--insecure", server.openssl.path("server.key"),
            server.openssl.path("server.pem"))
        let transport = server.transport()
        try await eventually("nghttpx") { await server.outcome(of: 1, over: transport, at: port) == "200" }
        await transport.stop()
    }

    deinit { process.end() }

    func fetch(_ count: Int, workers: Int, over transport: CurlTransport) async -> [String: Int] {
        await server.fetch(count, workers: workers, over: transport, at: port)
    }
}

/// A port of 127.0.0.1 that nobody listens at.
private func freePort() throws -> UInt16 {
    let (listener, port) = try RawServer.listen()
    close(listener)
    return port
}

/// Starts a server that the machine has; what it prints goes nowhere.
private func silentServer(_ command: String...) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
}
