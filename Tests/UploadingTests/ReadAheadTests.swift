import NetworkSupport
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Engine
@testable import Uploading

/// Reading a body for the transport, on a thread that may wait for the disk.
@Suite(.timeLimit(.minutes(5)))
struct ReadAheadTests {
    /// Bytes that follow from their place; a hook runs before each read.
    private struct Pattern: BodySource {
        let size: Int64
        var onRead: @Sendable (Int64) throws -> Int? = { _ in nil }

        func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
            if let count = try onRead(offset) { return count }
            let count = Int(min(Int64(buffer.count), size - offset))
            for index in 0..<count { buffer[index] = Self.byte(offset + Int64(index)) }
            return count
        }

        static func byte(_ offset: Int64) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 31 &+ offset >> 11) }

        var bytes: [UInt8] { (0..<size).map(Self.byte) }
    }

    private func send(_ pattern: Pattern, over transport: CurlTransport, to server: RawServer) async throws -> Int {
        let source = ReadAhead(pattern)
        async let _: Void = source.run()
        return try await transport.send(HTTPRequest(.post, server.url, body: .source(source))).status
    }

    @Test("bodies of any size arrive as they are", arguments: [0, 1, 262_144, 262_145, 3_000_001])
    func whole(size: Int64) async throws {
        let pattern = Pattern(size: size)
        let received = Mutex<[UInt8]>([])
        let server = try RawServer.answering { request in
            received.withLock { $0 = request.body }
            return answer()
        }
        let transport = CurlTransport(settings: TransportSettings(proxy: .none))
        #expect(try await send(pattern, over: transport, to: server) == 200)
        #expect(received.withLock { $0 } == pattern.bytes)
        await transport.stop()
    }

    @Test("while the disk gives nothing, other requests go on and end")
    func stuckDisk() async throws {
        let isOpen = AtomicFlag(false)
        let isStuck = AtomicFlag(false)
        let pattern = Pattern(size: 2_000_000) { offset in
            if offset >= 1_000_000 {
                isStuck.set(true)
                blockUntil { isOpen.value }
            }
            return nil
        }
        let server = try RawServer.answering { answer(body: "\($0.body.count)") }
        let transport = CurlTransport(settings: TransportSettings(proxy: .none))
        async let status = withTaskExecutorPreference(DiskPool(threads: 1)) {
            try await send(pattern, over: transport, to: server)
        }
        try await eventually("a read from the disk") { isStuck.value }
        for _ in 0..<50 { #expect(try await transport.send(HTTPRequest(.get, server.url)).status == 200) }
        isOpen.set(true)
        #expect(try await status == 200)
        await transport.stop()
    }

    @Test("a body that begins anew somewhere else, whatever was read by then, goes on there")
    func rewound() async throws {
        let pattern = Pattern(size: 2_000_000)
        let source = ReadAhead(pattern)
        async let _: Void = source.run()
        var random = SeededRandom(seed: 1)
        for _ in 0..<300 {
            var offset = Int64(random.number(0...1_999_999))
            for _ in 0..<random.number(1...20) where offset < pattern.size {
                await withCheckedContinuation { continuation in
                    if source.isReady(at: offset, orCall: { continuation.resume() }) { continuation.resume() }
                }
                var buffer = [UInt8](repeating: 0, count: random.number(1...60_000))
                let count = try buffer.withUnsafeMutableBytes { try source.read(at: offset, into: $0) }
                #expect(count > 0)
                #expect(buffer[..<count].elementsEqual((offset..<offset + Int64(count)).map(Pattern.byte)))
                offset += Int64(count)
            }
        }
    }

    @Test("an error of the disk, and a file that has become shorter, end the request")
    func failures() async throws {
        struct Unreadable: Error {}
        let server = try RawServer.answering { _ in answer() }
        let transport = CurlTransport(settings: TransportSettings(proxy: .none))
        let broken = Pattern(size: 2_000_000) { offset in
            if offset > 1_000_000 { throw Unreadable() }
            return nil
        }
        await #expect(throws: Unreadable.self) { try await send(broken, over: transport, to: server) }
        let short = Pattern(size: 2_000_000) { $0 > 1_000_000 ? 0 : nil }
        let error = await #expect(throws: TransportError.self) {
            try await send(short, over: transport, to: server)
        }
        #expect(error?.code == .unusable)
        await transport.stop()
    }
}
