import Logging
import MirrorFS
import Store
import Synchronization
import SyncModel

/// Logs each outcome once and keeps the pass's report.
final class EventLog: Sendable {
    private let logger: Logger
    private let report = Mutex(PassReport())
    private let lines = Atomic<Int>(0)
    /// What the time of the pass is spent on.
    let times = StageTimes()

    /// Changed paths that get a line at `info` in one pass; the others are told at `debug` and in the summary.
    static let linesPerPass = 100

    init(_ logger: Logger) { self.logger = logger }

    /// Resets the number of changes that are logged at `info`.
    func resetLineBudget() { lines.store(0, ordering: .relaxed) }

    var current: PassReport {
        var copy = report.withLock { $0 }
        copy.times = times.current
        return copy
    }

    func count(_ change: (inout PassReport) -> Void) { report.withLock { change(&$0) } }

    func note(_ level: Logger.Level, _ message: String, event: String? = nil) {
        logger.log(level: level, "\(message)", metadata: event.map { ["event": "\($0)"] } ?? [:])
    }

    /// Tells of a change of the mirror, with the path as `status` writes it.
    func changed(
        _ event: String, _ message: @autoclosure () -> String, path: MirrorPath, bytes: Int64? = nil, rev: Rev? = nil
    ) {
        let isEarly = lines.wrappingAdd(1, ordering: .relaxed).oldValue < Self.linesPerPass
        let level: Logger.Level = isEarly ? .info : .debug
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = ["event": "\(event)", "path": "\(path.remoteText)"]
        if let bytes { metadata["bytes"] = "\(bytes)" }
        if let rev { metadata["rev"] = "\(rev.text)" }
        logger.log(level: level, "\(message())", metadata: metadata)
    }

    /// Tells how many paths of the mirror others have changed.
    func logDrift(_ count: Int) {
        note(
            .notice,
            "\(count == 1 ? "1 path of the mirror was" : "\(count) paths of the mirror were") changed locally "
                + "and \(count == 1 ? "is" : "are") compared with Dropbox again",
            event: "drift")
    }

    /// Logs a path that is out of sync.
    ///
    /// `shown` is its display path; `nil` if it was logged before.
    func logIssue(_ event: String, _ reason: String, key: RemoteKey, shown: String?) {
        let level: Logger.Level = shown == nil ? .debug : event == "parked" ? .notice : .warning
        guard logger.logLevel <= level else { return }
        let path = shown ?? key.text
        logger.log(level: level, "\(path): \(reason)", metadata: ["event": "\(event)", "path": "\(path)"])
    }

    /// Tells that something that was in the way of `path` stands elsewhere now.
    func setAside(_ path: String, to place: String) {
        logger.warning(
            "\(path): what stood there was not from Dropbox; it is now \(place)",
            metadata: ["event": "set_aside", "path": "\(path)"])
    }
}
