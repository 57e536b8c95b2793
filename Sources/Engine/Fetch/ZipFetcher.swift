import Logging
import MirrorFS
import SyncModel
import Synchronization
import ZipStream

/// Fetches the files of a group as one zip, and stages what is whole in it.
///
/// The zip is a hint, the hash is the truth: what is missing, changed, broken or left when it breaks off is to be
/// fetched singly, and nothing is held against it.
final class ZipFetcher: Sendable {
    private let context: PassContext
    private let threads = DiskPool(threads: ZipFetcher.atOnce)
    private let arrivals = Mutex<[StagedArrival]>([])

    /// Zips at a time.
    static let atOnce = 4

    /// A file that has come in a zip.
    struct StagedArrival: Sendable {
        let placement: Placement
        let file: StagedFile
        /// When its placement was planned.
        let planGeneration: Int
    }

    /// What the zip of a group has not brought.
    struct Shortfall: Sendable {
        let placements: [Placement]
        /// When they were planned.
        let planGeneration: Int
        /// Whether nothing came of the zip at all.
        let nothingArrived: Bool
    }

    init(_ context: PassContext) { self.context = context }

    /// Files that have come since this was asked last.
    func arrived() -> [StagedArrival] {
        arrivals.withLock { arrivals in
            defer { arrivals = [] }
            return arrivals
        }
    }

    /// Fetches a group that was planned in `planGeneration`; its files can be asked for by `arrived` as they come.
    func fetch(_ group: ZipGroup, planGeneration: Int) async throws -> Shortfall {
        let total = group.placements.reduce(Int64(0)) { $0.addingReportingOverflow($1.version.size).partialValue }
        let promise = try await context.disk.run { [context] in try Fetcher.promise(total, context).promise }
        guard let promise else {
            // One by one some of them may find room.
            return Shortfall(placements: group.placements, planGeneration: planGeneration, nothingArrived: true)
        }
        let pipe = BytePipe(board: context.board)
        return try await withTaskCancellationHandler {
            async let problem = receive(group.folder, into: pipe)
            let (missing, complaint) = try await threads.run { [self] in
                defer { pipe.close() }
                return unpack(group, from: pipe, planGeneration: planGeneration, promise)
            }
            let why = await problem ?? complaint
            try Task.checkCancellation()
            log(group, missing: missing, why: why)
            return Shortfall(
                placements: missing, planGeneration: planGeneration,
                nothingArrived: missing.count == group.placements.count)
        } onCancel: {
            pipe.close()
        }
    }

    private func receive(_ folder: RemoteKey, into pipe: BytePipe) async -> (any Error)? {
        defer { pipe.end() }
        do {
            try await context.remote.downloadZip(of: folder, into: pipe)
            return nil
        } catch {
            return error is BytePipe.Closed ? nil : error
        }
    }

    private func log(_ group: ZipGroup, missing: [Placement], why: (any Error)?) {
        let count = group.placements.count
        context.events.note(
            .debug,
            "\(group.folder): \(count - missing.count) of \(count) files came in a zip"
                + (why.map { "; it was cut off: \($0)" } ?? ""))
    }

    /// Reads the zip to its end and stages what is wanted.
    ///
    /// - Returns: what is missing, and why it was not read to its end.
    private func unpack(
        _ group: ZipGroup, from pipe: BytePipe, planGeneration: Int, _ promise: SpaceLedger.Promise
    ) -> ([Placement], (any Error)?) {
        var names = ZipNames(group)
        do {
            let reader = try ZipReader { pipe.read() }
            while let entry = try reader.next() {
                guard entry.isFile, let number = names.number(of: entry.path), let placement = names[number],
                    let bytes = try reader.content(atMost: Int(placement.version.size)),
                    let file = try stage(placement, bytes: bytes, promise: promise)
                else { continue }
                names.found(number)
                arrivals.withLock {
                    $0.append(StagedArrival(placement: placement, file: file, planGeneration: planGeneration))
                }
            }
            while pipe.read() != nil {}  // the directory at its end, so that the connection can be used again
        } catch {
            // Archive and disk errors are not classified here: the single downloads that follow report them.
            return (names.missing, error)
        }
        return (names.missing, nil)
    }

    /// Stages a file; `nil` if it is not what is wanted.
    private func stage(_ placement: Placement, bytes: [UInt8], promise: SpaceLedger.Promise) throws -> StagedFile? {
        guard bytes.count == placement.version.size else { return nil }
        do {
            let file = try Fetcher.stageWhole(placement, bytes: bytes, context: context)
            promise.written(bytes.count)
            context.board.receive(bytes.count)
            context.events.count { report in
                report.downloaded += 1
                report.bytes += Int64(bytes.count)
            }
            return file
        } catch {
            guard disposition(of: error) == .skipItem else { throw error }
            return nil
        }
    }
}
