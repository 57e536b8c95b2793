public import Concurrency
public import SyncModel
import Synchronization

/// A disk that does not answer.
public struct UnresponsiveDisk: Hashable, Sendable {
    /// The directory it is mounted at or above.
    public var directory: String
    /// Since when.
    public var since: Timestamp

    /// Makes one.
    public init(directory: String, since: Timestamp) {
        self.directory = directory
        self.since = since
    }
}

/// What the engine does now, for STATUS=, the progress display and the watchdog.
public struct EngineStatus: Hashable, Sendable {
    /// What it is busy with.
    public enum Phase: Hashable, Sendable {
        /// Before the first pass.
        case starting
        /// Comparing the mirror with what was put there.
        case sweeping
        /// Asking Dropbox for changes.
        case listing
        /// Bringing the mirror up to date.
        case applying
        /// Removing what is gone from the account.
        case removing
        /// Nothing to do until the next wake.
        case idle
        /// Something is wrong; it is tried again by itself.
        case waiting(why: String)
    }

    /// What it is busy with.
    public var phase = Phase.starting
    /// Entries that the comparison of the mirror has looked at so far.
    public var swept = 0
    /// The time for which the disk is known to be as recorded.
    public var diskAsOf: Timestamp?
    /// How the mirror is watched; `nil` while that is not known.
    public var watch: WatchState?
    /// Entries of the pages read in this pass.
    public var listed = 0
    /// Whether pages are still coming: the totals grow.
    public var isListing = false
    /// Files placed in this pass.
    public var filesDone = 0
    /// Files to be placed in this pass, as far as known.
    public var filesTotal = 0
    /// Bytes received in this pass, and those that earlier runs have received of its files.
    public var bytesDone: Int64 = 0
    /// Of these the ones of earlier runs, which tell nothing of how fast it goes.
    public var bytesResumed: Int64 = 0
    /// Bytes to be placed in this pass, as far as known.
    public var bytesTotal: Int64 = 0
    /// Entries removed in this pass.
    public var removed = 0
    /// Paths that are failing, as of the last pass.
    public var failing = 0
    /// Paths that cannot be mirrored, as of the last pass.
    public var parked = 0
    /// Entries of the account that could not be read and have no path, as of the last pass.
    public var unread = 0
    /// Entries that are held, or whose replacement was rejected.
    public var held = 0
    /// The time for which the mirror is known to equal the account.
    public var inStepAsOf: Timestamp?
    /// Until when Dropbox wants no requests.
    public var pausedUntil: Timestamp?
    /// Whether it has told that to others with the same account, and not to us.
    public var isPauseOfOthers = false
    /// The mirror's disk, if it does not answer.
    public var unresponsiveDisk: UnresponsiveDisk?
}

/// The engine's status and heartbeat; may be read at any time.
public final class StatusBoard: Sendable {
    private let status = Mutex(EngineStatus())
    private let heartbeats = Atomic<UInt64>(0)
    private let received = Atomic<Int64>(0)
    private let active = Mutex<[ActiveDownload]>([])
    private let quietPeriods = Mutex(QuietPeriods())
    private let statusChanged = AsyncSignal()
    private let observers = Mutex<[AsyncSignal]>([])

    /// Creates an empty board.
    public init() {}

    /// What the engine does now.
    public var now: EngineStatus {
        var copy = status.withLock { $0 }
        copy.bytesDone += received.load(ordering: .relaxed)
        return copy
    }

    /// Waits until the status is changed, if it was not since the last call; one waiter at a time.
    ///
    /// Bytes that arrive are no change: they come by the thousand.
    ///
    /// - Throws: `CancellationError`.
    public func waitForChange() async throws { try await statusChanged.wait() }

    /// Notifies `signal` of every change of the status from now on; bytes that arrive are none.
    public func notifyOfChanges(_ signal: AsyncSignal) { observers.withLock { $0.append(signal) } }

    private func notify() {
        statusChanged.notify()
        for signal in observers.withLock({ $0 }) { signal.notify() }
    }

    /// A number that grows whenever work was finished: a page, bytes, a batch, a returned longpoll.
    public var heartbeat: UInt64 { heartbeats.load(ordering: .relaxed) }

    /// Records that work was finished.
    public func recordProgress() { heartbeats.wrappingAdd(1, ordering: .relaxed) }

    /// Notes that Dropbox wants no requests until then.
    ///
    /// - Parameter ofOthers: whether it has told that to others with the same account, and not to us.
    /// - Returns: whether that is new.
    public func pause(until end: Timestamp, ofOthers: Bool = false) -> Bool {
        recordProgress()
        let hasChanged = status.withLock { status in
            guard end > status.pausedUntil ?? .epoch else { return false }
            (status.pausedUntil, status.isPauseOfOthers) = (end, ofOthers)
            return true
        }
        if hasChanged { notify() }
        return hasChanged
    }

    /// Runs work that may report no progress for a known time: a bounded wait, or a long step.
    ///
    /// The watchdog allows it that time.
    public func withQuietPeriod<Result>(
        upTo duration: Duration, isolation: isolated (any Actor)? = #isolation, _ work: () async throws -> Result
    ) async rethrows -> Result {
        recordProgress()
        let number = quietPeriods.withLock { $0.begin(until: .now + duration) }
        defer {
            quietPeriods.withLock { $0.ends[number] = nil }
            recordProgress()
        }
        return try await work()
    }

    /// Time left in the longest announced quiet period; zero if none is active.
    public var allowedQuietTime: Duration {
        quietPeriods.withLock { $0.ends.values.max() }.map { max(.zero, ContinuousClock.now.duration(to: $0)) } ?? .zero
    }

    private struct QuietPeriods {
        var ends: [Int: ContinuousClock.Instant] = [:]
        private var count = 0

        mutating func begin(until end: ContinuousClock.Instant) -> Int {
            count += 1
            ends[count] = end
            return count
        }
    }

    /// Notes that the mirror's disk does not answer, or does; counts as a sign of life: nothing else can come.
    ///
    /// - Returns: whether that is new.
    public func note(_ silent: UnresponsiveDisk?) -> Bool {
        if silent != nil { recordProgress() }
        let hasChanged = status.withLock { status in
            guard (status.unresponsiveDisk == nil) != (silent == nil) else { return false }
            status.unresponsiveDisk = silent
            return true
        }
        if hasChanged { notify() }
        return hasChanged
    }

    /// Changes the status; counts as finished work.
    func update(_ waitForChange: (inout EngineStatus) -> Void) {
        status.withLock { waitForChange(&$0) }
        recordProgress()
        notify()
    }

    /// The files that are being downloaded, in the order in which that began; not those that come in one piece.
    public var downloads: [DownloadProgress] { active.withLock { $0.map(\.progress) } }

    /// Runs a download that is among `downloads` meanwhile.
    func withDownload<Result>(
        _ download: ActiveDownload, isolation: isolated (any Actor)? = #isolation, _ work: () async throws -> Result
    ) async rethrows -> Result {
        active.withLock { $0.append(download) }
        defer { active.withLock { $0.removeAll { $0 === download } } }
        return try await work()
    }

    /// Counts bytes as they arrive.
    func receive(_ bytes: Int) {
        received.wrappingAdd(Int64(bytes), ordering: .relaxed)
        recordProgress()
    }

    /// Counts bytes of a file that an earlier run has received.
    func takeUp(_ bytes: Int64) {
        status.withLock { status in
            status.bytesDone = status.bytesDone.saturatingSum(bytes)
            status.bytesResumed = status.bytesResumed.saturatingSum(bytes)
        }
        recordProgress()
    }

    /// Counts entries that were looked at.
    func swept(_ entries: Int) {
        status.withLock { $0.swept = entries }
        recordProgress()
    }

    /// Begins a pass: the counts start anew.
    func beginPass() {
        received.store(0, ordering: .relaxed)
        update { status in
            // An outage is over when a request succeeds, not when the next one is made.
            if case .waiting = status.phase {} else { status.phase = .listing }
            status.listed = 0
            status.isListing = true
            status.filesDone = 0
            status.filesTotal = 0
            (status.bytesDone, status.bytesResumed) = (0, 0)
            status.bytesTotal = 0
            status.removed = 0
        }
    }
}
