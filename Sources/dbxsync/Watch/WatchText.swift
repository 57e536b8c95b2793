import Configuration
import Store
import SyncModel
import TextFormatting

/// What `status --watch` shows at a moment.
struct WatchView: Sendable {
    /// What the state says.
    var report: StatusReport
    /// The last changes of the mirror, the newest last.
    var recent: [HistoryRow]
    /// Why the report is an old one; nil if it is not.
    var trouble: String?
    var now: Timestamp
    /// The configuration, which what is advised names.
    var configuration = DropIn.file(ofInstance: nil)
}

/// `status --watch` as lines of a screen; pure.
enum WatchText {
    /// A line and how it is to be shown.
    struct Line: Equatable, Sendable {
        enum Style: Sendable { case plain, strong, dim, good, bad }

        var text: String
        var style = Style.plain
    }

    /// The screen: at most `height` lines of at most `width` columns.
    static func lines(_ view: WatchView, width: Int, height: Int) -> [Line] {
        let body = max(0, height - 1)
        let top = Array((head(view, width) + blank).prefix(body))
        let parts = parts(view, width, room: body - top.count)
        let gap = [Line](repeating: Line(text: ""), count: body - top.count - parts.count)
        return (top + parts + gap + [Line(text: "q quits", style: .dim)]).suffix(max(0, height)).map {
            Line(text: FittedText.cut($0.text, to: width), style: $0.style)
        }
    }

    /// What is below the heading: troubles have a share of the lines that nothing else takes; then comes how far the pass
    /// is, then the facts, then the files on their way.
    private static func parts(_ view: WatchView, _ width: Int, room: Int) -> [Line] {
        let (troubles, recent) = (troubles(view, width), recent(view))
        let share = min(troubles.count, max(leastTroubles, room / 3), room)
        var left = room - share
        func take(_ lines: [Line]) -> [Line] {
            let taken = Array(lines.prefix(left))
            left -= taken.count
            return taken
        }
        let progress = take(progress(view, width))
        let gap = take(progress.isEmpty ? [] : blank)
        let facts = take(facts(view))
        let downloads = take(progress.isEmpty ? [] : downloads(view, width))
        left += share
        // Each gets half of what is left, and what the other one does not need.
        let shown = shortened(troubles, to: max(share, left / 2, left - recent.count))
        let newest = recent.dropFirst().suffix(max(0, left - shown.count - 1))
        return progress + downloads + gap + facts + shown + (newest.isEmpty ? [] : blank + newest)
    }

    /// Lines that troubles have wherever there are that many: a blank one, a heading, and two paths.
    private static let leastTroubles = 4

    private static let blank = [Line(text: "")]

    private static func head(_ view: WatchView, _ width: Int) -> [Line] {
        let clock = TimeText.clock(view.now)
        let name = FittedText.cut("dbxsync  " + escapingControls(view.report.mirror.directory), to: width - 10)
        let gap = max(1, width - FittedText.width(name) - clock.count)
        let title = Line(
            text: FittedText.cut(name + String(repeating: " ", count: gap) + clock, to: width), style: .dim)
        let text = named(view, StatusText.heading(view.report, view.now))
        let style: Line.Style = view.report.inStep ? .good : isBusy(view) ? .strong : .bad
        return [title]
            + FittedText.wrapped(text, to: width).map { Line(text: $0, style: style) }
            + (view.trouble.map { FittedText.wrapped(escapingControls($0), to: width) } ?? []).map {
                Line(text: $0, style: .bad)
            }
    }

    /// Whether it is under way to be in step, with nothing in its way.
    private static func isBusy(_ view: WatchView) -> Bool {
        let report = view.report
        return !report.stale && report.daemon?.now?.isWaiting != true && report.failing + report.parked == 0
            && report.held == nil
    }

    // MARK: What runs

    /// How far the pass is; no bar while it waits, for nobody knows how long.
    private static func progress(_ view: WatchView, _ width: Int) -> [Line] {
        guard let live = view.report.daemon?.now, live.phase != "idle" else { return [] }
        let progress = Progress(live)
        guard progress.filesTotal > 0 else { return [] }
        let inner = width - nameWidth
        let fraction = progress.isGrowing || live.isWaiting ? nil : progress.fraction
        let bar = fraction.map { ProgressText.bar($0, width: min(60, inner - 8)) + " " + ProgressText.percent($0) }
        let rate = live.isWaiting ? nil : live.bytesPerSecond.map(Double.init)
        let text = ProgressText.details(progress, rate: rate, width: inner)
        return [bar, text].compactMap(\.self).map { Line(text: indent + $0) }
    }

    /// The files on their way.
    private static func downloads(_ view: WatchView, _ width: Int) -> [Line] {
        (view.report.daemon?.now?.downloads ?? []).prefix(mostDownloads).map {
            Line(text: indent + line($0, width - nameWidth))
        }
    }

    private static let mostDownloads = 8
    private static let nameWidth = 2 + StatusText.padded("").count
    private static let indent = String(repeating: " ", count: nameWidth)

    /// A file on its way: its path, a bar, and how much of it is here.
    private static func line(_ download: LiveStatus.Download, _ width: Int) -> String {
        let fraction = ProgressText.fraction(download.bytesDone, of: download.bytesTotal)
        let size = "\(ProgressText.percent(fraction)) of \(HumanText.bytes(download.bytesTotal))"
        let bar = ProgressText.bar(fraction, width: 12)
        let end = " " + bar + " " + size
        let path = FittedText.cutPath(escapingControls(download.path), to: max(8, width - end.count))
        return FittedText.padded(path, to: width - end.count) + end
    }

    // MARK: The rest

    /// What is held is among the troubles.
    private static func facts(_ view: WatchView) -> [Line] {
        StatusText.facts(view.report, view.now).filter { $0.name != "held" }.map { name, text in
            Line(text: "  " + StatusText.padded(name) + text)
        }
    }

    /// A blank line and what is not as it should be; nothing where all is.
    private static func troubles(_ view: WatchView, _ width: Int) -> [Line] {
        let held =
            HeldText.line(view.report.held).map { [Line(text: named(view, "held: " + $0), style: .strong)] } ?? []
        let others = StatusText.troubles(view.report, view.now).map {
            Line(text: named(view, $0), style: $0.hasPrefix(" ") ? .plain : .strong)
        }
        let all = ended(view, width) + waiting(view, width) + held + others
        return all.isEmpty ? [] : blank + all
    }

    /// Why there is no daemon any more, or that it does nothing.
    private static func ended(_ view: WatchView, _ width: Int) -> [Line] {
        let report = view.report
        guard report.daemon?.stopped ?? (report.daemonEnd != nil) else { return [] }
        let what = report.daemon == nil ? StatusText.notRunning(report, view.now) : "stopped by a signal"
        return FittedText.wrapped("the daemon is " + what, to: width).map { Line(text: $0, style: .bad) }
    }

    /// What it waits for, where the heading does not say it.
    private static func waiting(_ view: WatchView, _ width: Int) -> [Line] {
        guard let live = view.report.daemon?.now, let reason = live.reason.map(escapingControls),
            !StatusText.heading(view.report, view.now).contains(reason)
        else { return [] }
        return FittedText.wrapped(live.isWaiting ? "waiting: " + reason : reason, to: width).map {
            Line(text: $0, style: live.isWaiting ? .bad : .strong)
        }
    }

    private static func named(_ view: WatchView, _ text: String) -> String {
        CommandText.namingAdvice(view.configuration, in: text)
    }

    private static func shortened(_ lines: [Line], to count: Int) -> [Line] {
        guard lines.count > count else { return lines }
        return Array(lines.prefix(max(0, count - 1)) + [Line(text: "  …", style: .dim)].prefix(count))
    }

    private static func recent(_ view: WatchView) -> [Line] {
        let rows = view.recent.filter { $0.change.kind != .passDone }
        if rows.isEmpty { return [] }
        return [Line(text: "")]
            + rows.map { Line(text: "  " + HistoryText.recent($0, now: view.now)) }
    }
}
