import Engine
import MirrorFS
import Synchronization

/// The free space of the mirror's disk, asked for without waiting: it may not answer.
final class FreeSpace: Sendable {
    private struct State {
        var bytes: Int64?
        var isAsking = false
    }

    private let state = Mutex(State())
    private let mirror: MirrorTree
    private let disk: DiskPool

    init(of mirror: MirrorTree, on disk: DiskPool) {
        self.mirror = mirror
        self.disk = disk
    }

    /// What the last answer was; nil if there was none, or the mirror is away.
    var bytes: Int64? { state.withLock { $0.bytes } }

    /// Asks, unless an answer is awaited.
    func ask() {
        let isFree = state.withLock { state in
            defer { state.isAsking = true }
            return !state.isAsking
        }
        guard isFree else { return }
        disk.post { [self] in
            let bytes = try? mirror.freeSpace()  // away: nothing is known
            state.withLock { $0 = State(bytes: bytes) }
        }
    }
}
