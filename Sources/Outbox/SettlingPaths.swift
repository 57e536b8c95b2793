import SyncModel

/// Paths that were touched and have not been left alone for long enough yet; pure.
struct SettlingPaths: Sendable {
    private struct Touched: Sendable {
        var due: ContinuousClock.Instant
        var state: FileState?
    }

    /// How long a path has to stay as it is.
    let settleTime: Duration
    private var touched: [OutboxPath: Touched] = [:]
    /// When to look at the next one.
    private(set) var nextLook: ContinuousClock.Instant?

    init(settleTime: Duration) { self.settleTime = settleTime }

    func contains(_ path: OutboxPath) -> Bool { touched[path] != nil }

    /// Notes that something may have happened at a path, and what stands there now.
    mutating func touch(_ path: OutboxPath, _ state: FileState?, at now: ContinuousClock.Instant) {
        let due = now + settleTime
        touched[path] = Touched(due: due, state: state)
        nextLook = min(nextLook ?? due, due)
    }

    /// Forgets all of them.
    mutating func removeAll() {
        touched = [:]
        nextLook = nil
    }

    /// Compares those that are due with what stands there now; what is as it was has settled, the others begin anew.
    ///
    /// - Returns: what has settled, and as what; `nil` for nothing.
    mutating func settle(
        at now: ContinuousClock.Instant, _ look: (OutboxPath) -> FileState?
    ) -> [OutboxPath: FileState?] {
        nextLook = nil
        var settled: [OutboxPath: FileState?] = [:]
        for (path, seen) in touched where seen.due <= now {
            let state = look(path)
            if state == seen.state {
                touched[path] = nil
                settled.updateValue(state, forKey: path)
            } else {
                touch(path, state, at: now)
            }
        }
        // Not for every single path of many that become due one after the other.
        let soon = now + min(settleTime / 4, .milliseconds(500))
        nextLook = touched.values.map(\.due).min().map { max($0, soon) }
        return settled
    }
}
