import Dropbox
import Store
import SyncModel
import TextFormatting

/// `dbxsync status` for people; pure.
enum StatusText {
    /// Lines listed for paths that are not as in the account; the others are counted.
    private static let mostPaths = 50

    /// The whole report.
    static func lines(_ report: StatusReport, now: Timestamp) -> [String] {
        [heading(report, now)] + facts(report, now).map { name, text in "  " + padded(name) + text }
            + troubles(report, now) + strangers(report)
    }

    /// What is so, each with its name.
    static func facts(_ report: StatusReport, _ now: Timestamp) -> [(name: String, text: String)] {
        let all: [(String, String?)] = [
            ("account", account(report)), ("mirror", mirror(report)), ("daemon", daemon(report, now)),
            ("checked", checked(report, now)), ("watched", report.daemon?.now?.watch),
            ("proven", ProofText.line(report.proofs, now: now)),
            ("left out", leftOut(report)), ("backlog", backlog(report)),
            ("limit", report.limit?.text(now: WallTime(now))),
            ("held", HeldText.line(report.held)), ("last pass", lastPass(report, now)), ("outbox", outbox(report)),
            ("state", damaged(report, now)),
        ]
        return all.compactMap { name, text in text.map { (name, $0) } }
    }

    /// What is not as it should be: headings, and below each its paths with two spaces in front.
    static func troubles(_ report: StatusReport, _ now: Timestamp) -> [String] {
        issues(report, now: now) + outboxIssues(report, now)
            + (report.textfileProblem.map { ["metrics.textfile: \($0) (see: dbxsync doctor)"] } ?? [])
            + (report.heartbeatProblem.map { ["heartbeat: \(unsent($0, now)) (see: dbxsync doctor)"] } ?? [])
    }

    /// That heartbeats are not sent, since when and why.
    static func unsent(_ problem: StatusReport.Unsent, _ now: Timestamp) -> String {
        escapingControls("none could be sent since \(time(problem.since, now)): \(problem.reason)")
    }

    /// The paths that are not as in the account, with reason and next try.
    static func issues(_ report: StatusReport, now: Timestamp = .now) -> [String] {
        let count = report.failing + report.parked + report.accepted
        if count == 0 { return unread(report) }
        return ["not as in the account: \(HumanText.count(count, "path")) (\(issueCounts(report)))"]
            + lines(report.issues, of: count, now) + unread(report)
    }

    /// How many paths are not as in the account, by what becomes of them.
    static func issueCounts(_ report: StatusReport) -> String {
        let accepted = report.accepted > 0 ? ", \(HumanText.count(report.accepted)) accepted" : ""
        return "\(HumanText.count(report.failing)) failing, \(HumanText.count(report.parked)) parked\(accepted)"
    }

    /// Why a path is not as in the account, how often it was tried, and when it is tried next.
    static func reason(_ path: StatusReport.Path, _ now: Timestamp) -> String {
        let next =
            path.state == "accepted"
            ? "" : path.nextTry.map { "; next try \(TimeText.distance(max($0.time, now), from: now))" } ?? ""
        let tries = path.attempts > 1 ? " (\(path.attempts) tries)" : ""
        return path.reason + tries + next
    }

    /// The entries that could not be read and have no path to be listed under.
    private static func unread(_ report: StatusReport) -> [String] {
        if report.unread == 0 { return [] }
        let shown = report.unreadEntries.prefix(mostPaths)
        let more = report.unread - shown.count
        let count = report.unread == 1 ? "1 entry" : "\(HumanText.count(report.unread)) entries"
        return ["could not be read: \(count) of the account; what a listing does not mention may stay for their sake"]
            + shown.map { escapingControls("  \(padded("unread"))\($0.what): \($0.reason)") }
            + (more > 0 ? ["  and \(HumanText.count(more)) more (see: --json)"] : [])
    }

    /// The files of the outbox that failed, with reason and next try.
    private static func outboxIssues(_ report: StatusReport, _ now: Timestamp) -> [String] {
        guard let outbox = report.outbox, outbox.failing + outbox.parked > 0 else { return [] }
        let count = outbox.failing + outbox.parked
        let heading =
            "not uploaded: \(HumanText.count(count, "path"))"
            + " (\(HumanText.count(outbox.failing)) failing, \(HumanText.count(outbox.parked)) parked)"
        return [heading] + lines(outbox.issues, of: count, now)
    }

    private static func lines(_ paths: [StatusReport.Path], of count: Int, _ now: Timestamp) -> [String] {
        let shown = paths.prefix(mostPaths)
        let lines = shown.map { path in
            escapingControls("  \(padded(path.state))\(path.path): \(reason(path, now))")
        }
        return lines + (count > shown.count ? ["  and \(HumanText.count(count - shown.count)) more (see: --json)"] : [])
    }

    /// Not told where there is none.
    static func outbox(_ report: StatusReport) -> String? {
        guard let outbox = report.outbox else { return nil }
        let target = outbox.remoteFolder.isEmpty ? "/" : outbox.remoteFolder
        let waiting =
            outbox.waiting == 0
            ? "nothing waits"
            : "\(HumanText.count(outbox.waiting, "file")), \(HumanText.bytes(outbox.waitingBytes)), to go up"
        return escapingControls("\(outbox.directory) -> \(target): ") + waiting
    }

    /// Told as long as a damaged state file is kept.
    static func damaged(_ report: StatusReport, _ now: Timestamp) -> String? {
        guard let damaged = report.damagedState else { return nil }
        let how =
            damaged.rebuilt
            ? "was rebuilt since" : "is being rebuilt: nothing is known before the account was listed whole"
        return escapingControls(
            "was damaged at \(time(damaged.setAsideAt, now)), and \(how); the damaged file is kept as \(damaged.kept)")
    }

    /// The word at the head of a line.
    static func padded(_ word: String) -> String { HumanText.padded(word + " ", to: 11) }

    /// Why `isWell` does not hold, in a line.
    static func whyNotWell(_ report: StatusReport, now: Timestamp) -> String {
        guard report.inStep, let outbox = report.outbox else { return heading(report, now) }
        return "the outbox: \(HumanText.count(outbox.failing)) failing, \(HumanText.count(outbox.parked)) parked"
    }

    /// How it stands, and whether a daemon keeps it so, in a line.
    static func line(_ report: StatusReport, _ now: Timestamp) -> String {
        let text = report.isWell ? heading(report, now) : whyNotWell(report, now: now)
        if report.daemon != nil { return text }
        let isSaid = report.daemonEnd.map { text.contains(escapingControls($0.reason)) } ?? false
        return "\(text); the daemon is \(isSaid ? "not running" : notRunning(report, now))"
    }

    /// That no daemon runs, and why as far as that is known.
    static func notRunning(_ report: StatusReport, _ now: Timestamp) -> String {
        guard let end = report.daemonEnd else { return "not running" }
        let reason = escapingControls(end.reason)
        return "not running: it ended \(time(end.at, now)) with exit code \(end.exitCode): \(reason)"
    }

    /// Whether it is in step, and as of when, or why not.
    static func heading(_ report: StatusReport, _ now: Timestamp) -> String {
        guard let moment = report.inStepAsOf else {
            let state = report.checkedAt == nil ? "not in step: no pass has been made yet" : "not in step yet"
            return state + (waiting(report).map { ": \($0)" } ?? "")
        }
        let asOf = time(moment, now)
        if let held = report.held, !report.stale {
            return "not in step: \(HeldText.sentence(held, since: time(held.since, now)))"
        }
        if report.inStep, let disk = report.diskAsOf {
            return "in step: the account as of \(asOf), the disk as of \(time(disk, now))"
        }
        if report.backlog.isNothing && report.failing + report.parked == 0 && !report.stale && !report.listing {
            let disk = report.diskAsOf.map { "was last compared \(time($0, now))" } ?? "was not compared yet"
            return "not known to be in step: the account was at \(asOf), but the disk \(disk)"
        }
        if let whole = report.issues.first(where: { $0.path == "/" }) {
            return "not in step: \(escapingControls(reason(whole, now))); it was at \(asOf)"
        }
        if report.stale { return "not known to be in step: it was at \(asOf), and \(whyStale(report))" }
        let count = report.failing + report.parked + report.unread
        if count == 0 { return "not in step: not all changes are in place; it was at \(asOf)" }
        let paths = count == 1 ? "1 path is" : "\(HumanText.count(count)) paths are"
        return "not in step: \(paths) not as in the account; all else was at \(asOf)"
    }

    private static func whyStale(_ report: StatusReport) -> String {
        if report.daemon?.stopped == true { return "the daemon was stopped by a signal" }
        if report.daemon?.silent == true { return "the daemon has not reported recently" }
        if let end = report.daemonEnd { return "the daemon ended: \(escapingControls(end.reason))" }
        return waiting(report) ?? "could not be compared with Dropbox since"
    }

    /// What the daemon waits for; nil if it does not wait.
    private static func waiting(_ report: StatusReport) -> String? {
        guard let live = report.daemon?.now, live.isWaiting, let reason = live.reason else { return nil }
        return "the daemon waits: \(escapingControls(reason))"
    }

    private static func time(_ moment: Moment, _ now: Timestamp) -> String {
        TimeText.localAndDistance(moment.time, from: now)
    }

    /// Files of others; they are no fault.
    private static func strangers(_ report: StatusReport) -> [String] {
        if report.strangers == 0 { return [] }
        let shown = report.strangerPaths.prefix(mostPaths)
        let more = report.strangers - shown.count
        let count = report.strangers == 1 ? "1 entry" : "\(HumanText.count(report.strangers)) entries"
        return ["not from Dropbox, not in the way of anything: \(count)"]
            + shown.map { "  " + escapingControls($0) }
            + (more > 0 ? ["  and \(HumanText.count(more)) more (see: --json)"] : [])
    }

    private static func account(_ report: StatusReport) -> String {
        guard let id = report.account.id else { return "not known yet" }
        return escapingControls(report.account.name.map { "\($0) (\(id))" } ?? id)
    }

    private static func mirror(_ report: StatusReport) -> String {
        let mirror = report.mirror
        return escapingControls("\(mirror.directory) <- \(mirror.source): ") + HumanText.count(mirror.files, "file")
            + ", "
            + HumanText.count(mirror.folders, "folder") + ", " + HumanText.bytes(mirror.bytes)
    }

    private static func daemon(_ report: StatusReport, _ now: Timestamp) -> String {
        guard let daemon = report.daemon else { return notRunning(report, now) }
        if daemon.stopped {
            return
                "stopped by a signal (PID \(daemon.pid)), and does nothing; to let it go on: kill -CONT \(daemon.pid)"
        }
        if daemon.silent {
            return "running (PID \(daemon.pid)), but it has said nothing of late: how it gets on is not known"
        }
        if daemon.onePass { return "not running; a single pass is under way (PID \(daemon.pid))" }
        return "running (PID \(daemon.pid))" + (daemon.now.map { ", " + escapingControls(activity($0)) } ?? "")
    }

    /// What a daemon does, with as much as is known of how far it has come.
    static func activity(_ live: LiveStatus) -> String {
        let more = live.isListing ? "+" : ""
        let files =
            "\(HumanText.count(live.filesDone)) of \(HumanText.count(live.filesTotal))\(more) files, "
            + "\(HumanText.bytes(live.bytesDone)) of \(HumanText.bytes(live.bytesTotal))\(more)"
        let text =
            switch live.phase {
            case "listing": "listing: \(HumanText.count(live.listed, "change")), \(files)"
            case "applying": "placing: \(files)"
            case "removing": "removing: \(HumanText.count(live.removed)) done"
            case "waiting": "waiting"
            case "sweeping": "comparing the disk"
            default: live.phase
            }
        return live.reason.map { "\(text): \($0)" } ?? text
    }

    private static func checked(_ report: StatusReport, _ now: Timestamp) -> String {
        guard let checked = report.checkedAt else { return "Dropbox was not asked yet" }
        let listing = report.listing ? "; a full listing is under way" : ""
        return time(checked, now) + listing
    }

    /// Not told where nothing is.
    private static func leftOut(_ report: StatusReport) -> String? {
        if report.leftOut == 0 { return nil }
        return HumanText.count(report.leftOut) + " of the account, by mirror.exclude, mirror.include or mirror.max_size"
    }

    /// What is still to be done; "none" for nothing.
    ///
    /// Before the account was listed whole for the first time, nothing to be done means only that nothing is known.
    static func backlog(_ report: StatusReport) -> String {
        let backlog = report.backlog
        if backlog.isNothing { return report.listedAt == nil && report.inStepAsOf == nil ? "not known yet" : "none" }
        let folders = backlog.folders > 0 ? "\(HumanText.count(backlog.folders, "folder")); " : ""
        return "\(HumanText.count(backlog.files, "file")), \(HumanText.bytes(backlog.bytes)); "
            + folders + "\(HumanText.count(backlog.removals)) to remove"
    }

    private static func lastPass(_ report: StatusReport, _ now: Timestamp) -> String {
        guard let pass = report.lastPass else { return "none that did something" }
        let counts =
            "\(HumanText.count(pass.placed)) placed, \(HumanText.count(pass.removed)) removed, "
            + "\(HumanText.count(pass.failed)) failed, \(HumanText.bytes(pass.bytes)) fetched"
        let ended = TimeText.distance(pass.ended.time, from: now)
        let failure = pass.outcome == PassRecord.done ? "" : "; " + pass.outcome
        return escapingControls("\(ended): \(counts)" + failure)
    }
}
