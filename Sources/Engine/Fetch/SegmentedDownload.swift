import MirrorFS
import SyncModel
import Synchronization

/// Fetches one large file in segments, over as many connections as help.
struct SegmentedDownload: Sendable {
    let context: PassContext
    let version: FileVersion
    let file: BlockFile
    /// The space that it was promised.
    let promise: SpaceLedger.Promise
    let download: ActiveDownload

    /// Between two looks at the rate.
    private static let measureEvery = Duration.milliseconds(500)
    /// Bytes of a segment: large enough that asking costs little, small enough that all connections end together.
    private var segmentSize: Int64 { min(max(version.size / 64, 8 << 20), 64 << 20) }

    private enum Step: Sendable {
        case segment((any Error)?)
        case tick
    }

    /// Fetches what is missing.
    ///
    /// - Throws: the first error of a segment, when the others that had begun are done: what has arrived stays for the
    ///   next try, in whole blocks.
    ///   `RangeNotHonored` if the server knows no ranges.
    func run() async throws {
        var waiting = file.missing(upTo: segmentSize)[...]
        let stored = ByteCount()
        var measured: Int64 = 0
        var width = SegmentConcurrency(limit: context.settings.parallel)
        var running = 0
        var failure: (any Error)?
        try await withThrowingTaskGroup(of: Step.self) { group in
            defer { context.segments.giveBack(max(running - 1, 0)) }
            group.addTask { try await tick() }
            while true {
                // The first one belongs to the download itself, the others have to be free.
                while running < width.count, failure == nil, !waiting.isEmpty, running == 0 || context.segments.take() {
                    running += 1
                    let segment = waiting.removeFirst()
                    group.addTask { await fetch(segment, stored) }
                }
                if running == 0 { break }
                guard let step = try await group.next() else { break }
                switch step {
                case .segment(let error):
                    failure = failure ?? error
                    if running > 1 { context.segments.giveBack(1) }
                    running -= 1
                case .tick:
                    let now = stored.value
                    // Fewer than the width were at work: their rate says nothing of it.
                    if running >= width.count { width.measured(Double(now - measured)) }
                    measured = now
                    group.addTask { try await tick() }
                }
            }
            group.cancelAll()
        }
        if let failure { throw failure }
    }

    private func tick() async throws -> Step {
        try? await context.environment.clock.sleep(for: Self.measureEvery)  // cancelled: the group is at its end
        return .tick
    }

    private func fetch(_ segment: Range<Int64>, _ stored: ByteCount) async -> Step {
        let blocks = BlockWriter(file, at: segment.lowerBound, end: segment.upperBound, stored)
        let store: @Sendable (UnsafeRawBufferPointer) throws -> Void = { [promise, times = context.times] bytes in
            try times.measure(.writing) { try blocks.write(bytes) }
            promise.written(bytes.count)
        }
        let sink = ChunkedSink(
            from: segment.lowerBound, upTo: segment.upperBound, to: ChunkedSink.Target(store: store),
            disk: context.disk, board: context.board, of: download)
        defer { context.events.count { $0.bytes += sink.received } }
        do {
            try await context.remote.downloadSegment(version, upTo: segment.upperBound, into: sink)
        } catch {
            try? await sink.end {}  // blocks that are complete are where the next try goes on; the first error counts
            return .segment(error)
        }
        do {
            try await sink.end {}
            return .segment(nil)
        } catch {
            return .segment(error)
        }
    }
}

/// Writes the bytes of one segment and hashes them block by block; used by one thread at a time.
private final class BlockWriter: @unchecked Sendable {
    private let file: BlockFile
    private let end: Int64
    private let stored: ByteCount
    private let hasher = SHA256Hasher()
    private var offset: Int64
    private var blockStart: Int64

    init(_ file: BlockFile, at start: Int64, end: Int64, _ stored: ByteCount) {
        self.file = file
        self.end = end
        self.stored = stored
        offset = start
        blockStart = start
    }

    @Sendable func write(_ bytes: UnsafeRawBufferPointer) throws {
        try file.write(bytes, at: offset)
        var rest = bytes[...]
        while !rest.isEmpty {
            let blockEnd = min(blockStart + Int64(ContentHasher.blockSize), end)
            let part = rest.prefix(Int(blockEnd - offset))
            hasher.update(UnsafeRawBufferPointer(rebasing: part))
            offset += Int64(part.count)
            rest = rest.dropFirst(part.count)
            if offset == blockEnd {
                try file.complete(blockAt: blockStart, digest: hasher.finishBlock())
                blockStart = offset
            }
        }
        stored.add(Int64(bytes.count))
    }
}

/// Connections beyond the first that all large files of a pass may have together.
final class SegmentBudget: Sendable {
    private let free: Mutex<Int>

    init(_ count: Int) { free = Mutex(count) }

    /// Takes one; `false` if none is free.
    func take() -> Bool {
        free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    func giveBack(_ count: Int) { free.withLock { $0 += count } }
}
