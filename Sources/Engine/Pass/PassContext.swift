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
    let segments: SegmentBudget
    /// What running downloads still need of the disk.
    let space = SpaceLedger()
    /// Held while the mirror and have are changed together.
    let gate: AsyncMutex
    /// What watches the mirror.
    let watch: WatchedFolders
    /// Whether the mirror is compared with have before anything else.
    let mustSweep: Bool
    /// Learns whether a longpoll's report was followed by changes.
    let longpollBackoff: LongpollBackoff
    /// Waits for whatever would start the next pass, except retries that were due at a given time.
    let awaitChange: @Sendable (_ retriesAfter: Int64) async throws -> WakeReason
    /// Has the next pass begin at once.
    let askAgain: @Sendable () -> Void

    func now() -> Int64 { environment.now() }

    /// Compares the mirror with have.
    ///
    /// - Parameter seekingStrangers: whether the account is known, so that what is not from there can be told.
    func sweeper(seekingStrangers: Bool) -> Sweeper {
        Sweeper(
            store: store, mirror: mirror, disk: disk, settings: settings, seeksStrangers: seekingStrangers, gate: gate,
            watch: watch, board: board, events: events)
    }
}
