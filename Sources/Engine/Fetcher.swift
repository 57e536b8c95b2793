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
    /// - Throws: what concerns the whole pass (disk full, signed out, cancelled).
    func fetch(_ placement: Placement) async throws -> Fetched {
        do {
            return .ready(Mutation(.place(placement), content: try await content(for: placement)))
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
        if try isStranger(context.mirror.observe(placement.path), placement),
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
        let free = try context.mirror.freeSpace()
        guard free - version.size >= context.settings.minFreeSpace else {
            throw MirrorError(
                code: .lowOnSpace,
                message: "\(placement.path) has to wait for space: \(free) bytes are free, mirror.min_free_space is "
                    + "\(context.settings.minFreeSpace) and the file has \(version.size)",
                hint: "free some space; it goes on by itself")
        }
        return .partial(try context.mirror.stage(version, for: placement.key))
    }

    /// Whether a file stands at the target that is not the one we know there: it may be what is wanted.
    private static func isStranger(_ seen: Observed, _ placement: Placement) -> Bool {
        guard case .file(let print) = seen, print.size == placement.version.size else { return false }
        guard case .file(_, _, let known)? = placement.replacing?.node else { return true }
        return known != print
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
