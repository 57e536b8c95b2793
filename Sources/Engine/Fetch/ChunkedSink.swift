import SyncModel

/// Takes a body off the transport's thread: bytes are collected in chunks, which the disk pool works off in order.
///
/// When the disk does not keep up, there is no room, and the transfer is paused: memory stays bounded.
final class ChunkedSink: ByteSink, @unchecked Sendable {
    // `@unchecked`: `chunk`, `offset` and `received` belong to one user at a time, as the protocol says.
    private let target: Target
    private let end: Int64
    private let board: StatusBoard
    private let download: ActiveDownload?
    private let work: SerialWork
    private let monitor = Monitor(State())
    private var chunk: [UInt8] = []
    /// Where the next byte belongs; not all before it need be written yet.
    private(set) var offset: Int64
    /// Bytes taken by this object.
    private(set) var received: Int64 = 0

    /// Bytes handed to the disk at a time.
    private static let chunkSize = 256 << 10
    /// Chunks that may wait for the disk.
    private static let chunksWaiting = 6
    /// A paused transfer goes on when so few wait.
    private static let chunksAtResume = 2

    /// Where the bytes go; called on a thread of the disk pool, one call at a time.
    struct Target: Sendable {
        /// Stores and hashes the next bytes.
        var store: @Sendable (UnsafeRawBufferPointer) throws -> Void
        /// Forgets all bytes; `nil` where that is not possible.
        var restart: (@Sendable () throws -> Void)?
    }

    private struct State {
        var waiting = 0
        var failure: (any Error)?
        /// Who is to be called when there is room.
        var resume: (@Sendable () -> Void)?

        /// Whether a chunk can be handed over, or a failure be told.
        var hasRoom: Bool { waiting < ChunkedSink.chunksWaiting || failure != nil }
    }

    /// Creates a sink for the bytes from `offset` up to `end`.
    init(
        from offset: Int64, upTo end: Int64, to target: Target, disk: DiskPool, board: StatusBoard,
        of download: ActiveDownload? = nil
    ) {
        self.target = target
        self.offset = offset
        self.end = end
        self.board = board
        self.download = download
        work = SerialWork(disk)
        makeChunk()
    }

    private func makeChunk() {
        chunk = []
        chunk.reserveCapacity(Int(min(Int64(Self.chunkSize), max(end - offset, 0))))
    }

    /// What all chunks together hold is never refused.
    var mayBeFull: Bool { end - offset > Int64(Self.chunkSize * Self.chunksWaiting) }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        if !needsHandOver(for: count) { return true }
        return monitor.withLock { state in
            if !state.hasRoom { state.resume = resume }
            return state.hasRoom
        }
    }

    private func needsHandOver(for count: Int) -> Bool { !chunk.isEmpty && chunk.count + count > Self.chunkSize }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if needsHandOver(for: bytes.count) { try handOver() }
        offset += Int64(bytes.count)
        received += Int64(bytes.count)
        count(bytes.count)
        chunk.append(contentsOf: bytes)
    }

    func restart() throws {
        guard let restart = target.restart else { throw RangeNotHonored() }
        count(-Int(offset))
        offset = 0
        makeChunk()
        work.post { [self] in
            monitor.withLock { $0.failure = nil }
            attempt(restart)
        }
    }

    private func count(_ bytes: Int) {
        board.receive(bytes)
        download?.receive(bytes)
    }

    /// Runs `last` when everything is stored.
    ///
    /// - Throws: what went wrong on the way, or `last`'s own error.
    func end<Result: Sendable>(_ last: @escaping @Sendable () throws -> Result) async throws -> Result {
        post(chunk)
        chunk = []
        return try await withCheckedThrowingContinuation { continuation in
            work.post { [self] in
                if let failure = monitor.withLock({ $0.failure }) { return continuation.resume(throwing: failure) }
                continuation.resume(with: Swift.Result { try last() })
            }
        }
    }

    /// Passes the full chunk on.
    private func handOver() throws {
        let full = chunk
        makeChunk()
        if let failure = monitor.withLock({ $0.failure }) { throw failure }
        post(full)
    }

    private func post(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        monitor.withLock { $0.waiting += 1 }
        work.post { [self] in
            attempt { try bytes.withUnsafeBytes(target.store) }
            let resume: (@Sendable () -> Void)? = monitor.withLock { state in
                state.waiting -= 1
                guard state.waiting <= Self.chunksAtResume || state.failure != nil else { return nil }
                defer { state.resume = nil }
                return state.resume
            }
            resume?()
        }
    }

    /// Nothing is done after a failure, which `write` or `end` will tell.
    private func attempt(_ work: () throws -> Void) {
        guard monitor.withLock({ $0.failure == nil }) else { return }
        do {
            try work()
        } catch {
            monitor.withLock { $0.failure = error }
        }
    }
}

/// The server sent the whole content where a part of it was asked for.
struct RangeNotHonored: Error {}
