import Engine
import SyncModel
import TextFormatting

/// What the engine does now as one line: `STATUS=`, and the heading of `dbxsync status`; pure.
enum StatusLine {
    /// A wait that is worth a word.
    private static let longPause = Duration.seconds(20)

    /// The line for a moment of the engine's work.
    ///
    /// - Parameters:
    ///   - status: what the engine does.
    ///   - now: the time.
    ///   - pause: how long it will wait, if that is known.
    ///   - staleSince: when the mirror was last known to be in step, if that is too long ago.
    static func text(
        _ status: EngineStatus, now: Timestamp, pause: Duration = .zero, staleSince: Timestamp? = nil
    ) -> String {
        let stale = staleSince.map { "STALE, not known to be in step since \(TimeText.local($0)); " } ?? ""
        if let silent = status.unresponsiveDisk { return "\(stale)waiting: \(text(silent))\(lastKnown(status))" }
        if let asked = askedPause(status, now: now) { return "\(stale)\(asked); \(activity(status))" }
        return stale + activity(status) + pauseText(status, pause)
    }

    /// That a disk does not answer.
    static func text(_ silent: UnresponsiveDisk) -> String {
        "the disk of \(silent.directory) has not answered since \(TimeText.local(silent.since))"
    }

    /// The pause that Dropbox has asked for; nil if it is over.
    static func askedPause(_ status: EngineStatus, now: Timestamp) -> String? {
        guard let end = status.pausedUntil, end > now else { return nil }
        let whose = status.isPauseOfOthers ? toldToOthers : ""
        return "\(whose)Dropbox asked for a pause until \(TimeText.soon(end, now: now))"
    }

    /// What goes before a pause of which another process has told.
    static let toldToOthers = "another dbxsync on this machine was told to wait: "

    /// Waits between passes go without saying.
    private static func pauseText(_ status: EngineStatus, _ pause: Duration) -> String {
        guard pause >= longPause, [.listing, .applying].contains(status.phase), status.listed + status.filesTotal > 0
        else { return "" }
        return "; waiting, at most \(HumanText.duration(pause))"
    }

    /// What is done, and how far it has come.
    static func activity(_ status: EngineStatus) -> String {
        switch status.phase {
        case .starting: "starting"
        case .sweeping: "\(inStep(status)); comparing the disk: \(HumanText.count(status.swept)) entries so far"
        case .listing where status.listed == 0 && status.inStepAsOf != nil: inStep(status)
        case .listing: "listing: \(listed(status))\(placed(status))"
        case .applying: "placing: \(files(status))"
        case .removing: "removing: \(HumanText.count(status.removed)) done"
        case .idle: inStep(status)
        case .waiting(let why): "waiting, retrying automatically: \(why)\(lastKnown(status))"
        }
    }

    private static func inStep(_ status: EngineStatus) -> String {
        let troubles = [(status.failing, "failing"), (status.parked, "parked"), (status.unread, "unreadable")].filter {
            $0.0 > 0
        }
        .map { "\(HumanText.count($0.0)) \($0.1)" }
        if status.held > 0 {
            let since = status.inStepAsOf.map { "; it was last at \(TimeText.local($0))" } ?? ""
            let others = troubles.isEmpty ? "" : ", " + troubles.joined(separator: ", ")
            return "not in step: \(HumanText.count(status.held)) held\(others) (see: dbxsync held)\(since)"
        }
        if !troubles.isEmpty {
            let others = status.inStepAsOf.map { "; all else was at \(TimeText.local($0))" } ?? ""
            return "not in step: \(troubles.joined(separator: ", ")) (see: dbxsync status)\(others)"
        }
        guard let moment = status.inStepAsOf else { return "not in step yet" }
        guard let disk = status.diskAsOf else { return "not known to be in step: the disk was not compared yet" }
        let known =
            status.watch?.isWhole == true ? "the disk is watched" : "the disk as of \(TimeText.local(disk))"
        return "in step as of \(TimeText.local(moment)), \(known)"
    }

    private static func lastKnown(_ status: EngineStatus) -> String {
        status.inStepAsOf.map { "; in step as of \(TimeText.local($0))" } ?? ""
    }

    private static func listed(_ status: EngineStatus) -> String { HumanText.count(status.listed, "change") }

    private static func placed(_ status: EngineStatus) -> String {
        status.filesTotal == 0 ? "" : ", " + files(status)
    }

    private static func files(_ status: EngineStatus) -> String {
        let more = status.isListing ? "+" : ""
        return "\(HumanText.count(status.filesDone)) of \(HumanText.count(status.filesTotal))\(more) files, "
            + "\(HumanText.bytes(status.bytesDone)) of \(HumanText.bytes(status.bytesTotal))\(more)"
    }
}
