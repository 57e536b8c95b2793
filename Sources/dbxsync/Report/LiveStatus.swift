import Engine
import SyncModel

/// What a running daemon does now, as its `StatusWord` tells it.
struct LiveStatus: Codable, Equatable, Sendable {
    /// `starting`, `sweeping`, `listing`, `applying`, `removing`, `idle` or `waiting`.
    var phase: String
    /// Why it waits, or what Dropbox has asked for; nil when there is nothing of the kind.
    var reason: String?
    /// Until when Dropbox has asked for no requests; nil when it has not.
    var pausedUntil: Timestamp?
    /// Entries of the pages read in this pass.
    var listed: Int
    /// Whether more pages come, so that the totals grow.
    var isListing: Bool
    /// Files placed in this pass.
    var filesDone: Int
    /// Files to be placed in this pass.
    var filesTotal: Int
    /// Bytes received in this pass.
    var bytesDone: Int64
    /// Of these the ones that earlier runs have received; nil in the word of an earlier version.
    var bytesResumed: Int64?
    /// Bytes to be received in this pass.
    var bytesTotal: Int64
    /// Entries removed in this pass.
    var removed: Int
    /// The files that are being downloaded, the first of them; nil in the word of an earlier version.
    var downloads: [Download]?
    /// Bytes received in a second, over the last seconds; nil while nothing arrives.
    var bytesPerSecond: Int64?
    /// The time for which the disk is known to be as recorded; nil if it is not.
    var diskAsOf: Timestamp?
    /// How the mirror is watched, in words; nil if that is not known.
    var watch: String?
    /// Whether nothing that others do in the mirror is missed, so that the disk is known as of now.
    var isWatched: Bool
    /// The limit on bandwidth; nil if there is none and no timetable.
    var limit: TransferLimit?
    /// Why heartbeats are not sent; nil if they are, or none is configured.
    var heartbeat: HeartbeatProblem?

    /// A file that is being downloaded.
    struct Download: Codable, Equatable, Sendable {
        /// Where it will stand, as `status` writes it.
        var path: String
        var bytesDone: Int64
        var bytesTotal: Int64
    }

    /// Whether something keeps it from going on.
    var isWaiting: Bool { phase == "waiting" }

    /// Downloads that are told.
    private static let mostDownloads = 16

    /// What of the engine's status is worth telling.
    init(_ status: EngineStatus, downloads all: [DownloadProgress], limit: TransferLimit? = nil, now: Timestamp) {
        let why: String?
        (phase, why) = Self.name(of: status)
        let reasons = [StatusLine.askedPause(status, now: now), why].compactMap(\.self)
        reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
        pausedUntil = status.pausedUntil.flatMap { $0 > now ? $0 : nil }
        let isWorking = phase != "idle"
        listed = isWorking ? status.listed : 0
        isListing = isWorking && status.isListing
        filesDone = isWorking ? status.filesDone : 0
        filesTotal = isWorking ? status.filesTotal : 0
        bytesDone = isWorking ? status.bytesDone : 0
        bytesTotal = isWorking ? status.bytesTotal : 0
        bytesResumed = isWorking ? status.bytesResumed : 0
        removed = isWorking ? status.removed : 0
        downloads = all.prefix(Self.mostDownloads).map {
            Download(path: $0.path.remoteText, bytesDone: $0.bytesDone, bytesTotal: $0.bytesTotal)
        }
        diskAsOf = status.diskAsOf
        watch = status.watch?.description
        self.limit = limit
        isWatched = status.unresponsiveDisk == nil && status.diskAsOf != nil && status.watch?.isWhole ?? false
    }

    /// A question that was not answered yet is not worth a write.
    private static func name(of status: EngineStatus) -> (String, String?) {
        if let silent = status.unresponsiveDisk { return ("waiting", StatusLine.text(silent)) }
        return switch status.phase {
        case .starting: ("starting", nil)
        case .sweeping: ("sweeping", nil)
        case .listing: (status.listed == 0 && status.inStepAsOf != nil ? "idle" : "listing", nil)
        case .applying: ("applying", nil)
        case .removing: ("removing", nil)
        case .idle: ("idle", nil)
        case .waiting(let why): ("waiting", why)
        }
    }
}

/// In the word a moment is a number, its seconds since the epoch; `Moment` is the form of the reports.
extension Timestamp: Codable {
    init(from decoder: any Decoder) throws {
        self.init(seconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }
}

extension Progress {
    /// What the daemon's word tells of its pass.
    init(_ live: LiveStatus) {
        self.init(
            filesDone: live.filesDone, filesTotal: live.filesTotal, bytesDone: live.bytesDone,
            bytesTotal: live.bytesTotal, bytesResumed: live.bytesResumed ?? 0, isGrowing: live.isListing)
    }
}
