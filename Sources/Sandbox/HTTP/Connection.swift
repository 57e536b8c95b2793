internal import Glibc

/// The end of a connection: nothing can be read or written any more.
struct Disconnected: Error {}

/// The bytes of one TCP connection.
struct Connection: Sendable {
    private let file: Int32
    private let loop: EventLoop
    /// TCP port of the client.
    let peer: UInt16

    init(file: Int32, loop: EventLoop, peer: UInt16) {
        self.file = file
        self.loop = loop
        self.peer = peer
    }

    /// Appends what has arrived to `buffer`; waits for it when it is nothing, and throws when the client is gone.
    func read(into buffer: inout [UInt8], atMost count: Int = 1 << 16) async throws {
        while true {
            try Task.checkCancellation()
            var got = 0
            let piece = [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
                got = recv(file, memory.baseAddress, count, 0)
                initialized = max(0, got)
            }
            if got > 0 {
                buffer += piece
                return
            }
            guard got < 0, Self.isWorthWaiting else { throw Disconnected() }
            try await loop.wait(for: POLLIN, on: file)
        }
    }

    /// Writes all of `bytes`.
    func write(_ bytes: [UInt8]) async throws {
        var sent = 0
        while sent < bytes.count {
            try Task.checkCancellation()
            let count = bytes.withUnsafeBytes {
                send(file, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else {
                guard Self.isWorthWaiting else { throw Disconnected() }
                try await loop.wait(for: POLLOUT, on: file)
            }
        }
    }

    private static var isWorthWaiting: Bool { errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR }

    /// Makes the end of the connection a reset instead of a close.
    func resetOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(file, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    func close() { Glibc.close(file) }
}
