import SyncModel

/// What a fill has heard of the account, and whether it listens.
struct Ears {
    /// What is to be looked at before everything else.
    private(set) var news: News
    /// What news have told of while it was busy.
    private var later: Set<RemoteKey> = []
    /// Whether deletions of the news may be due.
    private(set) var mayRemove = true
    private(set) var isListening = false
    /// Whether nobody has listened yet.
    private(set) var isFirstTime = true
    /// Whether changes are to be asked for.
    private(set) var mustDrain = false
    /// Whether somebody has asked for that.
    private var isRequested = false
    /// What the drain tells that is under way.
    private var told: Told?
    /// When it was asked for what is complete in the want by now, seconds since the epoch.
    var drainedAsOf: Int64?
    /// Whether the cursor has expired.
    var mustListAnew = false
    /// Retries that were due by then are known of.
    var retriesKnown: Int64

    init(news: News, now: Int64) {
        self.news = news
        retriesKnown = now
    }

    /// Whether changes are being recorded.
    var isDraining: Bool { told != nil }

    /// Whether there is something to be done.
    var isBusy: Bool { isDraining || mustDrain || !news.additions.isEmpty }

    mutating func beginListening() {
        isListening = true
        isFirstTime = false
    }

    mutating func heard(_ wake: Wake) {
        isListening = false
        if wake == .retry { return }
        mustDrain = true
        if wake == .requested { isRequested = true }
    }

    mutating func beginDrain(_ told: Told) {
        mustDrain = false
        self.told = told
    }

    /// - Returns: what it has told, and whether somebody had asked for it.
    mutating func endDrain() -> (told: News, wasRequested: Bool) {
        defer { (told, isRequested) = (nil, false) }
        return (told?.take() ?? News(), isRequested)
    }

    mutating func tell(_ change: (inout News) -> Void) {
        change(&news)
        mayRemove = true
    }

    /// Takes some of the additions; those that are busy are looked at when that is over.
    mutating func takeAdditions(_ count: Int, except busy: Set<RemoteKey>) -> [RemoteKey] {
        let (waiting, free) = news.takeAdditions(count).partitioned(by: busy.covers)
        later.formUnion(waiting)
        return free
    }

    mutating func takeDeletions() -> [RemoteKey] {
        mayRemove = false
        return news.takeDeletions()
    }

    /// Notes that `keys` are no longer busy.
    ///
    /// - Returns: whether news have told of one of them.
    mutating func released(_ keys: Set<RemoteKey>) -> Bool {
        if later.isEmpty { return false }
        let due = later.filter(keys.covers)
        later.subtract(due)
        news.add(additions: due)
        return !due.isEmpty
    }
}

extension Set<RemoteKey> {
    /// Whether `key`, or something above it, is one of these.
    func covers(_ key: RemoteKey) -> Bool { contains(key) || key.ancestors.contains(where: contains) }
}
