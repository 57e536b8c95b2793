import Foundation
import NetworkSupport
import Synchronization
import Testing
import Transport

/// Bodies of requests that are read when they are sent.
@Suite(.timeLimit(.minutes(5)))
struct SendingTests {
    /// Bytes that follow from their place.
    private static func pattern(_ range: Range<Int64>) -> [UInt8] {
        range.map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8) ^ ($0 >> 16)) }
    }

    /// A source of patterned bytes that counts and may refuse.
    private final class Pattern: BodySource {
        let size: Int64
        let reads = Atomic<Int>(0)
        private let onRead: @Sendable (Int64) throws -> Int?

        init(_ size: Int64, onRead: @escaping @Sendable (Int64) throws -> Int? = { _ in nil }) {
            self.size = size
            self.onRead = onRead
        }

        func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            reads.add(1, ordering: .relaxed)
            let count = try onRead(offset) ?? Int(min(Int64(buffer.count), size - offset))
            buffer.copyBytes(from: SendingTests.pattern(offset..<offset + Int64(count)))
            return count
        }
    }

    private func post(_ url: String, _ source: any BodySource) -> HTTPRequest {
        HTTPRequest(.post, url, headers: [.init("Content-Type", "application/octet-stream")], body: .source(source))
    }

    @Test("a part of a file goes out as it is, with its length", arguments: [0, 1, 65_536, 3_000_001])
    func file(size: Int64) async throws {
        let seen = Recorder<RawRequest>()
        let server = try RawServer.answering { request in
            seen.add(request)
            return answer(body: "done")
        }
        let path = NSTemporaryDirectory() + "sending-\(UUID().uuidString)"
        defer { unlink(path) }
        try Data(Self.pattern(0..<size + 100)).write(to: URL(filePath: path))
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let transport = CurlTransport.direct()
        let source = FileRange(descriptor: descriptor, range: 50..<50 + size)
        #expect(try await transport.send(post(server.url, source)).body == Array("done".utf8))
        #expect(seen.all.map(\.body) == [Self.pattern(50..<50 + size)])
        #expect(seen.all[0].header("Content-Length") == "\(size)")
        #expect(seen.all[0].header("Transfer-Encoding") == nil && seen.all[0].header("Expect") == nil)
        #expect(transport.counters.bytesSent == Int(size))
        await transport.stop()
    }

    @Test("a connection that has ended while it was idle is replaced, and the body begins anew")
    func rewound() async throws {
        let seen = Recorder<RawRequest>()
        let server = try RawServer { connection in
            // One answer on each connection, which then ends without a word, with the next request on its way.
            guard let request = try connection.readRequest() else { return }
            seen.add(request)
            try connection.send(answer(body: "x"))
            if request.path == "/first" { _ = try connection.readRequest() }
        }
        let transport = CurlTransport.direct()
        #expect(await outcome(transport, HTTPRequest(.get, server.url + "/first")) == "200")
        let source = Pattern(200_000)
        let result = await outcome(transport, post(server.url + "/second", source))
        #expect(result == "200")
        #expect(seen.all.map(\.path) == ["/first", "/second"])
        #expect(seen.all.last?.body == Self.pattern(0..<200_000))
        await transport.stop()
    }

    @Test("an error of the source, and a source that ends early, end the transfer; the thread goes on")
    func failures() async throws {
        struct Unreadable: Error {}
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct()
        let broken = Pattern(1_000_000) { offset in
            if offset > 100_000 { throw Unreadable() }
            return nil
        }
        await #expect(throws: Unreadable.self) { try await transport.send(post(server.url, broken)) }
        let short = Pattern(1_000_000) { $0 > 100_000 ? 0 : nil }
        #expect(await outcome(transport, post(server.url, short)) == "unusable")
        let closed = FileRange(descriptor: -1, range: 0..<10)
        await #expect(throws: FileReadError(code: EBADF)) { try await transport.send(post(server.url, closed)) }
        #expect(await outcome(transport, post(server.url, Pattern(10))) == "200")
        await transport.stop()
    }

    @Test("an answer that comes before the body is sent is an answer")
    func early() async throws {
        let server = try RawServer { connection in
            _ = try connection.readHead()
            try connection.send(answer("401 Unauthorized", body: "who?"))
            connection.waitForHangup()
        }
        let transport = CurlTransport.direct()
        #expect(await outcome(transport, post(server.url, Pattern(50_000_000))) == "401")
        await transport.stop()
    }

    @Test("what is sent is held to the limit, like what is received")
    func limited() async throws {
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct(TransportSettings(bandwidth: 4_000_000))
        let began = ContinuousClock.now
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<4 { group.addTask { await outcome(transport, post(server.url, Pattern(500_000))) } }
            for await result in group { #expect(result == "200") }
        }
        #expect(ContinuousClock.now - began >= .milliseconds(400), "2 MB at 4 MB/s cannot take less")
        #expect(transport.counters.bytesSent == 2_000_000)
        await transport.stop()
    }

    @Test("a body is given away while it waits for the limit: cancelled, and stopped", arguments: [true, false])
    func paused(cancelled: Bool) async throws {
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport.direct(TransportSettings(bandwidth: 1))
        let begun = Signal()
        let source = Pattern(10_000_000) { _ in
            begun.fire()
            return nil
        }
        let task = Task { await outcome(transport, post(server.url, source)) }
        await begun.wait()
        #expect(await transport.alive())
        if cancelled { task.cancel() } else { await transport.stop() }
        #expect(await task.value == (cancelled ? "CancellationError" : "stopped"))
        await transport.stop()
    }
}
