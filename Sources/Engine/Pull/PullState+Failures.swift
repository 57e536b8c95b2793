import MirrorFS
import SyncModel

// Downloads that fail for lack of space or of network.
extension PullState {
    // MARK: Space

    /// Makes room for what found none while others were at work, when those are done and what is whole is published.
    ///
    /// The smallest is tried alone, then all others again; so each round brings at least one file as long as one fits.
    /// What does not fit alone says nothing of larger ones if its size is unknown: it comes last then.
    mutating func makeRoom() {
        starved = starved.sorted { order($0) < order($1) }
        guard let first = starved.first else { return }
        steps.append(
            triedAlone.contains(first.placement.key) ? .askForRoom : .makeRoom(first.placement, bytes: first.bytes))
    }

    private func order(_ file: Starved) -> (Int, Int64) {
        (file.placement.isOfUnknownSize && triedAlone.contains(file.placement.key) ? 1 : 0, file.bytes)
    }

    mutating func roomMade(_ isEnough: Bool) {
        guard let first = starved.first?.placement else { return }
        if isEnough {
            triedAlone.insert(first.key)
            enqueueStarved(1)
        } else if triedAlone.isSubset(of: starved.map(\.placement.key)) {
            steps.append(.askForRoom)
        } else {
            triedAlone = []
            enqueueStarved(starved.count)
        }
    }

    /// What is starved will not fit: if others find room it is these files that are too large, else the disk is full.
    mutating func endStarving(isRoomForOthers: Bool) {
        let lacking = starved
        starved = []
        triedAlone = []
        if isRoomForOthers {
            steps.append(
                .commit(lacking.map { .failed($0.placement.key, why: "\($0.why)", retry: StagingSpace.retry) }))
            release(Set(lacking.map(\.placement.key)))
        } else {
            failure = lacking.first.map { $0.why.naming($0.placement.path) }
        }
    }

    private mutating func enqueueStarved(_ count: Int) {
        queue.append(starved.prefix(count).map(\.placement))
        starved.removeFirst(count)
        stage = .changes
    }

    // MARK: The network

    /// Failures of the network in a row, without a success between, after which the pass is given up.
    static let networkFailureLimit = 16

    /// Fails the unreachable downloads: others arrive, so the fault is theirs.
    mutating func failUnreachable() {
        if unreachable.isEmpty { return }
        steps.append(.commit(unreachable.map { .failed($0.key, why: $0.why, retry: nil) }))
        release(Set(unreachable.map(\.key)))
        unreachable = []
    }

    /// Aborts the pass if downloads are unreachable and none arrives: the network is down.
    mutating func abortIfUnreachable() {
        guard let last = unreachable.last else { return }
        let count = unreachable.count
        steps.append(.commit(unreachable.map { .delayed($0.key, why: $0.why) }))
        unreachable = []
        failure = EngineError(
            .unreachable,
            "\(count == 1 ? "a download" : "\(count) downloads in a row") failed, the last one: \(last.why)")
    }
}

extension MirrorError {
    /// The same, where it is not told beside the path that it is about.
    fileprivate func naming(_ path: MirrorPath) -> MirrorError {
        guard code == .lowOnSpace else { return self }
        var error = self
        error.message = "\(path.remoteText) \(message)"
        return error
    }
}
