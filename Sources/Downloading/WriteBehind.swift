import Concurrency
import SyncModel
import Synchronization

/// Takes a body from the transport's thread, which must not wait, and writes it on a thread that may.
final class WriteBehind: ByteSink {
    private struct State {
        var bytes: [UInt8] = []
        var offset: Int64
        /// Whether the target is to forget its bytes before it gets these.
        var mustRestart = false
        var hasEnded = false
        var failure: (any Error)?
        /// Who is to be called when there is room.
        var resume: (@Sendable () -> Void)?

        /// Whether bytes can be taken, or a failure be told.
        var hasRoom: Bool { bytes.count < WriteBehind.capacity || failure != nil }
    }

    private let target: any ByteSink
    private let size: Int64
    private let state: Mutex<State>
    private let changed = AsyncSignal()

    /// Bytes that may wait, beside those of one call.
    private static let capacity = 512 << 10

    /// Writes to `target`, which is to have `size` bytes.
    init(_ target: any ByteSink, upTo size: Int64) {
        self.target = target
        self.size = size
        state = Mutex(State(offset: target.offset))
    }

    var offset: Int64 { state.withLock { $0.offset } }

    var mayBeFull: Bool { size - offset > Int64(Self.capacity) }

    func hasRoom(for count: Int, orCall resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if !state.hasRoom { state.resume = resume }
            return state.hasRoom
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.bytes.append(contentsOf: bytes)
            state.offset += Int64(bytes.count)
        }
        changed.notify()
    }

    func restart() throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.bytes = []
            state.offset = 0
            state.mustRestart = true
        }
        changed.notify()
    }

    /// Lets `download` write to this sink, and returns when all is written by a thread of `executor`.
    func fill<Answer>(on executor: (any TaskExecutor)?, by download: () async throws -> Answer) async throws -> Answer {
        async let written: Void = withTaskExecutorPreference(executor) { try await self.run() }
        let answer: Answer
        do {
            answer = try await download()
        } catch {
            end()
            try? await written  // what has arrived is where a later run goes on; the first error counts
            throw error
        }
        end()
        try await written
        return answer
    }

    private func end() {
        state.withLock { $0.hasEnded = true }
        changed.notify()
    }

    /// Writes what comes until the end.
    private func run() async throws {
        while true {
            let (bytes, mustRestart, hasEnded, resume) = state.withLock { state in
                defer { (state.bytes, state.mustRestart, state.resume) = ([], false, nil) }
                return (state.bytes, state.mustRestart, state.hasEnded, state.resume)
            }
            resume?()
            do {
                if mustRestart { try target.restart() }
                if !bytes.isEmpty { try bytes.withUnsafeBytes { try target.write($0) } }
            } catch {
                let resume = state.withLock { state in
                    state.failure = error
                    return state.resume
                }
                resume?()
                throw error
            }
            if hasEnded { return }
            try await changed.wait()
        }
    }
}
