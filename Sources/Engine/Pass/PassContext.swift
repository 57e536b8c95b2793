import Logging
import MirrorFS
import Store
import SyncModel
import Synchronization

/// What the parts of a pass share: where they read and write, and the running report.
struct PassContext: Sendable {
    let remote: any RemoteSource
    let store: StateStore
    let mirror: MirrorTree
    let disk: DiskPool
    /// Where files of the mirror are hashed and copied, which may take minutes and must not hold up what arrives.
    let reading: DiskPool
    let settings: EngineSettings
    let environment: EngineEnvironment
    let board: StatusBoard
    let events: EventLog
    /// Its number, which grows from pass to pass.
    let pass: Int
    /// Whether it is the first one of the process.
    let isFirst: Bool
    /// Whether nothing was ever in place, so that the history sums up what is placed.
    let isFirstFill: Bool
    let segments: SegmentBudget
    /// What running downloads still need of the disk.
    let space = SpaceLedger()
    /// How many bytes came into the trash since its limits were looked at.
    let trashed = ByteCount()
    /// Held while the mirror and have are changed together.
    let gate: AsyncMutex
    /// What watches the mirror.
    let watch: WatchedFolders
    /// Whether the mirror is compared with have before anything else.
    let mustSweep: Bool
    /// When the mirror was last compared with have.
    let lastSweep: LastSweep
    /// What starts the next pass.
    let wakeup: Wakeup

    /// What the time of the pass is spent on.
    var times: StageTimes { events.times }

    func now() -> Timestamp { environment.now() }

    /// Compares the mirror with have.
    ///
    /// - Parameter seekingStrangers: whether the account is known, so that what is not from there can be told.
    func sweeper(seekingStrangers: Bool) -> Sweeper {
        Sweeper(
            store: store, mirror: mirror, disk: disk, settings: settings, seeksStrangers: seekingStrangers, gate: gate,
            watch: watch, board: board, events: events, now: environment.now)
    }
}
