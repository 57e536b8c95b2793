internal import Synchronization

/// An upload session (docs/dropbox-api.md#63-upload-sessions): bytes that are no file yet.
///
/// A refusal is thrown as the tags of the error's union, from the outside in.
final class UploadSession: Sendable {
    /// Why bytes were not taken, or why the session cannot become a file.
    enum Failure: Error, Hashable {
        /// A tag of UploadSessionLookupError, and of UploadSessionAppendError.
        case lookup(String)
        /// Bytes for a place other than the end.
        case incorrectOffset(correct: Int64)
        /// A tag of UploadSessionFinishError.
        case finish(String)
    }

    /// Offsets and sizes in a concurrent session are multiples of this.
    static let blockSize = Int64(ContentHashStream.blockSize)
    /// The largest file (2^41 - 2^22).
    static let limit: Int64 = 2_199_019_061_248
    /// Sessions that stay smaller than this need no file.
    fileprivate static let memory = 1 << 20

    fileprivate struct State {
        /// The bytes, while they are few.
        var bytes: [UInt8] = []
        var file: SpoolFile?
        /// Sequential: the bytes so far; concurrent: where the last byte so far ends.
        var size: Int64 = 0
        var isClosed = false
        /// Of a concurrent session: what is there, in order and without gaps between neighbours.
        var pieces: [Range<Int64>] = []
        /// Digests of whole blocks, and of the last one, by their number.
        var digests: [Int64: Digest] = [:]
    }

    let isConcurrent: Bool
    /// Seconds since 1970.
    let begun = Timestamp.now
    private let state = Mutex(State())

    init(isConcurrent: Bool) { self.isConcurrent = isConcurrent }

    // MARK: Growing

    /// Takes bytes that are meant for `offset`.
    func append(_ bytes: [UInt8], _ digests: [Digest], at offset: Int64, close: Bool) throws {
        try state.withLock { state in
            let end = offset + Int64(bytes.count)
            guard end <= Self.limit else { throw Failure.lookup("too_large") }
            if isConcurrent {
                try Self.check(state, offset..<end, close)
            } else {
                guard !state.isClosed else { throw Failure.lookup("closed") }
                guard offset == state.size else { throw Failure.incorrectOffset(correct: state.size) }
            }
            try state.write(bytes, digests, at: offset)
            state.size = max(state.size, end)
            state.add(offset..<end)
            if close { state.isClosed = true }
        }
    }

    private static func check(_ state: State, _ range: Range<Int64>, _ close: Bool) throws {
        guard range.lowerBound % blockSize == 0 else { throw Failure.lookup("concurrent_session_invalid_offset") }
        guard close || Int64(range.count) % blockSize == 0 else {
            throw Failure.lookup("concurrent_session_invalid_data_size")
        }
        if close {
            guard !state.isClosed else { throw Failure.lookup("closed") }
            guard range.upperBound >= state.size else { throw Failure.lookup("concurrent_session_invalid_offset") }
        } else if state.isClosed {
            guard !state.isComplete else { throw Failure.lookup("closed") }
            guard range.upperBound <= state.size else { throw Failure.lookup("concurrent_session_invalid_offset") }
        }
    }

    // MARK: Becoming a file

    /// Holds the state of the session against a wish to make a file of `offset` bytes out of it.
    func checkFinish(at offset: Int64, hasBody: Bool, mustBeClosed: Bool) throws {
        try state.withLock { state in
            if isConcurrent {
                guard !hasBody else { throw Failure.finish("concurrent_session_data_not_allowed") }
                guard state.isClosed else { throw Failure.finish("concurrent_session_not_closed") }
                guard state.isComplete else { throw Failure.finish("concurrent_session_missing_data") }
            } else {
                guard !state.isClosed || !hasBody else { throw Failure.lookup("closed") }
                guard state.isClosed || !mustBeClosed else { throw Failure.lookup("not_closed") }
            }
            guard offset == state.size else { throw Failure.incorrectOffset(correct: state.size) }
        }
    }

    /// The bytes as the content of a file, with their hash as far as it follows from what came in whole blocks.
    func content() -> (content: Content, digest: Digest?) {
        state.withLock { state in
            let content = state.file.map { Content.spooled($0) } ?? .bytes(state.bytes)
            let count = (state.size + Self.blockSize - 1) / Self.blockSize
            let digests = (0..<count).compactMap { state.digests[$0] }
            return (content, digests.count == count ? contentHash(ofBlocks: digests) : nil)
        }
    }
}

extension UploadSession.State {
    /// Whether there are no gaps.
    fileprivate var isComplete: Bool { size == 0 || pieces == [0..<size] }

    fileprivate mutating func add(_ piece: Range<Int64>) {
        guard !piece.isEmpty else { return }
        var whole = piece
        pieces.removeAll { other in
            guard other.lowerBound <= whole.upperBound, whole.lowerBound <= other.upperBound else { return false }
            whole = min(other.lowerBound, whole.lowerBound)..<max(other.upperBound, whole.upperBound)
            return true
        }
        let place = pieces.firstIndex { $0.lowerBound > whole.lowerBound } ?? pieces.endIndex
        pieces.insert(whole, at: place)
    }

    fileprivate mutating func write(_ new: [UInt8], _ digests: [Digest], at offset: Int64) throws {
        let end = offset + Int64(new.count)
        if file == nil, end > UploadSession.memory {
            let made = try SpoolFile()
            try bytes.withUnsafeBytes { try made.write($0, at: 0) }
            (file, bytes) = (made, [])
        }
        if let file {
            try new.withUnsafeBytes { try file.write($0, at: offset) }
        } else {
            bytes.replaceSubrange(Int(offset)..., with: new)
        }
        note(digests, at: offset, end)
    }

    /// Remembers digests of bytes that came in whole blocks; of others nothing is known any more.
    private mutating func note(_ new: [Digest], at offset: Int64, _ end: Int64) {
        let block = UploadSession.blockSize
        guard offset < end else { return }
        if offset % block == 0 {
            for (index, digest) in new.enumerated() { digests[offset / block + Int64(index)] = digest }
        } else {
            for index in offset / block...(end - 1) / block { digests[index] = nil }
        }
    }
}

/// All upload sessions of the account.
final class UploadSessions: Sendable {
    private let sessions = Mutex<[String: UploadSession]>([:])

    /// Begins a session and says its id.
    func begin(isConcurrent: Bool = false) -> (id: String, session: UploadSession) {
        let id = "pid_upload_session:" + hexText((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        let session = UploadSession(isConcurrent: isConcurrent)
        sessions.withLock { $0[id] = session }
        return (id, session)
    }

    /// The session, unless it is unknown, has become a file, or began more than `life` seconds ago.
    func find(_ id: String, life: Int64) throws -> UploadSession {
        let found = sessions.withLock { $0[id] }
        guard let found, found.begun + life > Timestamp.now else { throw UploadSession.Failure.lookup("not_found") }
        return found
    }

    /// Forgets a session: it has become a file.
    func end(_ id: String) { sessions.withLock { $0[id] = nil } }

    /// Forgets all of them.
    func expire() { sessions.withLock { $0 = [:] } }
}
