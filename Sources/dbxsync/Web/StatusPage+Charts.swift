import Dropbox
import Store
import SyncModel
import TextFormatting
import Web

// What has happened, over a day and a month.
extension StatusPage {
    /// A bar, and what it is the sum of.
    struct Span: Equatable, Sendable {
        /// What is written below it.
        var name: String
        /// In seconds.
        var length: Int64
        var sum: Activity
    }

    /// Four charts; nothing where nothing has ever happened.
    static func charts(_ facts: PageFacts) -> String {
        let (day, month) = (hours(facts.activity, facts.now), days(facts.activity, facts.now))
        guard month.contains(where: { $0.sum.changes > 0 }) || day.contains(where: { $0.sum.changes > 0 }) else {
            return ""
        }
        let charts = [
            bytes(day, id: "rate-day", "Put in place, by hour", "the last 24 hours"),
            changes(day, id: "changes-day", "Changes, by hour", "the last 24 hours"),
            bytes(month, id: "rate-month", "Put in place, by day", "the last 30 days"),
            changes(month, id: "changes-month", "Changes, by day", "the last 30 days"),
        ]
        return "<section>\n<h2>Activity</h2>\n<div class=\"charts\">\(charts.joined(separator: "\n"))</div>\n</section>"
    }

    /// The last 24 hours, the one that it is included.
    static func hours(_ activity: [Activity], _ now: Timestamp) -> [Span] {
        let current = now.seconds / Activity.hour
        let sums = Dictionary(activity.map { ($0.begin.seconds / Activity.hour, $0) }) { one, _ in one }
        return (current - 23...current).map { hour in
            let begin = Timestamp(seconds: hour * Activity.hour)
            return Span(
                name: TimeText.hour(begin),
                length: hour == current ? max(1, now.seconds(since: begin)) : Activity.hour,
                sum: sums[hour] ?? Activity(begin: begin))
        }
    }

    /// The last 30 days of the local calendar, today included.
    static func days(_ activity: [Activity], _ now: Timestamp) -> [Span] {
        var sums: [String: Activity] = [:]
        for hour in activity where hour.begin <= now {
            let day = TimeText.day(hour.begin)
            sums[day] = (sums[day] ?? Activity(begin: hour.begin)).adding(hour)
        }
        // From noon to noon, so that no change of the clock leaves a day out.
        let sinceNoon = now.seconds - noon(of: now)
        return (0..<30).reversed().map { back in
            let name = TimeText.day(now - sinceNoon - Int64(back) * 86_400)
            return Span(name: name, length: 86_400, sum: sums[name] ?? Activity(begin: now))
        }
    }

    /// About noon of the local day, in seconds since the epoch.
    private static func noon(of now: Timestamp) -> Int64 {
        let parts = TimeText.clock(now).split(separator: ":").compactMap { Int64($0) }
        guard parts.count == 3 else { return now.seconds }
        return now.seconds - (parts[0] * 3600 + parts[1] * 60 + parts[2]) + 12 * 3600
    }

    private static func bytes(_ spans: [Span], id: String, _ title: String, _ time: String) -> String {
        let total = spans.reduce(0 as Int64) { $0.saturatingSum($1.sum.bytes) }
        let most = spans.map(\.sum.bytes).max() ?? 0
        let bars = spans.map { span in
            let rate = HumanText.rate(Double(span.sum.bytes) / Double(span.length))
            return BarChart.Bar(
                Double(span.sum.bytes), "\(span.name): \(HumanText.bytes(span.sum.bytes)), \(rate) on average")
        }
        let summary = "\(HumanText.bytes(total)) in \(time), at most \(HumanText.bytes(most))"
        return chart(BarChart(id: id, title: title, summary: summary, bars: bars), spans)
    }

    private static func changes(_ spans: [Span], id: String, _ title: String, _ time: String) -> String {
        let total = spans.reduce(0 as Int64) { $0.saturatingSum(Int64($1.sum.changes)) }
        let most = spans.map(\.sum.changes).max() ?? 0
        let bars = spans.map { span in
            let sum = span.sum
            return BarChart.Bar(
                Double(sum.changes),
                "\(span.name): \(HumanText.count(sum.placed)) placed, \(HumanText.count(sum.removed)) removed, "
                    + "\(HumanText.count(sum.others)) other")
        }
        let summary = "\(HumanText.count(total, "change")) in \(time), at most \(HumanText.count(most))"
        return chart(BarChart(id: id, title: title, summary: summary, bars: bars), spans)
    }

    /// The drawing with its axis, and the same numbers as a table.
    private static func chart(_ chart: BarChart, _ spans: [Span]) -> String {
        let middle = spans.isEmpty ? "" : spans[spans.count / 2].name
        let rows = chart.bars.filter { $0.value > 0 }.map { "<li>\(Markup.text($0.label))</li>" }
        let numbers =
            rows.isEmpty ? "" : "<details><summary>In numbers</summary><ul>\(rows.joined())</ul></details>"
        return """
            <div><h3>\(Markup.text(chart.title))</h3>
            <p class="soft">\(Markup.text(PageVerdict.capital(chart.summary)))</p>
            \(chart.svg)
            <p class="axis" aria-hidden="true"><span>\(spans.first?.name ?? "")</span><span>\(middle)</span>\
            <span>\(spans.last?.name ?? "")</span></p>
            \(numbers)</div>
            """
    }
}
