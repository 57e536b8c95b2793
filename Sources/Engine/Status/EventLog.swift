import Logging
import MirrorFS
import Store
import Synchronization
import SyncModel

/// A line budget that several logs share.
final class SharedLines: Sendable {
    private let budget = Mutex(LineBudget())

    func use<Value: Sendable>(_ body: (inout LineBudget) -> Value) -> Value { budget.withLock { body(&$0) } }
}

/// Logs each outcome once and keeps the pass's report.
final class EventLog: Sendable {
    private let logger: Logger
    private let meter: (any EngineMeter)?
    private let report = Mutex(PassReport())
    private let lines: SharedLines
    private let fallbacks = Mutex<[Fallback: Int]>([:])
    /// What the time of the pass is spent on.
    let times = StageTimes()

    /// The kind of a line that tells of a change of the mirror.
    private static let change = "change"

    /// - Parameter lines: how many lines there may be, where others share that.
    init(_ logger: Logger, _ meter: (any EngineMeter)? = nil, lines: SharedLines = SharedLines()) {
        self.logger = logger
        self.meter = meter
        self.lines = lines
    }

    /// Begins anew with the changes that are logged at `info`.
    func resetLineBudget() { lines.use { $0.renew(Self.change) } }

    var current: PassReport {
        var copy = report.withLock { $0 }
        copy.times = times.current
        copy.withheld = lines.use { $0.withheld }
        return copy
    }

    /// The level of a line about one path: the first of a kind in a pass have their own, the others are told at `debug`
    /// and in the summary.
    private func level(_ own: Logger.Level, _ kind: String) -> Logger.Level {
        guard logger.logLevel <= own, logger.logLevel > .debug else { return own }
        return lines.use { $0.admits(kind) } ? own : .debug
    }

    func count(_ change: (inout PassReport) -> Void) { report.withLock { change(&$0) } }

    /// Tells something about one path, of which there may be many.
    func notePath(_ level: Logger.Level, _ message: String, path: String, event: String) {
        meter?.happened(event)
        let level = self.level(level, event)
        guard logger.logLevel <= level else { return }
        logger.log(level: level, "\(message)", metadata: ["event": "\(event)", "path": "\(path)"])
    }

    func note(_ level: Logger.Level, _ message: String, event: String? = nil) {
        if let event { meter?.happened(event) }
        logger.log(level: level, "\(message)", metadata: event.map { ["event": "\($0)"] } ?? [:])
    }

    /// Tells of a change of the mirror, with the path as `status` writes it.
    func changed(
        _ event: String, _ message: @autoclosure () -> String, path: MirrorPath, bytes: Int64? = nil, rev: Rev? = nil
    ) {
        meter?.happened(event)
        let level = self.level(.info, Self.change)
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = ["event": "\(event)", "path": "\(path.remoteText)"]
        if let bytes { metadata["bytes"] = "\(bytes)" }
        if let rev { metadata["rev"] = "\(rev.text)" }
        logger.log(level: level, "\(message())", metadata: metadata)
    }

    /// A format that was configured and is not offered.
    private struct Fallback: Hashable {
        var why, format: String
    }

    /// Counts an online document that comes in another format than is configured; `tellFallbacks` tells of all.
    func exportFallback(_ why: String, as format: String, path: String) {
        fallbacks.withLock { $0[Fallback(why: why, format: format), default: 0] += 1 }
        notePath(.debug, "\(path): \(why); it comes as \(format)", path: path, event: Self.exportFormat)
    }

    /// Tells once for each format how many documents come in another one.
    func tellFallbacks() {
        let counts = fallbacks.withLock { fallbacks in
            defer { fallbacks = [:] }
            return fallbacks
        }
        for (fallback, count) in counts.sorted(by: { $0.key.why < $1.key.why }) {
            logger.info(
                "\(fallback.why): \(count == 1 ? "1 document comes" : "\(count) documents come") as \(fallback.format)",
                metadata: ["event": "\(Self.exportFormat)"])
        }
    }

    private static let exportFormat = "export_format"

    /// Tells where what was removed or replaced is kept; that it was has a line of its own.
    func trashed(_ item: KeptItem) {
        meter?.happened("trashed")
        guard logger.logLevel <= .debug else { return }
        logger.debug(
            "\(item.path): what stood there is kept as .dbxsync/\(item.place)",
            metadata: ["event": "trashed", "path": "\(item.path)", "bytes": "\(item.size)"])
    }

    /// Tells how many paths of the mirror others have changed.
    func logDrift(_ count: Int) {
        // Each path was counted when it was found.
        logger.log(
            level: level(.notice, "drift"),
            "\(count == 1 ? "1 path of the mirror was" : "\(count) paths of the mirror were") changed locally and \(count == 1 ? "is" : "are") compared with Dropbox again",
            metadata: ["event": "drift"])
    }

    private static let levels: [String: Logger.Level] = ["parked": .notice, "accepted": .info]

    /// Logs a path that is out of sync.
    ///
    /// `shown` is its display path; `nil` if it was logged before.
    func logIssue(_ event: String, _ reason: String, key: RemoteKey, shown: String?) {
        meter?.happened(event)
        let level: Logger.Level = shown == nil ? .debug : self.level(Self.levels[event] ?? .warning, event)
        guard logger.logLevel <= level else { return }
        let path = shown ?? key.text
        logger.log(level: level, "\(path): \(reason)", metadata: ["event": "\(event)", "path": "\(path)"])
    }

    /// Tells that something that was in the way of `path` stands elsewhere now.
    func setAside(_ path: String, to place: String) {
        notePath(
            .warning, "\(path): what stood there was not from Dropbox; it is kept as \(place)", path: path,
            event: "set_aside")
    }
}
