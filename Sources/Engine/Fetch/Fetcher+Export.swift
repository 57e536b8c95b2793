import Logging
import MirrorFS
import Store
import SyncModel

// Online documents: what they hold is known only when they were exported. An export therefore ends in staging, and what
// it holds is recorded; from then on it is planned and put in place like any other file.
extension Fetcher {
    /// Gets the file that an online document becomes ready, or exports it.
    func fetch(_ file: ExportedFile, for placement: Placement) async throws -> Fetched {
        if file.version != nil, let content = try await knownContent(for: placement) {
            return .ready(PreparedOperation(.place(placement), content: content))
        }
        if let bytes = file.linkBytes { return try await link(bytes, placement) }
        let received = ByteCount()
        let made: ExportedFile
        do {
            made = try await receive(file, for: placement, counting: received)
        } catch let lack as MirrorError where lack.isLackOfSpace {
            return .noRoom(lack, bytes: file.version?.size ?? max(GrowingPromise.step, received.value))
        }
        if case .format(let format, isFallback: true) = file.form { tellFallback(format, file, placement) }
        if made.content == file.content, let staged = try await stagedBefore(placement) {
            return .ready(PreparedOperation(.place(placement), content: .staged(staged)))
        }
        guard try await context.store.record(made, at: placement.key) else { return .superseded }
        tellSize(made, placement)
        // What stands may hold the same already, and what is too large does not come.
        let item = try await context.store.addition(placement.key, now: context.now())
        let next = item.flatMap { Planner.placing([$0], candidates: ReuseIndex()).first }
        if case .place? = next {} else { try await discardPart(of: placement) }
        return .exported
    }

    /// It has failed too often to be expected any more.
    func neverReady(_ placement: Placement, _ error: any Error) -> Fetched {
        let why = "\(error); it has failed so often that it is tried again only once a day, and when it changes"
        return .failed(.parked(placement.key, reason: why))
    }

    /// What holds the bytes of an export that was made before.
    private func knownContent(for placement: Placement) async throws -> PreparedContent? {
        var inPlace = placement
        inPlace.sources.removeAll { if case .copy = $0 { true } else { false } }
        if let local = try await localContent(for: inPlace) {
            try await discardPart(of: placement)
            return local
        }
        // A copy is made in the place of what is in staging, even of a file that turns out to hold something else.
        if let staged = try await stagedBefore(placement) { return .staged(staged) }
        if let local = try await localContent(for: placement) { return local }
        return try await stagedFromTrash(placement).map { .staged($0) }
    }

    private func discardPart(of placement: Placement) async throws {
        try await context.disk.run { [mirror = context.mirror] in
            try mirror.removePart(of: placement.version, for: placement.key)
        }
    }

    /// An export that an earlier try, perhaps of an earlier run, has left complete.
    private func stagedBefore(_ placement: Placement) async throws -> StagedFile? {
        let staged = try await context.board.withQuietPeriod(upTo: Self.readingTime(placement.version.size)) {
            try await context.reading.run { [mirror = context.mirror] () -> StagedFile? in
                guard try mirror.spaceOfPart(placement.version, for: placement.key) > 0 else { return nil }
                let part = try mirror.stageAnew(placement.version, for: placement.key)
                // What does not fit is thrown away: it is exported anew.
                return try? part.finish()
            }
        }
        if staged != nil { context.events.count { $0.downloaded += 1 } }
        return staged
    }

    /// An export that has been there before and went into the trash: another one might have other bytes.
    private func stagedFromTrash(_ placement: Placement) async throws -> StagedFile? {
        let version = placement.version
        let kept = try await context.store.trash(at: placement.path.remoteText)
            .filter { $0.item.version?.rev == version.rev && $0.item.version?.sameContent(as: version) == true }
        guard let place = kept.last?.item.place else { return nil }
        let staged = try await context.board.withQuietPeriod(upTo: Self.readingTime(version.size)) {
            try await context.reading.run { [context] () -> StagedFile? in
                let promise = try Fetcher.promise(placement, begun: 0, context)
                defer { promise.release(to: 0) }
                return try Fetcher.ignoringItemErrors {
                    try context.mirror.stageKept(place, as: version, for: placement.key)
                }
            }
        }
        if staged != nil { context.events.count { $0.copied += 1 } }
        return staged
    }

    /// Writes a file with the document's web address.
    private func link(_ bytes: [UInt8], _ placement: Placement) async throws -> Fetched {
        let staged = try await context.disk.run { [context] in
            let promise = try Fetcher.promise(placement, begun: 0, context)
            defer { promise.release(to: 0) }
            return try Fetcher.stageWhole(placement, bytes: bytes, context: context)
        }
        return .ready(PreparedOperation(.place(placement), content: .staged(staged)))
    }

    private func tellFallback(_ format: String, _ file: ExportedFile, _ placement: Placement) {
        let document = file.document
        let kind = DocumentKind(name: document.name, formats: document.formats)
        let offered = document.formats.all.map { ExportFormats.fileExtension(of: $0) ?? $0 }.joined(separator: ", ")
        context.events.exportFallback(
            "export.\(kind) = \"\(context.settings.selection.exports[kind].text)\" is not offered by Dropbox, which offers "
                + offered,
            as: ExportFormats.fileExtension(of: format) ?? format, path: placement.path.remoteText)
    }

    /// Tells of an export that came for nothing: nobody knew its size before.
    private func tellSize(_ made: ExportedFile, _ placement: Placement) {
        let size = made.content?.size
        guard context.settings.selection.match(of: placement.key, isFolder: false, size: size) == .outside else {
            return
        }
        context.events.notePath(
            .notice,
            "\(placement.path.remoteText): its export is larger than mirror.max_size and left alone",
            path: placement.path.remoteText, event: "left_alone")
    }

    // MARK: The export

    /// Exports into staging.
    ///
    /// - Parameter received: counts the bytes that have come.
    /// - Returns: the file with what it holds.
    private func receive(
        _ file: ExportedFile, for placement: Placement, counting received: ByteCount
    ) async throws -> ExportedFile {
        let part = try await context.disk.run { [mirror = context.mirror] in
            try mirror.stageExport(file.document.rev, for: placement.key)
        }
        let download = ActiveDownload(placement, begun: 0)
        let space = GrowingPromise(context)
        let limit = context.settings.selection.maxSize ?? .max
        let target = ChunkedSink.Target(
            store: { [times = context.times] bytes in
                received.add(Int64(bytes.count))
                if received.value > limit { throw TooLarge() }
                try space.take(Int64(bytes.count))
                try times.measure(.writing) { try part.write(bytes) }
            },
            restart: {
                received.reset()
                try part.restart()
            })
        let sink = ChunkedSink(
            from: 0, upTo: .max, to: target, disk: context.disk, board: context.board, of: download)
        defer { context.events.count { $0.bytes += sink.received } }
        do {
            let answer = try await context.board.withDownload(download) {
                try await context.remote.export(file, into: sink)
            }
            let content = try await sink.end { part.finish() }
            try await check(content, of: file, answer)
            var made = file
            made.content = content
            let version = made.placedVersion
            try await context.disk.run { try part.keep(as: version, for: placement.key) }
            return made
        } catch {
            try? await sink.end {}  // nothing is written any more; the first error counts
            try? await context.disk.run { part.discard() }
            guard error is TooLarge else { throw error }
            // Of what is left out nothing but the size is of interest.
            var made = file
            made.content = ExportedFile.Content(size: received.value, hash: made.placedVersion.hash)
            return made
        }
    }

    /// More has come than `mirror.max_size` lets in.
    private struct TooLarge: Error {}

    /// Makes sure that what has come is the wanted revision, whole.
    ///
    /// - Throws: `ExportProblem`, and the errors of the remote.
    private func check(_ content: ExportedFile.Content, of file: ExportedFile, _ answer: ExportAnswer) async throws {
        if let problem = ExportProblem(content, answer) { throw problem }
        // Without a hash, or if the answer is about another revision, a second look tells whether it has changed.
        if answer.hash != nil, answer.rev == file.document.rev { return }
        guard try await context.remote.revision(at: file.source) == file.document.rev else {
            throw ExportProblem.changed
        }
    }
}

/// Space for something whose size nobody knows beforehand, asked for step by step; used by one thread at a time.
private final class GrowingPromise: @unchecked Sendable {
    /// What is asked for at a time, bytes.
    static let step: Int64 = 1 << 20

    private let context: PassContext
    private var promise: SpaceLedger.Promise?
    private var left: Int64 = 0

    init(_ context: PassContext) { self.context = context }

    /// Takes space for the next bytes.
    ///
    /// - Throws: `MirrorError` with `.lowOnSpace`.
    func take(_ bytes: Int64) throws {
        if left < bytes {
            promise = nil
            let (next, free) = try Fetcher.promise(max(bytes, Self.step), context)
            guard let next else {
                throw MirrorError(
                    code: .lowOnSpace,
                    message: Fetcher.waitsForSpace(context, free: free) + "its export is larger",
                    hint: "free some space; it continues automatically")
            }
            (promise, left) = (next, max(bytes, Self.step))
        }
        promise?.written(Int(bytes))
        left -= bytes
    }
}
