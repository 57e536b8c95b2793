import MirrorFS
import SyncModel

/// Gets the content of one placement ready: adopt, move, copy or download, whichever is possible first.
struct Fetcher: Sendable {
    let context: PassContext

    /// What came of it.
    enum Fetched: Sendable {
        case ready(Mutation)
        /// This item did not work; `isNetwork` if it may be the connection rather than the item.
        case failed(Outcome, isNetwork: Bool, message: String)
    }

    /// Gets `placement` ready.
    ///
    /// - Parameters:
    ///   - placement: what is to stand where.
    ///   - isUntouched: whether it is known that only a download can serve it.
    /// - Throws: what concerns the whole pass (disk full, signed out, cancelled).
    func fetch(_ placement: Placement, isUntouched: Bool) async throws -> Fetched {
        do {
            let content =
                if isUntouched && placement.version.size <= SmallBody.limit {
                    Content.staged(try await fetchSmall(placement))
                } else {
                    try await content(for: placement)
                }
            return .ready(Mutation(.place(placement), content: content))
        } catch {
            try Task.checkCancellation()
            switch disposition(of: error) {
            case .item: return failure(placement, error, retry: nil, isNetwork: false)
            case .retry(let after): return failure(placement, error, retry: after, isNetwork: true)
            case .cursorReset, .sourceGone, .signedOut, .pass, .fatal: throw error
            }
        }
    }

    private func failure(_ placement: Placement, _ error: any Error, retry: Duration?, isNetwork: Bool) -> Fetched {
        let why = "\(error)"
        return .failed(.failed(placement.key, why: why, retry: retry), isNetwork: isNetwork, message: why)
    }

    private enum Local: Sendable {
        case complete(Content)
        case partial(StagingFile)
    }

    private func content(for placement: Placement) async throws -> Content {
        let context = context
        if let donor = placement.mover, try await context.disk.run({ try Fetcher.isIntact(donor, context) }) {
            return .moved(donor)
        }
        switch try await context.reading.run({ try Fetcher.lookAround(placement, context) }) {
        case .complete(let content): return content
        case .partial(let file): return .staged(try await fetch(placement, into: file))
        }
    }

    /// Whether a donor stands as it was placed: what somebody has edited or removed cannot be moved.
    private static func isIntact(_ donor: Standing, _ context: PassContext) throws -> Bool {
        guard case .file(_, _, let print) = donor.node else { return false }
        return try context.mirror.observe(donor.path) == .file(print)
    }

    /// Downloads; a part that an earlier run has left and that does not fit is thrown away, not held against the file.
    ///
    /// After a power cut a part may have its size and not its bytes.
    private func fetch(_ placement: Placement, into part: StagingFile) async throws -> StagedFile {
        let wasBegun = part.offset > 0
        do {
            return try await download(placement.version, into: part)
        } catch let error as MirrorError where error.code == .mismatch && wasBegun {
            let anew = try await context.disk.run { [context] in
                try context.mirror.stage(placement.version, for: placement.key)
            }
            return try await download(placement.version, into: anew)
        }
    }

    /// What can be had on this disk: the file itself, a copy of another one, or what an earlier download has left.
    private static func lookAround(_ placement: Placement, _ context: PassContext) throws -> Local {
        let version = placement.version
        if try placement.mayAlreadyBe(context.mirror.observe(placement.path)),
            let print = try context.mirror.adoptable(placement.path, as: version)
        {
            return .complete(.adopted(print))
        }
        for case .copy(let donor) in placement.sources {
            if let staged = try context.mirror.stageCopy(of: donor, as: version, for: placement.key) {
                context.events.count { $0.copied += 1 }
                return .complete(.staged(staged))
            }
        }
        return .partial(try openPart(placement, context))
    }

    /// Opens the part file of a download, if there is room for it.
    private static func openPart(_ placement: Placement, _ context: PassContext) throws -> StagingFile {
        let version = placement.version
        let free = try context.mirror.freeSpace()
        guard free - version.size >= context.settings.minFreeSpace else {
            throw MirrorError(
                code: .lowOnSpace,
                message: "\(placement.path) has to wait for space: \(free) bytes are free, mirror.min_free_space is "
                    + "\(context.settings.minFreeSpace) and the file has \(version.size)",
                hint: "free some space; it goes on by itself")
        }
        return try context.mirror.stage(version, for: placement.key)
    }

    /// Downloads a small file, of which nothing is here yet, and stages it.
    private func fetchSmall(_ placement: Placement) async throws -> StagedFile {
        let body = SmallBody(size: placement.version.size, board: context.board)
        defer { context.events.count { $0.bytes += body.received } }
        if body.offset < placement.version.size { try await context.remote.download(placement.version, into: body) }
        let staged = try await context.disk.run { [context] in
            let part = try Fetcher.openPart(placement, context)
            try body.bytes.withUnsafeBytes { try part.write($0) }
            return try part.finish()
        }
        context.events.count { $0.downloaded += 1 }
        return staged
    }

    private func download(_ version: FileVersion, into file: StagingFile) async throws -> StagedFile {
        let writer = StagingWriter(file, size: version.size, disk: context.disk, board: context.board)
        context.board.receive(Int(writer.offset))
        defer { context.events.count { $0.bytes += max(0, writer.received) } }
        do {
            if writer.offset < version.size { try await context.remote.download(version, into: writer) }
        } catch {
            try? await writer.end { _ in }  // what has arrived is where the next try goes on; the first error counts
            throw error
        }
        let staged = try await writer.end { try $0.finish() }
        context.events.count { $0.downloaded += 1 }
        return staged
    }
}
