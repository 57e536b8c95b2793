import Engine
import SyncModel

/// What a daemon has counted since it began, and how it stands, as it hands it to other processes.
struct DaemonCounters: Codable, Equatable, Sendable {
    /// When it began to count.
    var began: Timestamp
    /// Attempts of calls that have ended.
    var requests: [Requests] = []
    /// Calls that were tried again, by endpoint.
    var retries: [String: Int64] = [:]
    /// How long Dropbox wanted no requests, in seconds.
    var pauseSeconds = 0.0
    /// What happened, by the event's name in the journal.
    var effects: [String: Int64] = [:]
    /// Passes that have ended, by `PassEnd`.
    var passes: [String: Int64] = [:]
    /// How long passes took, in seconds.
    var passDurations = Histogram(bounds: [0.01, 0.1, 1, 10, 60, 300, 1_800, 7_200, 43_200])
    /// How long downloads took, in seconds, by `DownloadKind`.
    var downloads: [String: Histogram] = [:]
    /// Heartbeats, by whether they were `sent` or `failed`.
    var heartbeats: [String: Int64] = ["sent": 0, "failed": 0]
    /// Bytes of bodies that arrived, whatever became of them.
    var bytesDown: Int64 = 0
    /// Bytes of files that went up.
    var bytesUp: Int64 = 0
    /// Requests under way.
    var requestsUnderWay = 0
    /// What waits, by what it waits for.
    var queues: [String: Int] = [:]
    /// Whether the mirror's disk is not there, or does not answer.
    var isMirrorAway = false
    /// Whether somebody has to sign in.
    var isSignedOut = false
    /// Bytes that can be written to the mirror's disk; nil if that is not known.
    var freeBytes: Int64?
    /// What the process takes.
    var process = ProcessUsage()

    /// Attempts of calls of one endpoint that ended in one way.
    struct Requests: Codable, Equatable, Sendable {
        var endpoint: String
        /// `2xx`, `3xx`, `4xx`, `429`, `5xx`, `none` without an answer, `abandoned`.
        var status: String
        var count: Int64
    }

    /// Nothing was counted yet.
    init(began: Timestamp) {
        self.began = began
        for end in PassEnd.allCases { passes[end.rawValue] = 0 }
        for kind in DownloadKind.allCases { downloads[kind.rawValue] = Histogram(bounds: Self.downloadBounds) }
        for event in Self.usualEvents { effects[event] = 0 }
    }

    private static let downloadBounds: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]

    /// Counted from zero on, so that the first of them is an increase.
    private static let usualEvents = [
        "file_placed", "file_removed", "folder_made", "folder_removed", "link_made", "link_removed", "moved",
        "set_aside", "parked", "accepted", "failed", "trashed", "drift", "damaged", "held", "released", "rejected",
        "reset", "mirror_away", "mirror_back",
    ]
}

/// How many of what was measured were how large.
struct Histogram: Codable, Equatable, Sendable {
    /// The upper bounds of the buckets, growing; the last bucket has none.
    private(set) var bounds: [Double]
    /// One for each bound and one beyond, not cumulated.
    private(set) var counts: [Int64]
    /// Of all that was measured.
    private(set) var sum = 0.0

    /// Nothing was measured yet.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Counts one that was measured.
    mutating func add(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// How many were at most as large as each bound, the last one without; nil if this is no histogram: it may come from
    /// another process.
    var cumulated: [(bound: Double, count: Int64)]? {
        guard counts.count == bounds.count + 1, sum.isFinite, counts.allSatisfy({ $0 >= 0 }),
            bounds.allSatisfy(\.isFinite), zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        var total: Int64 = 0
        return zip(bounds + [.infinity], counts).map { bound, count in
            total = total.saturatingSum(count)
            return (bound, total)
        }
    }
}
