import MirrorFS
import Store
import SyncModel

// Downloads that fail for lack of space or of network.
extension PullLoop {
    // MARK: Space

    /// Makes room for what found none while others were at work, when those are done and what is whole is published.
    ///
    /// The smallest is tried alone, then all others again; so each round brings at least one file as long as one fits.
    ///
    /// - Returns: whether there is something to fetch again.
    mutating func makeRoom() async throws -> Bool {
        starved.sort { $0.placement.version.size < $1.placement.version.size }
        guard let first = starved.first else { return false }
        let space = StagingSpace(context: context)
        let hasFailedAlone = triedAlone.contains(first.placement.key)
        if !hasFailedAlone, try await space.make(for: first.placement) {
            triedAlone.insert(first.placement.key)
            enqueueStarved(1)
            return true
        }
        if triedAlone.isEmpty || hasFailedAlone {
            let lacking = starved
            starved = []
            triedAlone = []
            if try await !space.isRoomForOthers() { throw first.why }
            // Others find room: it is these files that are too large.
            try await publisher.commit(
                lacking.map { .failed($0.placement.key, why: "\($0.why)", retry: StagingSpace.retry) })
            release(Set(lacking.map(\.placement.key)))
            return false
        }
        triedAlone = []
        enqueueStarved(starved.count)
        return true
    }

    private mutating func enqueueStarved(_ count: Int) {
        queue.append(starved.prefix(count).map(\.placement))
        starved.removeFirst(count)
    }

    // MARK: The network

    /// Failures of the network in a row, without a success between, after which the pass is given up.
    static let networkFailureLimit = 16

    /// Fails the unreachable downloads: others arrive, so the fault is theirs.
    mutating func failUnreachable() async throws {
        if unreachable.isEmpty { return }
        try await publisher.commit(unreachable.map { .failed($0.key, why: $0.why, retry: nil) })
        release(Set(unreachable.map(\.key)))
        unreachable = []
    }

    /// Aborts the pass if downloads are unreachable and none arrives: the network is down.
    mutating func abortIfUnreachable() async throws {
        guard let last = unreachable.last else { return }
        let count = unreachable.count
        try await publisher.commit(unreachable.map { .delayed($0.key, why: $0.why) })
        unreachable = []
        throw EngineError(
            .unreachable,
            "\(count == 1 ? "a download" : "\(count) downloads in a row") failed, the last one: \(last.why)")
    }
}
