import Dropbox
import Store
import SyncModel
import TextFormatting
import Web

/// The status page as HTML; pure.
///
/// One document that needs no script and loads nothing. Whatever comes from elsewhere goes through `Markup`.
enum StatusPage {
    /// How often it loads itself anew, in seconds; not while somebody is asking for something.
    private static let refresh = 30

    /// The page.
    static func html(_ facts: PageFacts) -> String {
        let verdict = PageVerdict(facts.report, facts.now)
        let filter = facts.history.filter
        let sections =
            filter.isAsking
            ? [state(verdict, facts), history(facts)]
            : [
                state(verdict, facts), held(facts), issues(facts), unread(facts), overview(facts), charts(facts),
                outbox(facts), strangers(facts), passes(facts), history(facts), trash(facts),
            ]
        return document(
            title: "\(verdict.title) – dbxsync", tone: verdict.tone, machine: facts.machine, name: facts.name,
            time: TimeText.local(facts.now), isRefreshed: !filter.isAsking, body: sections.joined(separator: "\n"))
    }

    /// The page when nothing can be known.
    static func html(failure reason: String, name: String? = nil) -> String {
        let verdict = PageVerdict(title: "Nothing is known", detail: reason, tone: .bad)
        return document(
            title: "Nothing is known – dbxsync", tone: .bad, machine: "", name: name, time: TimeText.local(.now),
            isRefreshed: true, body: state(verdict, nil))
    }

    /// - Parameter name: that of the mirror where there are several, whose overview is a folder above.
    static func document(
        title: String, tone: PageVerdict.Tone, machine: String, name: String? = nil, time: String, isRefreshed: Bool,
        body: String
    ) -> String {
        let again = isRefreshed ? "<meta http-equiv=\"refresh\" content=\"\(refresh)\">" : ""
        let heading =
            "dbxsync" + (name.map { " " + Markup.text($0) } ?? "")
            + (machine.isEmpty ? "" : " on \(Markup.text(machine))")
        let above = name == nil ? "" : " · <a href=\"../\">all mirrors</a>"
        return """
            <!DOCTYPE html>
            <html lang="en" dir="ltr">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            \(again)
            <title>\(Markup.text(title))</title>
            <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle \
            cx='4' cy='4' r='3.5' fill='%23\(tone.colour)'/%3E%3C/svg%3E">
            <style>\(PageStyle.text)</style>
            </head>
            <body>
            <header><h1>\(heading)</h1><span>as of \(Markup.text(time))</span></header>
            <main>
            \(body)
            </main>
            <footer><p>dbxsync \(Dbxsync.version) · <a href="status.json">status.json</a> · <a href="healthz">healthz</a> · <a href="metrics">metrics</a>\(above)\
            </p></footer>
            </body>
            </html>

            """
    }
}

/// What is said first: whether it is in step, and why not.
struct PageVerdict: Equatable, Sendable {
    /// How serious it is; each has a mark and a word besides its colour.
    enum Tone: String, Sendable {
        case good, busy, warn, bad

        /// A mark that is told from the others without its colour.
        var mark: String {
            switch self {
            case .good: "✓"
            case .busy: "↻"
            case .warn: "!"
            case .bad: "✕"
            }
        }

        /// For the icon, which is seen on light and on dark.
        var colour: String {
            switch self {
            case .good: "2a9d68"
            case .busy: "4f86e8"
            case .warn: "c98a1b"
            case .bad: "d9493f"
            }
        }
    }

    var title: String
    var detail: String
    var tone: Tone

    init(title: String, detail: String, tone: Tone) {
        (self.title, self.detail, self.tone) = (title, detail, tone)
    }

    /// The heading of `dbxsync status`, cut where its first part ends.
    init(_ report: StatusReport, _ now: Timestamp) {
        let heading = StatusText.heading(report, now)
        let end = heading.firstIndex { $0 == ":" || $0 == ";" } ?? heading.endIndex
        title = Self.capital(String(heading[..<end]))
        detail = String(heading[end...].dropFirst().drop { $0 == " " })
        let isWorking = ["listing", "applying", "removing", "starting"].contains(report.daemon?.now?.phase)
        tone =
            report.isWell
            ? .good
            : report.inStep || report.held != nil && !report.stale
                ? .warn : isWorking && report.failing + report.parked + report.unread == 0 ? .busy : .bad
    }

    /// A sentence begins with a capital letter.
    static func capital(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
