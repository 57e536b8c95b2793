import Concurrency
import MirrorFS
import SyncModel
import TextFormatting

/// Gets the content of one placement ready: adopt, move, copy or download, whichever is possible first.
struct Fetcher: Sendable {
    let context: PassContext

    /// The result.
    enum Fetched: Sendable {
        case ready(PreparedOperation)
        /// It was exported and is in staging: what it holds is known and recorded now, and has to be planned with.
        case exported
        /// This item did not work.
        case failed(Outcome)
        /// Dropbox could not be reached.
        case unreachable(why: String)
        /// It is no longer wanted.
        case superseded
        /// The disk has no room for it, for so many bytes at least, while others are at work.
        case noRoom(MirrorError, bytes: Int64)
    }

    /// Gets `placement` ready, unless it is cancelled meanwhile.
    func fetch(_ placement: Placement, unless cancellation: AsyncSignal) async throws -> Fetched {
        try await withThrowingTaskGroup(of: Fetched.self) { race in
            race.addTask { try await fetch(placement, isDownloadOnly: false) }
            race.addTask {
                try await cancellation.wait()
                return .superseded
            }
            defer { race.cancelAll() }
            return try await race.next() ?? .superseded
        }
    }

    /// Gets `placement` ready.
    ///
    /// - Parameters:
    ///   - placement: what is to stand where.
    ///   - isDownloadOnly: whether it is known that only a download can serve it.
    /// - Throws: what concerns the whole pass (disk full, signed out, cancelled).
    func fetch(_ placement: Placement, isDownloadOnly: Bool) async throws -> Fetched {
        do {
            if let file = placement.export { return try await fetch(file, for: placement) }
            let content =
                if isDownloadOnly && placement.version.size <= SmallBody.limit {
                    PreparedContent.staged(try await fetchSmall(placement))
                } else {
                    try await content(for: placement)
                }
            return .ready(PreparedOperation(.place(placement), content: content))
        } catch {
            try Task.checkCancellation()
            switch disposition(of: error) {
            case .skipItem:
                // What the disk refuses may be put right here at any time.
                if placement.isOutOfPatience, !(error is MirrorError) { return neverReady(placement, error) }
                return failure(placement, error, retry: nil)
            case .retry(let after): return failure(placement, error, retry: after)
            case .parked: return .failed(.parked(placement.key, reason: "\(error)"))
            case .unreachable: return .unreachable(why: "\(error)")
            case .abortPass:
                guard let lack = error as? MirrorError, lack.isLackOfSpace else { throw error }
                return .noRoom(lack, bytes: placement.version.size)
            case .cursorReset, .sourceGone, .signedOut, .fatal: throw error
            }
        }
    }

    private func failure(_ placement: Placement, _ error: any Error, retry: Duration?) -> Fetched {
        .failed(.failed(placement.key, why: "\(error)", retry: retry))
    }

    private func content(for placement: Placement) async throws -> PreparedContent {
        if let local = try await localContent(for: placement) { return local }
        return .staged(try await download(placement))
    }

    /// What can be had without a download.
    func localContent(for placement: Placement) async throws -> PreparedContent? {
        let context = context
        if let candidate = placement.moveSource,
            try await context.disk.run({ try Fetcher.isIntact(candidate, context) })
        {
            return .moved(candidate)
        }
        return try await context.board.withQuietPeriod(upTo: Self.readingTime(placement.version.size)) {
            try await context.reading.run {
                try context.times.measure(.hashing) { try Fetcher.localContent(placement, context) }
            }
        }
    }

    /// Whether a reuse candidate stands as it was placed: what somebody has edited or removed, or cannot be looked at,
    /// cannot be moved.
    private static func isIntact(_ candidate: LocalEntry, _ context: PassContext) throws -> Bool {
        guard case .file(_, _, let print) = candidate.node else { return false }
        return try ignoringItemErrors { try context.mirror.observe(candidate.path) == .file(print) } ?? false
    }

    /// Ignores item errors of local candidates; the file can still be downloaded.
    static func ignoringItemErrors<Result>(_ look: () throws -> Result?) throws -> Result? {
        do {
            return try look()
        } catch  where disposition(of: error) == .skipItem {
            return nil
        }
    }

    /// What can be had on this disk: the file itself, or a copy of another one.
    private static func localContent(_ placement: Placement, _ context: PassContext) throws -> PreparedContent? {
        let version = placement.version
        if try placement.mayAlreadyBe(context.mirror.observe(placement.path)),
            let print = try ignoringItemErrors({ try context.mirror.adoptable(placement.path, as: version) })
        {
            return .adopted(print)
        }
        for case .copy(let candidate) in placement.sources {
            let promise = try promise(placement, begun: 0, context)
            let staged = try ignoringItemErrors {
                try context.mirror.stageCopy(of: candidate, as: version, for: placement.key)
            }
            promise.release(to: 0)
            if let staged {
                context.events.count { $0.copied += 1 }
                return .staged(staged)
            }
        }
        return nil
    }

    // MARK: Downloads

    /// Downloads; a part that an earlier run has left and that does not fit is thrown away, not held against the file.
    ///
    /// After a power cut a part may have its size and not its bytes.
    private func download(_ placement: Placement) async throws -> StagedFile {
        var segmented = placement.version.size >= BlockFile.leastSize
        var refusals = 0
        while true {
            do {
                return try await segmented ? inSegments(placement) : inOneGo(placement)
            } catch is StalePartialDownload {
                continue  // nothing is left of them
            } catch is RangeNotHonored {
                refusals += 1
                segmented = refusals < 2  // once may be an accident, and what has arrived would be lost
            }
        }
    }

    /// How long hashing or copying so many bytes may take on a slow disk.
    static func readingTime(_ bytes: Int64) -> Duration { .seconds(60 + bytes / 5_000_000) }

    /// What an earlier run has left of the file was not what it should be, and is thrown away.
    private struct StalePartialDownload: Error {}

    private func inOneGo(_ placement: Placement) async throws -> StagedFile {
        let (part, promise) = try await context.board.withQuietPeriod(upTo: Self.readingTime(placement.version.size)) {
            try await context.reading.run { [context] in
                let promise = try Fetcher.promiseOfRest(placement, context)
                let part = try context.times.measure(.hashing) {
                    try context.mirror.stage(placement.version, for: placement.key)
                }
                try Fetcher.keepOfRest(promise, placement: placement, context: context)
                return (part, promise)
            }
        }
        let begun = part.offset
        return try await staged(placement, begun: begun) { download in
            let target = ChunkedSink.Target(
                store: { [times = context.times] bytes in
                    try times.measure(.writing) { try part.write(bytes) }
                    promise.written(bytes.count)
                }, restart: { try part.restart() })
            let sink = ChunkedSink(
                from: begun, upTo: placement.version.size, to: target, disk: context.disk, board: context.board,
                of: download)
            defer { context.events.count { $0.bytes += sink.received } }
            do {
                if begun < placement.version.size {
                    try await context.remote.download(placement.version, into: sink)
                }
            } catch {
                try? await sink.end {}  // what has arrived is where the next try goes on; the first error counts
                throw error
            }
            return try await sink.end { [times = context.times] in try times.measure(.writing) { try part.finish() } }
        }
    }

    private func inSegments(_ placement: Placement) async throws -> StagedFile {
        let (file, promise) = try await context.board.withQuietPeriod(upTo: Self.readingTime(placement.version.size)) {
            try await context.reading.run { [context] in
                let promise = try Fetcher.promiseOfRest(placement, context)
                let file = try context.times.measure(.hashing) {
                    try context.mirror.stageBlocks(placement.version, for: placement.key)
                }
                try Fetcher.keepOfRest(promise, placement: placement, context: context)
                return (file, promise)
            }
        }
        return try await staged(placement, begun: file.present) { download in
            try await SegmentedDownload(
                context: context, version: placement.version, file: file, promise: promise, download: download
            ).run()
            return try await context.board.withQuietPeriod(upTo: Self.readingTime(placement.version.size)) {
                try await context.disk.run { [times = context.times] in
                    try times.measure(.writing) { try file.finish() }
                }
            }
        }
    }

    private func staged(
        _ placement: Placement, begun: Int64, _ fetch: (ActiveDownload) async throws -> StagedFile
    ) async throws -> StagedFile {
        context.board.takeUp(begun)
        let download = ActiveDownload(placement, begun: begun)
        do {
            let staged = try await context.board.withDownload(download) { try await fetch(download) }
            if begun < staged.version.size { context.events.count { $0.downloaded += 1 } }
            return staged
        } catch let error as MirrorError where error.code == .mismatch && begun > 0 {
            context.board.takeUp(-begun)
            throw StalePartialDownload()
        }
    }

    /// Reserves space for the rest of a file, beyond what is to stay free; `begun` bytes take their space already.
    ///
    /// - Throws: `MirrorError` with `.lowOnSpace`.
    static func promise(_ placement: Placement, begun: Int64, _ context: PassContext) throws -> SpaceLedger.Promise {
        let size = placement.version.size
        let (promise, free) = try promise(size - min(begun, size), context)
        if let promise { return promise }
        throw MirrorError(
            code: .lowOnSpace,
            message: waitsForSpace(context, free: free) + "the file has \(HumanText.bytes(size))",
            hint: "free some space; it continues automatically")
    }

    /// The beginning of the reason why something waits, without its path.
    static func waitsForSpace(_ context: PassContext, free: Int64) -> String {
        "has to wait for space: \(HumanText.bytes(max(free, 0))) are free beyond what is being fetched, "
            + "mirror.min_free_space is \(HumanText.bytes(context.settings.minFreeSpace)) and "
    }

    /// Reserves `bytes` beyond what is to stay free.
    ///
    /// - Returns: the promise, or `nil`; and what is free beyond what others were promised.
    static func promise(_ bytes: Int64, _ context: PassContext) throws -> (
        promise: SpaceLedger.Promise?, free: Int64
    ) {
        try context.space.promise(bytes, reserve: context.settings.minFreeSpace) { try context.mirror.freeSpace() }
    }

    /// The same for a file of which an earlier run may have left or reserved something.
    private static func promiseOfRest(_ placement: Placement, _ context: PassContext) throws -> SpaceLedger.Promise {
        let begun = try context.mirror.spaceOfPart(placement.version, for: placement.key)
        return try promise(placement, begun: begun, context)
    }

    /// What the part has reserved on the disk need not be promised any more.
    private static func keepOfRest(
        _ promise: SpaceLedger.Promise, placement: Placement, context: PassContext
    ) throws {
        let left = placement.version.size - (try context.mirror.spaceOfPart(placement.version, for: placement.key))
        promise.release(to: left)
    }

    /// Downloads a small file, of which nothing is here yet, and stages it.
    private func fetchSmall(_ placement: Placement) async throws -> StagedFile {
        let body = SmallBody(size: placement.version.size, board: context.board)
        defer { context.events.count { $0.bytes += body.received } }
        if body.offset < placement.version.size { try await context.remote.download(placement.version, into: body) }
        let staged = try await context.disk.run { [context] in
            let promise = try Fetcher.promise(placement, begun: 0, context)
            defer { promise.release(to: 0) }
            return try Fetcher.stageWhole(placement, bytes: body.bytes, context: context)
        }
        context.events.count { $0.downloaded += 1 }
        return staged
    }

    /// Writes a file that has come whole; nothing is left of one that the disk has no room for.
    static func stageWhole(_ placement: Placement, bytes: [UInt8], context: PassContext) throws -> StagedFile {
        context.times.begin(.writing)
        defer { context.times.end(.writing) }
        let part = try context.mirror.stageAnew(placement.version, for: placement.key)
        do {
            if part.offset > 0 { try part.restart() }
            try bytes.withUnsafeBytes { try part.write($0) }
            return try part.finish()
        } catch {
            part.discard()
            throw error
        }
    }
}
