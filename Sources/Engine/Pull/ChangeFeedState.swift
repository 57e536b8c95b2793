import SyncModel

/// What `PullState` knows of changes in the account, and whether it waits for more.
struct ChangeFeedState {
    /// Keys to plan before everything else.
    private(set) var changedKeys: ChangedKeys
    /// Keys that changed while they were busy.
    private var later: Set<RemoteKey> = []
    /// Whether deleted entries may be due for removal.
    private(set) var mayRemove = true
    private(set) var isListening = false
    /// Whether changes are being recorded.
    private(set) var isReading = false
    /// Whether this is the first wait of the pass.
    private(set) var isFirstTime = true
    /// Whether changes are to be read.
    private(set) var mustRead = false
    /// Whether somebody has asked for that.
    private var isRequested = false
    /// When the changes were requested that complete the want.
    var completeAsOf: Timestamp?
    /// Whether the cursor has expired.
    var mustListAnew = false
    /// Retries that were due by then have been planned.
    var retriesKnown: Timestamp

    init(changedKeys: ChangedKeys, now: Timestamp) {
        self.changedKeys = changedKeys
        retriesKnown = now
    }

    /// Whether there is something to be done.
    var isBusy: Bool { isReading || mustRead || !changedKeys.additions.isEmpty }

    mutating func beginListening() {
        isListening = true
        isFirstTime = false
    }

    mutating func wokenUp(by reason: WakeReason) {
        isListening = false
        if reason == .retry { return }
        mustRead = true
        if reason == .requested { isRequested = true }
    }

    mutating func beginReading() {
        mustRead = false
        isReading = true
    }

    /// - Returns: whether the read was requested.
    mutating func endReading() -> Bool {
        defer { (isReading, isRequested) = (false, false) }
        return isRequested
    }

    mutating func update(_ change: (inout ChangedKeys) -> Void) {
        change(&changedKeys)
        mayRemove = true
    }

    /// Takes some of the additions; those that are busy are kept until they are released.
    mutating func takeAdditions(_ count: Int, except busy: Set<RemoteKey>) -> [RemoteKey] {
        let (waiting, free) = changedKeys.takeAdditions(count).partitioned(by: busy.covers)
        later.formUnion(waiting)
        return free
    }

    mutating func clearDeletions() {
        mayRemove = false
        changedKeys.clearDeletions()
    }

    /// Notes that `keys` are no longer busy.
    ///
    /// - Returns: whether one of them has changed meanwhile.
    mutating func released(_ keys: Set<RemoteKey>) -> Bool {
        if later.isEmpty { return false }
        let due = later.filter(keys.covers)
        later.subtract(due)
        changedKeys.add(additions: due)
        return !due.isEmpty
    }
}

extension Set<RemoteKey> {
    /// Whether `key`, or something above it, is one of these.
    func covers(_ key: RemoteKey) -> Bool { contains(key) || key.ancestors.contains(where: contains) }
}
