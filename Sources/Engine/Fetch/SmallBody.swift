import SyncModel

/// Takes the body of a small file into memory; it is written and hashed in one go when it is complete.
///
/// Ten thousand small files cost half of the switches between threads that a writer for each would cost.
final class SmallBody: ByteSink, @unchecked Sendable {
    // `@unchecked`: one user at a time, as the protocol says.
    private let board: StatusBoard
    private(set) var bytes: [UInt8] = []
    /// Bytes taken, those that came twice included.
    private(set) var received: Int64 = 0

    /// The largest file that is taken this way, in bytes.
    static let limit: Int64 = 256 << 10

    init(size: Int64, board: StatusBoard) {
        self.board = board
        bytes.reserveCapacity(Int(size))
    }

    var offset: Int64 { Int64(bytes.count) }

    func write(_ more: UnsafeRawBufferPointer) throws {
        bytes.append(contentsOf: more)
        received += Int64(more.count)
        board.receive(more.count)
    }

    func restart() throws {
        board.receive(-bytes.count)
        bytes.removeAll(keepingCapacity: true)
    }
}
