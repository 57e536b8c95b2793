import Configuration
import SyncModel
import Synchronization

/// Whether the mirror was known to be in step of late: "active but stale" must not hide.
struct Freshness: Equatable, Sendable {
    /// How long ago the mirror may have been known to be in step; nil for as long as it likes.
    var limit: Duration?
    /// Time between requests for changes: between two of them nothing can be known.
    var interval: Duration

    /// How late the answers to two requests may be, in seconds: a pass at work is a good reason.
    private static let grace: Int64 = 60

    init(limit: Duration?, interval: Duration) {
        self.limit = limit
        self.interval = interval
    }

    /// What the configuration allows.
    init(_ schedule: Config.ScheduleSettings) {
        self.init(limit: schedule.maxStaleness, interval: schedule.interval)
    }

    /// The same for the comparison of the disk; where none is scheduled the one at the start does for as long as it likes.
    init(disk schedule: Config.ScheduleSettings) {
        self.init(
            limit: schedule.sweep == nil ? nil : schedule.maxStaleness, interval: schedule.sweep ?? schedule.interval)
    }

    /// Whether a mirror that was last known to be in step at `moment` is too old at `now`.
    func isExceeded(since moment: Timestamp, now: Timestamp) -> Bool {
        // A clock was ahead, and nobody knows when that was.
        if moment > now { return moment.seconds(since: now) > Self.grace }
        guard let limit else { return false }
        return now.seconds(since: moment) > max(limit.components.seconds, 2 * interval.components.seconds + Self.grace)
    }
}

/// Tells once when a mirror becomes stale, and once when it is fresh again; reloads may change what that means.
final class FreshnessWatch: Sendable {
    private struct State {
        var freshness: Freshness
        var isStale = false
    }

    /// What there is to tell.
    enum Transition: Equatable, Sendable {
        /// Stale since a moment now too long ago.
        case stale(since: Timestamp)
        /// In step again, as of this moment.
        case fresh(asOf: Timestamp)
    }

    private let state: Mutex<State>
    /// Counts for a mirror that was never in step: the time the daemon began.
    private let began: Timestamp

    init(_ freshness: Freshness, began: Timestamp) {
        state = Mutex(State(freshness: freshness))
        self.began = began
    }

    /// Takes what a reload has changed.
    func change(to freshness: Freshness) { state.withLock { $0.freshness = freshness } }

    /// Looks at the time for which the mirror is known to be in step.
    ///
    /// - Returns: whether it is stale, and what is new about that.
    func look(_ inStepAsOf: Timestamp?, now: Timestamp) -> (staleSince: Timestamp?, transition: Transition?) {
        state.withLock { state in
            let moment = inStepAsOf ?? began
            let isStale = state.freshness.isExceeded(since: moment, now: now)
            defer { state.isStale = isStale }
            let transition: Transition? =
                isStale == state.isStale ? nil : isStale ? .stale(since: moment) : .fresh(asOf: moment)
            return (isStale ? moment : nil, transition)
        }
    }
}
