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
        let body = height - 1
        let top = head(view, width) + blank + activity(view, width) + facts(view)
        var (troubles, recent) = (self.troubles(view), self.recent(view))
        let room = max(0, body - top.count)
        // Each gets half of what is left, and what the other one does not need.
        let most = max(room / 2, room - recent.count)
        troubles = shortened(troubles, to: most)
        recent = recent.count > 1 ? [recent[0]] + recent.dropFirst().suffix(max(0, room - troubles.count - 1)) : []
        let all = (top + troubles + recent).prefix(max(0, body))
        let gap = [Line](repeating: Line(text: ""), count: max(0, body - all.count))
        return (all + gap + [Line(text: "q quits", style: .dim)]).suffix(max(0, height)).map {
            Line(text: FittedText.cut($0.text, to: width), style: $0.style)
        }
    }

    private static let blank = [Line(text: "")]

    private static func head(_ view: WatchView, _ width: Int) -> [Line] {
        let clock = TimeText.clock(view.now)
        let name = FittedText.cut("dbxsync  " + escapingControls(view.report.mirror.directory), to: width - 10)
        let gap = max(1, width - FittedText.width(name) - clock.count)
        let title = Line(
            text: FittedText.cut(name + String(repeating: " ", count: gap) + clock, to: width), style: .dim)
        let text = StatusText.heading(view.report, view.now)
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
        return !report.stale && report.failing + report.parked == 0 && report.held == nil
    }

    // MARK: What runs

    private static func activity(_ view: WatchView, _ width: Int) -> [Line] {
        guard let live = view.report.daemon?.now, live.phase != "idle" else { return [] }
        let progress = Progress(live)
        guard progress.filesTotal > 0 else { return [] }
        let inner = width - nameWidth
        let fraction = progress.isGrowing ? nil : progress.fraction
        let bar = fraction.map { ProgressText.bar($0, width: min(60, inner - 8)) + " " + ProgressText.percent($0) }
        let text = ProgressText.details(progress, rate: live.bytesPerSecond.map(Double.init), width: inner)
        let downloads = (live.downloads ?? []).prefix(mostDownloads).map { Line(text: line($0, inner)) }
        let lines = [bar, text].compactMap(\.self).map { Line(text: $0) } + downloads
        return lines.map { Line(text: indent + $0.text, style: $0.style) } + blank
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

    private static func facts(_ view: WatchView) -> [Line] {
        StatusText.facts(view.report, view.now).map { name, text in
            Line(text: "  " + StatusText.padded(name) + text)
        }
    }

    private static func troubles(_ view: WatchView) -> [Line] {
        let lines = StatusText.troubles(view.report, view.now)
        if lines.isEmpty { return [] }
        return blank
            + lines.map {
                Line(text: $0, style: $0.hasPrefix(" ") ? .plain : .strong)
            }
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
