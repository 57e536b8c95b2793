import Store
import SyncModel

/// What a scrub has before it, and how far it is.
struct ScrubAgenda: Sendable {
    /// Files that were found right, and when the first of them was.
    struct Proven: Sendable {
        var files: [LocalEntry] = []
        var at: Timestamp
        var since: ContinuousClock.Instant
    }

    let order: Scrub.Order
    private var pace: ScrubPace
    private var queue: ArraySlice<ScrubCandidate> = []
    /// When it is to be looked up anew.
    private var wornOutAt = ContinuousClock.now
    /// The last file that was tried: what could not be read is not tried again before all others.
    private var position: ScrubCandidate?
    /// When the tries begin anew.
    private var beginAnewAt = ContinuousClock.now
    private var lastRead: (began: ContinuousClock.Instant, cost: Int64, whole: Int64)?
    private var proven: Proven?

    /// Files looked up at a time.
    static let page = 8192
    /// Files that are written down at a time.
    private static let many = 64
    /// Time after which proofs are written down.
    private static let longestWait = Duration.seconds(60)

    /// Creates an empty one.
    init(_ order: Scrub.Order) {
        self.order = order
        pace = ScrubPace(for: [], now: .epoch, round: order.round)
    }

    /// The time after which it is worn out.
    var longestPause: Duration { min(.seconds(ScrubPace.catchUp(order.round)), .seconds(3600)) }

    /// Whether it is to be looked up anew.
    var isWornOut: Bool { queue.isEmpty || wornOutAt <= .now }

    /// How long until the next read.
    var untilNextRead: Duration {
        guard let lastRead else { return .zero }
        let next = lastRead.began + pace.pause(after: lastRead.cost, of: lastRead.whole)
        return max(.zero, ContinuousClock.now.duration(to: next))
    }

    /// After which file to go on.
    mutating func beginRenewal() -> ScrubCandidate? {
        if beginAnewAt <= .now {
            position = nil
            beginAnewAt = .now + .seconds(ScrubPace.catchUp(order.round))
        }
        return position
    }

    /// Takes what was looked up.
    mutating func renew(_ outlook: ScrubOutlook, now: Timestamp) {
        pace = ScrubPace(for: outlook.loads, now: now, round: order.round, after: pace)
        queue = outlook.next[...]
        wornOutAt = .now + longestPause
    }

    /// Takes the next file if its time has come.
    mutating func next(now: Timestamp) -> ScrubCandidate? {
        guard let first = queue.first, first.provenAt <= now - ScrubPace.leastAge(order.round) else { return nil }
        queue.removeFirst()
        position = first
        return first
    }

    /// Notes what was read.
    mutating func didRead(_ cost: Int64, of whole: Int64, _ began: ContinuousClock.Instant) {
        lastRead = (began, cost, whole)
    }

    /// Adds a file that was found right.
    mutating func add(_ entry: LocalEntry, at time: Timestamp) {
        proven = proven ?? Proven(at: time, since: .now)
        proven?.files.append(entry)
    }

    /// Takes the files that were found right, to be written down.
    mutating func takeProven() -> Proven? {
        defer { proven = nil }
        return proven
    }

    /// The same if they are many or have waited long.
    mutating func takeProvenIfMany() -> Proven? {
        guard let proven, proven.files.count >= Self.many || proven.since + Self.longestWait <= .now else { return nil }
        return takeProven()
    }
}
