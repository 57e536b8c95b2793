import Concurrency
import Synchronization
import Transport

/// Bytes of a file as a request's body, read a little ahead by whoever is in `run`: that one may wait for the disk, and
/// the transport's thread, which serves all other requests, may not.
final class ReadAhead: BodySource {
    private struct State {
        /// What was read and is not sent yet, without gaps.
        var chunks: [(start: Int64, bytes: [UInt8])] = []
        /// Where the next chunk begins.
        var next: Int64 = 0
        /// Why there is no further one; an error, or the end of a file that has become shorter.
        var end: Result<Void, any Error>?
        /// Who is to be called when there are bytes.
        var resume: (@Sendable () -> Void)?
    }

    private let file: any BodySource
    private let state = Mutex(State())
    private let changed = AsyncSignal()

    /// Bytes read at a time.
    private static let chunkSize: Int64 = 256 << 10
    /// Chunks read ahead.
    private static let chunksAhead = 2

    init(_ file: any BodySource) { self.file = file }

    var size: Int64 { file.size }

    func isReady(at offset: Int64, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        let (isReady, wantsMore) = state.withLock { state in
            let count = state.chunks.count
            state.chunks.removeAll { $0.start + Int64($0.bytes.count) <= offset }
            if let first = state.chunks.first, first.start > offset { state.chunks = [] }  // the body begins anew
            if !state.chunks.isEmpty || state.end != nil { return (true, state.chunks.count < count) }
            state.next = offset
            state.resume = resume
            return (false, true)
        }
        if wantsMore { changed.notify() }
        return isReady
    }

    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try state.withLock { state in
            guard let chunk = state.chunks.first, chunk.start <= offset else {
                try state.end?.get()
                return 0
            }
            let rest = chunk.bytes.dropFirst(Int(offset - chunk.start)).prefix(buffer.count)
            buffer.copyBytes(from: rest)
            return rest.count
        }
    }

    /// Reads ahead until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            guard let start = wanted else {
                try? await changed.wait()  // cancelled: the request is over
                continue
            }
            store(Result { try chunk(at: start) }, at: start)
        }
    }

    /// Where to read next; `nil` as long as enough is there.
    private var wanted: Int64? {
        state.withLock { state in
            let isEnough = state.chunks.count >= Self.chunksAhead || state.next >= size || state.end != nil
            return isEnough ? nil : state.next
        }
    }

    private func chunk(at start: Int64) throws -> [UInt8] {
        let count = Int(min(Self.chunkSize, size - start))
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try file.read(at: start, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private func store(_ result: Result<[UInt8], any Error>, at start: Int64) {
        let resume: (@Sendable () -> Void)? = state.withLock { state in
            // The body begins anew: these bytes are not the next ones any more.
            guard state.next == start else { return nil }
            switch result {
            case .success(let bytes) where bytes.isEmpty: state.end = .success(())
            case .success(let bytes):
                state.chunks.append((start, bytes))
                state.next += Int64(bytes.count)
            case .failure(let error): state.end = .failure(error)
            }
            defer { state.resume = nil }
            return state.resume
        }
        resume?()
    }
}
