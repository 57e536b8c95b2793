import DequeModule

/// Pieces of work done one after the other, in order, on the threads of a disk pool.
final class SerialWork: Sendable {
    private struct State {
        var waiting: Deque<@Sendable () -> Void> = []
        var isBusy = false
    }

    private let disk: DiskPool
    private let monitor = Monitor(State())

    /// Pieces done in one go, before others get their turn on the thread.
    private static let turn = 8

    init(_ disk: DiskPool) { self.disk = disk }

    /// Adds a piece of work.
    func post(_ work: @escaping @Sendable () -> Void) {
        let isFirst = monitor.withLock { state in
            state.waiting.append(work)
            defer { state.isBusy = true }
            return !state.isBusy
        }
        if isFirst { disk.post { self.drain() } }
    }

    private func drain() {
        for _ in 0..<Self.turn {
            let next: (@Sendable () -> Void)? = monitor.withLock { state in
                state.isBusy = !state.waiting.isEmpty
                return state.waiting.popFirst()
            }
            guard let next else { return }
            next()
        }
        disk.post { self.drain() }
    }
}
