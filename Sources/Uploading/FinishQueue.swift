import DequeModule
import Dropbox

/// Commits upload sessions one request at a time; callers that arrive meanwhile are batched into the next request.
///
/// The account is locked for each; requests side by side would only be told to come again.
actor FinishQueue {
    /// How a queued caller resumes: with its result, or as the leader of the next batch.
    private enum Turn: Sendable {
        case done(Result<UploadedFile, any Error>)
        /// Make the next request, for these others, too.
        case lead([Waiting])
    }

    private struct Waiting: Sendable {
        var request: SessionFinish
        var turn: CheckedContinuation<Turn, Never>
    }

    private let uploader: DropboxUploader
    private var waiting: Deque<Waiting> = []
    private var isBusy = false

    init(_ uploader: DropboxUploader) { self.uploader = uploader }

    /// Makes a file of a closed session.
    func finish(_ request: SessionFinish) async throws -> UploadedFile {
        guard isBusy else {
            isBusy = true
            return try await lead(request, [])
        }
        switch await withCheckedContinuation({ waiting.append(Waiting(request: request, turn: $0)) }) {
        case .done(let result): return try result.get()
        case .lead(let others): return try await lead(request, others)
        }
    }

    private func lead(_ request: SessionFinish, _ others: [Waiting]) async throws -> UploadedFile {
        defer { handOver() }
        guard !others.isEmpty else { return try await uploader.finish(request) }
        let results: [Result<UploadedFile, DropboxError>]
        do {
            results = try await uploader.finish([request] + others.map(\.request))
        } catch {
            for other in others { other.turn.resume(returning: .done(.failure(error))) }
            throw error
        }
        for (other, result) in zip(others, results.dropFirst()) {
            other.turn.resume(returning: .done(result.mapError { $0 }))
        }
        return try results[0].get()
    }

    private func handOver() {
        let next = waiting.prefix(DropboxUploader.batchLimit)
        waiting.removeFirst(next.count)
        guard let first = next.first else { return isBusy = false }
        first.turn.resume(returning: .lead(Array(next.dropFirst())))
    }
}
