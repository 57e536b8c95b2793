import SyncModel

/// Carries a body from the transport's thread to one that waits for its bytes.
///
/// When the reader does not keep up, `write` waits, and with it the transport: memory stays bounded.
final class BytePipe: ByteSink {
    private struct State {
        var bytes: [UInt8] = []
        var received: Int64 = 0
        var hasEnded = false
        var isClosed = false
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

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try monitor.withLock(once: { $0.isClosed || $0.bytes.count < Self.capacity }) { state in
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
        monitor.withLock { $0.isClosed = true }
        monitor.wakeAll()
    }

    /// The bytes that have come since the last call, as soon as there are any; `nil` at the end.
    func read() -> [UInt8]? {
        let bytes: [UInt8]? = monitor.withLock(once: { !$0.bytes.isEmpty || $0.hasEnded || $0.isClosed }) { state in
            if state.isClosed || state.bytes.isEmpty { return nil }
            defer { state.bytes = [] }
            return state.bytes
        }
        monitor.wakeAll()
        return bytes
    }
}
