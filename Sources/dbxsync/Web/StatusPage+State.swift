import Dropbox
import SyncModel
import TextFormatting
import Web

// What is said first, and the facts.
extension StatusPage {
    /// Whether it is in step, and what is done just now.
    static func state(_ verdict: PageVerdict, _ facts: PageFacts?) -> String {
        let advice = facts?.namingAdvice(verdict.detail) ?? verdict.detail
        let detail = advice.isEmpty ? "" : "<p>\(Markup.text(PageVerdict.capital(advice)))</p>"
        let rest = facts.map { missing($0.report) + activity($0) } ?? ""
        return """
            <section class="state \(verdict.tone.rawValue)">
            <h2><span class="mark" aria-hidden="true">\(verdict.tone.mark)</span>\(Markup.text(verdict.title))</h2>
            \(detail)\(rest)
            </section>
            """
    }

    /// What stands between the mirror and the account, in numbers.
    private static func missing(_ report: StatusReport) -> String {
        let backlog = report.backlog
        let counts = [
            (backlog.files, "file", "to come"), (backlog.folders, "folder", "to come"),
            (backlog.removals, "entry", "to remove"), (report.failing, "path", "failing"),
            (report.parked, "path", "that cannot be mirrored"), (report.unread, "entry", "that could not be read"),
        ].filter { $0.0 > 0 }.map { count, noun, what in
            let nouns = noun == "entry" && count != 1 ? "entries" : count == 1 ? noun : noun + "s"
            return "\(HumanText.count(count)) \(nouns) \(what)"
        }
        let bytes = backlog.bytes > 0 ? " (\(HumanText.bytes(backlog.bytes)))" : ""
        let parts = counts.enumerated().map { $0 == 0 && backlog.files > 0 ? $1 + bytes : $1 }
        return parts.isEmpty ? "" : "<p>\(Markup.text(parts.joined(separator: ", ")))</p>"
    }

    /// What the daemon does, with a bar where it is known how far it has come.
    private static func activity(_ facts: PageFacts) -> String {
        let (report, now) = (facts.report, facts.now)
        guard let daemon = report.daemon else {
            if report.daemonEnd == nil { return "<p class=\"soft\">dbxsync is not running.</p>" }
            return "<p>dbxsync is \(Markup.text(facts.namingAdvice(StatusText.notRunning(report, now))))</p>"
        }
        if daemon.stopped { return "<p>dbxsync (PID \(daemon.pid)) was stopped by a signal, and does nothing.</p>" }
        guard let live = daemon.now else {
            return daemon.silent
                ? "<p>dbxsync runs (PID \(daemon.pid)), but has said nothing of late: how it gets on is not known.</p>"
                : ""
        }
        if live.phase == "idle" && live.reason == nil { return "" }
        let parts = [StatusText.activity(live), live.bytesPerSecond.map { HumanText.rate(Double($0)) }, timeLeft(live)]
        let line = PageVerdict.capital(parts.compactMap(\.self).joined(separator: " · "))
        return bar(live) + "<p>\(Markup.text(line))</p>" + downloads(live)
    }

    /// The files that are on their way.
    private static func downloads(_ live: LiveStatus) -> String {
        let rows = (live.downloads ?? []).map { file in
            let bytes = "\(HumanText.bytes(file.bytesDone)) of \(HumanText.bytes(file.bytesTotal))"
            return "<li>\(Markup.path(file.path)) <span class=\"soft\">\(Markup.text(bytes))</span></li>"
        }
        return rows.isEmpty ? "" : "<ul>\(rows.joined())</ul>"
    }

    private static func bar(_ live: LiveStatus) -> String {
        guard ["listing", "applying"].contains(live.phase), live.filesTotal > 0 else { return "" }
        let (done, total) =
            live.bytesTotal > 0
            ? (live.bytesDone, live.bytesTotal) : (Int64(live.filesDone), Int64(live.filesTotal))
        let shown = min(max(0, done), total)
        return "<progress max=\"\(total)\" value=\"\(shown)\" aria-label=\"progress of this pass\"></progress>"
    }

    private static func timeLeft(_ live: LiveStatus) -> String? {
        ProgressText.timeLeft(Progress(live), live.bytesPerSecond.map(Double.init)).map {
            HumanText.duration($0) + " left"
        }
    }

    /// What is mirrored where, and how much.
    static func overview(_ facts: PageFacts) -> String {
        let report = facts.report
        let mirror = report.mirror
        let isPath = !mirror.remoteRoot.isEmpty && mirror.namespace == nil && !mirror.teamSpace
        let remote = isPath ? Markup.path(mirror.remoteRoot) : Markup.text(mirror.source)
        let amount =
            "\(HumanText.count(mirror.files, "file")), \(HumanText.count(mirror.folders, "folder")), "
            + HumanText.bytes(mirror.bytes)
        let account = report.account.name.map { $0.isEmpty ? report.account.id ?? "" : $0 } ?? report.account.id
        func advice(_ text: String) -> String { Markup.text(facts.namingAdvice(text)) }
        let rows: [(String, String?)] = [
            ("Account", Markup.text(account ?? "not known yet")),
            ("Mirror", "\(Markup.path(mirror.directory)), from \(remote)"), ("In the account", Markup.text(amount)),
            ("Backlog", advice(StatusText.backlog(report))),
            ("Asked Dropbox", report.checkedAt.map { moment($0.time, facts.now) } ?? "not yet"),
            ("Disk compared", report.diskAsOf.map { moment($0.time, facts.now) } ?? "not yet"),
            ("Daemon", daemon(report)), ("Watching", report.daemon?.now?.watch.map(advice)),
            ("State", StatusText.damaged(report, facts.now).map(advice)),
            ("Metrics file", report.textfileProblem.map(advice)),
            ("Heartbeat", report.heartbeatProblem.map { advice(StatusText.unsent($0, facts.now)) }),
        ]
        let list = rows.compactMap { name, value in value.map { "<div><dt>\(name)</dt><dd>\($0)</dd></div>" } }
        return "<section>\n<h2>Overview</h2>\n<dl>\(list.joined())</dl>\n</section>"
    }

    private static func daemon(_ report: StatusReport) -> String {
        guard let daemon = report.daemon else { return "not running" }
        return daemon.silent ? "running, but silent (PID \(daemon.pid))" : "running (PID \(daemon.pid))"
    }

    /// A time with its distance.
    static func moment(_ time: Timestamp, _ now: Timestamp) -> String {
        let text = TimeText.localAndDistance(time, from: now)
        return "<time datetime=\"\(TimeText.rfc3339(time))\">\(Markup.text(text))</time>"
    }

    /// A time in a table: the date in front where that is not today.
    static func when(_ time: Timestamp, _ now: Timestamp) -> String {
        let clock = TimeText.clock(time)
        let text = TimeText.day(time) == TimeText.day(now) ? clock : "\(TimeText.day(time)) \(clock)"
        return "<time datetime=\"\(TimeText.rfc3339(time))\">\(Markup.text(text))</time>"
    }
}
