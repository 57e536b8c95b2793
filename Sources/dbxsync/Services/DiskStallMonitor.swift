import Engine
import Logging
import SyncModel
import TextFormatting

/// Notices that the mirror's disk does not answer; tells it once, and once that it does again.
struct DiskStallMonitor: Sendable {
    let stall: StallWatch
    let board: StatusBoard
    /// The mirror directory.
    let directory: String
    let metrics: Metrics
    let logger: Logger

    /// So long a disk may think.
    private static let limit = Duration.seconds(30)

    /// Whether the disk may be thinking.
    var isBusy: Bool { stall.isBusy }

    /// Looks once.
    func look(now: Timestamp) {
        let diskStall = stall.look().flatMap { $0 >= Self.limit ? $0.components.seconds : nil }
        let before = board.now.unresponsiveDisk
        let silent = diskStall.map { UnresponsiveDisk(directory: directory, since: now - $0) }
        guard board.note(silent) else { return }
        metrics.happened(silent == nil ? "mirror_back" : "mirror_away")
        if let silent {
            logger.warning(
                "\(StatusLine.text(silent)); the state of the mirror is unknown until it does",
                metadata: ["event": "mirror_away"])
        } else {
            let time =
                before.map { ", after \(HumanText.duration(.seconds(max(0, now.seconds(since: $0.since)))))" } ?? ""
            logger.notice("the disk of \(directory) answers again\(time)", metadata: ["event": "mirror_back"])
        }
    }
}
