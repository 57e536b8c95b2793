import MirrorFS
import SyncModel

/// Takes a body off the transport's thread: bytes are collected in chunks, which the disk pool writes and hashes.
///
/// Chunks are handled in order; those of a large file are hashed while they are written. When the disk does not keep
/// up, `write` waits, and with it the transport: memory stays bounded.
final class StagingWriter: ByteSink, @unchecked Sendable {
    // `@unchecked`: `chunk`, `offset` and `received` belong to one user at a time, as the protocol says.
    private let file: StagingFile
    private let board: StatusBoard
    private let size: Int64
    private let storing: SerialWork
    /// Work of its own for a file of more than one chunk; a small one is not worth another thread.
    private let hashing: SerialWork?
    private let monitor = Monitor(State())
    private var chunk: [UInt8] = []
    /// Bytes taken so far, those of an earlier run included; not all of them need be written yet.
    private(set) var offset: Int64
    /// Bytes taken by this object.
    private(set) var received: Int64 = 0

    /// Bytes handed to the disk at a time.
    private static let chunkSize = 256 << 10
    /// Chunks that may wait for the disk.
    private static let chunksWaiting = 4

    private struct State {
        var waiting = 0
        var failure: (any Error)?
    }

    /// Makes a writer that goes on where `file` stands.
    init(_ file: StagingFile, size: Int64, disk: DiskPool, board: StatusBoard) {
        self.file = file
        self.size = size
        self.board = board
        offset = file.offset
        storing = SerialWork(disk)
        hashing = size > Int64(Self.chunkSize) ? SerialWork(disk) : nil
        makeChunk()
    }

    private func makeChunk() {
        chunk = []
        chunk.reserveCapacity(Int(min(Int64(Self.chunkSize), max(size - offset, 0))))
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if !chunk.isEmpty && chunk.count + bytes.count > Self.chunkSize { try handOver() }
        offset += Int64(bytes.count)
        received += Int64(bytes.count)
        board.receive(bytes.count)
        chunk.append(contentsOf: bytes)
    }

    func restart() throws {
        board.receive(-Int(offset))
        offset = 0
        makeChunk()
        hashing?.post { [file] in file.restartHash() }
        storing.post { [self] in
            monitor.withLock { $0.failure = nil }
            attempt { try hashing == nil ? file.restart() : file.restartBytes() }
        }
    }

    /// Runs `last` on the file when everything is written and hashed.
    ///
    /// - Throws: what went wrong on the way, or `last`'s own error.
    func end<Result: Sendable>(_ last: @escaping @Sendable (StagingFile) throws -> Result) async throws -> Result {
        post(chunk)
        chunk = []
        return try await withCheckedThrowingContinuation { continuation in
            let finish: @Sendable () -> Void = { [self] in
                if let failure = monitor.withLock({ $0.failure }) { return continuation.resume(throwing: failure) }
                continuation.resume(with: Swift.Result { try last(file) })
            }
            guard let hashing else { return storing.post(finish) }
            hashing.post { [storing] in storing.post(finish) }
        }
    }

    /// Passes the full chunk on, when there is room.
    private func handOver() throws {
        let full = chunk
        makeChunk()
        let limit = hashing == nil ? Self.chunksWaiting : Self.chunksWaiting * 2  // each counts twice
        try monitor.withLock(once: { $0.waiting < limit }) { state in
            if let failure = state.failure { throw failure }
        }
        post(full)
    }

    private func post(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        monitor.withLock { $0.waiting += hashing == nil ? 1 : 2 }
        hashing?.post { [self] in
            bytes.withUnsafeBytes { file.hash($0) }
            isDone()
        }
        storing.post { [self] in
            attempt {
                try bytes.withUnsafeBytes { try hashing == nil ? file.write($0) : file.store($0) }
            }
            isDone()
        }
    }

    private func isDone() {
        monitor.withLock { $0.waiting -= 1 }
        monitor.wakeOne()
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
