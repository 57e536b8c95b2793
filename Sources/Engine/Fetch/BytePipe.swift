import SyncModel

/// Carries a body from the transport's thread to one that waits for its bytes.
///
/// When the reader does not keep up, there is no room, and the transfer is paused: memory stays bounded.
final class BytePipe: ByteSink {
    private struct State {
        var bytes: [UInt8] = []
        var received: Int64 = 0
        var hasEnded = false
        var isClosed = false
        /// Who is to be called when there is room.
        var resume: (@Sendable () -> Void)?

        mutating func takeResume() -> (@Sendable () -> Void)? {
            defer { resume = nil }
            return resume
        }
    }

    private let monitor = Monitor(State())
    private let board: StatusBoard

    /// Bytes that may wait for the reader, beside those of one call.
    private static let capacity = 128 << 10

    /// Nobody reads any more.
    struct Closed: Error, CustomStringConvertible {
        var description: String { "what was received is no longer wanted" }
    }

    /// What is sent cannot be had once more.
    struct CannotRestart: Error, CustomStringConvertible {
        var description: String { "the answer began once more from its start" }
    }

    init(board: StatusBoard) { self.board = board }

    var offset: Int64 { monitor.withLock { $0.received } }

    let mayBeFull = true

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        monitor.withLock { state in
            let hasRoom = state.isClosed || state.bytes.count < Self.capacity
            if !hasRoom { state.resume = resume }
            return hasRoom
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try monitor.withLock { state in
            if state.isClosed { throw Closed() }
            state.bytes.append(contentsOf: bytes)
            state.received += Int64(bytes.count)
        }
        monitor.wakeAll()
        board.recordProgress()
    }

    func restart() throws { if offset > 0 { throw CannotRestart() } }

    /// Tells the reader that nothing more comes.
    func end() {
        monitor.withLock { $0.hasEnded = true }
        monitor.wakeAll()
    }

    /// Tells the writer that nobody reads any more; from any thread.
    func close() {
        let resume = monitor.withLock { state in
            state.isClosed = true
            return state.takeResume()
        }
        monitor.wakeAll()
        resume?()
    }

    /// The bytes that have come since the last call, as soon as there are any; `nil` at the end.
    func read() -> [UInt8]? {
        let (bytes, resume): ([UInt8]?, (@Sendable () -> Void)?) = monitor.withLock(
            once: { !$0.bytes.isEmpty || $0.hasEnded || $0.isClosed }
        ) { state in
            if state.isClosed || state.bytes.isEmpty { return (nil, nil) }
            defer { state.bytes = [] }
            return (state.bytes, state.takeResume())
        }
        resume?()
        return bytes
    }
}
