import MirrorFS
import SyncModel

/// Takes a body off the transport's thread: bytes are collected in chunks, which the disk pool writes and hashes.
///
/// Chunks are handled one after the other, in order. When the disk does not keep up, `write` waits, and with it the
/// transport: memory stays bounded.
final class StagingWriter: ByteSink, @unchecked Sendable {
    // `@unchecked`: `chunk`, `offset` and `received` belong to one user at a time, as the protocol says; `file` to
    // whoever drains, of whom there is one at a time.
    private let file: StagingFile
    private let disk: DiskPool
    private let board: StatusBoard
    private let monitor = Monitor(State())
    private var chunk: [UInt8] = []
    private let size: Int64
    /// Bytes taken so far, those of an earlier run included; not all of them need be written yet.
    private(set) var offset: Int64
    /// Bytes taken by this object.
    private(set) var received: Int64 = 0

    /// Bytes handed to the disk at a time.
    private static let chunkSize = 256 << 10
    /// Chunks that may wait for the disk.
    private static let chunksWaiting = 4
    /// Pieces of work done in one go, before others get their turn on the thread.
    private static let turn = 8

    private struct State {
        var work: [Work] = []
        var isDraining = false
        var failure: (any Error)?
    }

    private enum Work: Sendable {
        case bytes([UInt8])
        case restart
        /// The end: told of the first failure, if there was one.
        case end(@Sendable ((any Error)?) -> Void)
    }

    /// Makes a writer that goes on where `file` stands.
    init(_ file: StagingFile, size: Int64, disk: DiskPool, board: StatusBoard) {
        self.file = file
        self.size = size
        self.disk = disk
        self.board = board
        offset = file.offset
        makeChunk()
    }

    private func makeChunk() {
        chunk = []
        chunk.reserveCapacity(Int(min(Int64(Self.chunkSize), max(size - offset, 0))))
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        offset += Int64(bytes.count)
        received += Int64(bytes.count)
        board.receive(bytes.count)
        if !chunk.isEmpty && chunk.count + bytes.count > Self.chunkSize { try handOver() }
        chunk.append(contentsOf: bytes)
    }

    func restart() throws {
        board.receive(-Int(offset))
        offset = 0
        makeChunk()
        post(.restart)
    }

    /// Runs `last` on the file when everything is written.
    ///
    /// - Throws: what went wrong on the way, or `last`'s own error.
    func end<Result: Sendable>(_ last: @escaping @Sendable (StagingFile) throws -> Result) async throws -> Result {
        let rest = chunk
        chunk = []
        return try await withCheckedThrowingContinuation { continuation in
            if !rest.isEmpty { post(.bytes(rest)) }
            post(
                .end { [file] failure in
                    if let failure { return continuation.resume(throwing: failure) }
                    continuation.resume(with: Swift.Result { try last(file) })
                })
        }
    }

    /// Passes the full chunk on, when there is room.
    private func handOver() throws {
        let full = chunk
        makeChunk()
        try monitor.withLock(once: { $0.work.count < Self.chunksWaiting }) { state in
            if let failure = state.failure { throw failure }
        }
        post(.bytes(full))
    }

    private func post(_ work: Work) {
        let isFirst = monitor.withLock { state in
            state.work.append(work)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if isFirst { disk.post { self.drain() } }
    }

    private func drain() {
        for _ in 0..<Self.turn {
            let next: Work? = monitor.withLock { state in
                if state.work.isEmpty {
                    state.isDraining = false
                    return nil
                }
                return state.work.removeFirst()
            }
            guard let next else { return }
            monitor.wakeOne()
            perform(next)
        }
        disk.post { self.drain() }
    }

    private func perform(_ work: Work) {
        let failure = monitor.withLock { $0.failure }
        do {
            switch work {
            case .bytes(let bytes): if failure == nil { try bytes.withUnsafeBytes { try file.write($0) } }
            case .restart:
                try file.restart()
                monitor.withLock { $0.failure = nil }
            case .end(let tell): tell(failure)
            }
        } catch {
            monitor.withLock { $0.failure = error }
        }
    }
}
