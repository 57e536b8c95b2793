import SyncModel

/// How patient calls are.
public struct CallSettings: Hashable, Sendable {
    /// Tries of one call that may fail in a row without progress.
    ///
    /// Pauses the server asks for do not count.
    public var attempts: Int
    /// The time after the first of these failures in which the call is tried again.
    public var patience: Duration
    /// The time a call may spend in pauses that the server asks for; `nil` for no limit, as suits a daemon.
    public var pausePatience: Duration?
    /// The upper bound of the first delay after a failure; doubled with each further one.
    public var firstDelay: Duration
    /// The upper bound of every delay after a failure.
    public var longestDelay: Duration
    /// Entries per page of a listing, about; 1 to 2000.
    public var pageLimit: Int
    /// How long nothing may move in a download.
    public var stallLimit: Duration
    /// How long nothing may move in any other call; a large listing page can take a minute
    /// (docs/dropbox-api.md#25-pages).
    public var answerStallLimit: Duration

    /// Makes settings; the defaults suit the daemon.
    public init(
        attempts: Int = 6, patience: Duration = .seconds(300), pausePatience: Duration? = nil,
        firstDelay: Duration = .milliseconds(500), longestDelay: Duration = .seconds(60), pageLimit: Int = 1000,
        stallLimit: Duration = .seconds(60), answerStallLimit: Duration = .seconds(120)
    ) {
        self.attempts = attempts
        self.patience = patience
        self.pausePatience = pausePatience
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
        self.pageLimit = pageLimit
        self.stallLimit = stallLimit
        self.answerStallLimit = answerStallLimit
    }

    /// The delay after the given number of failures in a row, with full jitter: `jitter` is in 0..<1.
    ///
    /// Not the half of `Backoff.delay`: the requests of one account fail together, and are to come back spread over the
    /// whole time (docs/dropbox-api.md#74-recommended-classification).
    func delay(afterFailures failures: Int, jitter: Double) -> Duration {
        Backoff(first: firstDelay, longest: longestDelay).limit(failures: failures) * jitter
    }
}
