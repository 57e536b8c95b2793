import Configuration
import Dropbox
import Engine
import Glibc
import Store
import SyncModel

/// How the mirror of the running daemon stands, for services that ask again and again: the same as `dbxsync status`
/// tells, at the price of a few look-ups.
///
/// What only reading the whole state tells is read anew when something has happened since, and then so seldom that it
/// takes a thousandth of the time.
actor StatusSampler {
    /// How it stands.
    struct Sample: Sendable {
        var report: StatusReport
        var trash: MetricsFacts.Trash
    }

    private struct Costly {
        var extents: StatusReport.Extents
        var trash: MetricsFacts.Trash
        /// What is mirrored of the account, which decides what is left out.
        var selection: Selection
        var changes: UInt64
        var readAt: ContinuousClock.Instant
        var cost: Duration
    }

    private let store: StateStore
    private let board: StatusBoard
    private let metrics: Metrics
    private let config: CurrentConfig
    private var costly: Costly?

    init(store: StateStore, board: StatusBoard, metrics: Metrics, config: CurrentConfig) {
        self.store = store
        self.board = board
        self.metrics = metrics
        self.config = config
    }

    /// How it stands now.
    ///
    /// - Parameter paths: how many paths are listed of each kind.
    /// - Throws: `StoreError` if the state cannot be read.
    func sample(paths: Int = 0) async throws -> Sample {
        let (config, now) = (config.value, Timestamp.now)
        let costly = try await costlyFacts(config, now)
        let live = LiveStatus(board.now, downloads: [], now: now)
        let report = try await StatusReport.gather(
            store, config: config, daemon: StatusReport.Daemon(pid: getpid(), now: live, silent: false), now: now,
            paths: paths, extents: costly.extents)
        return Sample(report: report, trash: costly.trash)
    }

    /// What only reading the whole state tells; nil if it cannot be read.
    func extents() async -> StatusReport.Extents? { try? await costlyFacts(config.value, .now).extents }

    private func costlyFacts(_ config: Config, _ now: Timestamp) async throws -> Costly {
        let (changes, began) = (metrics.effects, ContinuousClock.now)
        if let costly {
            let age = began - costly.readAt
            // The files that were read again since, with the time of the last that was not.
            let isOld = age >= max(.seconds(3_600), costly.cost * 10_000)
            let isOther = changes != costly.changes || store.selection != costly.selection
            let hasChanged = isOther && age >= max(.seconds(5), costly.cost * 1_000)
            if !isOld && !hasChanged { return costly }
        }
        let selection = store.selection
        let extents = try await StatusReport.Extents.read(store, config: config, now: now)
        let trash = MetricsFacts.Trash(try await store.trashExtent())
        store.releaseMemory()
        let end = ContinuousClock.now
        let read = Costly(
            extents: extents, trash: trash, selection: selection, changes: changes, readAt: end, cost: end - began)
        costly = read
        return read
    }
}
