import Dropbox
import Store
import SyncModel
import TextFormatting
import Web

// What is not as it should be, and what was done of late; a section that has nothing to say is not there.
extension StatusPage {
    /// A cell of a table, with the class that says how wide it may be.
    struct Cell: Sendable {
        var html: String
        var kind: String

        init(_ html: String, _ kind: String = "") { (self.html, self.kind) = (html, kind) }
    }

    static func table(_ caption: String, _ columns: [Cell], _ rows: [[Cell]]) -> String {
        func line(_ cells: [Cell], _ tag: String, _ scope: String = "") -> String {
            let cells = cells.map { cell in
                let kind = cell.kind.isEmpty ? "" : " class=\"\(cell.kind)\""
                return "<\(tag)\(scope)\(kind)>\(cell.html)</\(tag)>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        let note = caption.isEmpty ? "" : "<caption>\(Markup.text(caption))</caption>"
        return """
            <table\(columns.contains { $0.kind == "tag" } ? " class=\"rows\"" : "")>\(note)
            <thead>\(line(columns, "th", " scope=\"col\""))</thead>
            <tbody>
            \(rows.map { line($0, "td") }.joined(separator: "\n"))
            </tbody>
            </table>
            """
    }

    private static func section(_ title: String, _ body: String) -> String {
        "<section>\n<h2>\(Markup.text(title))</h2>\n\(body)\n</section>"
    }

    /// How many of how many are shown.
    private static func shown(_ count: Int, of total: Int, _ more: String) -> String {
        count < total ? "The first \(HumanText.count(count)) of \(HumanText.count(total)); \(more)" : ""
    }

    /// What failed, or cannot be mirrored as it is.
    static func issues(_ facts: PageFacts) -> String {
        let report = facts.report
        let count = report.failing + report.parked + report.accepted
        if count == 0 { return "" }
        return section(
            "Not as in the account: \(StatusText.issueCounts(report))", paths(report.issues, of: count, facts))
    }

    private static func paths(_ issues: [StatusReport.Path], of count: Int, _ facts: PageFacts) -> String {
        let listed = issues.prefix(PageFacts.mostListed)
        let rows = listed.map { issue in
            let reason = Markup.text(facts.namingAdvice(StatusText.reason(issue, facts.now)))
            return [
                Cell("<span>\(Markup.text(issue.state))</span>", "tag"),
                Cell("\(Markup.path(issue.path))<br><span class=\"soft\">\(reason)</span>"),
            ]
        }
        return table(
            shown(listed.count, of: count, facts.naming("dbxsync status --json has more")),
            [Cell("State", "tag"), Cell("Path and reason")],
            rows)
    }

    /// Entries without a path.
    static func unread(_ facts: PageFacts) -> String {
        let report = facts.report
        if report.unread == 0 { return "" }
        let listed = report.unreadEntries.prefix(PageFacts.mostListed)
        let rows = listed.map { entry in
            let reason = Markup.text(facts.namingAdvice(entry.reason))
            return [
                Cell(when(entry.seenAt.time, facts.now), "when"),
                Cell("\(Markup.path(entry.what))<br><span class=\"soft\">\(reason)</span>"),
            ]
        }
        return section(
            "Could not be read: \(HumanText.count(report.unread)) of the account",
            table(
                shown(listed.count, of: report.unread, facts.naming("dbxsync status --json has more")),
                [Cell("Seen", "when"), Cell("Entry and reason")], rows))
    }

    /// Removals and replacements that somebody has to decide about.
    static func held(_ facts: PageFacts) -> String {
        guard let held = facts.report.held else { return "" }
        let holds = facts.holds.map { hold in
            let what = hold.status == .rejected ? "rejected" : "held since \(TimeText.local(hold.began))"
            let line =
                "Hold \(hold.id): \(HeldText.counts(hold)) below \(hold.folder), \(HumanText.bytes(hold.bytes)), "
                + "\(what): \(hold.reason)"
            let decision = facts.naming(
                "dbxsync held --approve \(hold.id) lets it go, dbxsync held --reject \(hold.id) keeps it.")
            let note = hold.status == .held ? "<p class=\"note\">\(Markup.text(decision))</p>" : ""
            return "<p>\(Markup.text(line))</p>" + note
        }
        let rows = facts.heldPaths.map { path in
            [
                Cell("<span>\(path.isReplacement ? "replace" : "remove")</span>", "tag"), Cell(Markup.path(path.path)),
                Cell(path.isFolder ? "folder" : Markup.text(HumanText.bytes(path.size)), "n"),
            ]
        }
        let list = table(
            shown(facts.heldPaths.count, of: held.paths, facts.naming("dbxsync held --all has every one")),
            [Cell("Would", "tag"), Cell("Path"), Cell("Size", "n")], rows)
        return section(
            "Held: \(HeldText.counts(held)), \(HumanText.bytes(held.bytes))",
            holds.joined()
                + (rows.isEmpty ? "" : "<details><summary>Which paths</summary>\(list)</details>"))
    }

    /// The folder whose files go up.
    static func outbox(_ facts: PageFacts) -> String {
        guard let outbox = facts.report.outbox, let line = StatusText.outbox(facts.report) else { return "" }
        let count = outbox.failing + outbox.parked
        let uploaded =
            "\(HumanText.count(outbox.uploaded, "file")) there \(outbox.uploaded == 1 ? "is" : "are") uploaded"
        let more = outbox.uploaded == 0 ? "" : "; \(uploaded)"
        let list =
            count == 0 ? "" : "<h3>Not uploaded</h3>" + paths(outbox.issues, of: count, facts)
        return section("Outbox", "<p>\(Markup.text(facts.namingAdvice(line + more))).</p>\(list)")
    }

    /// What others have put into the mirror.
    static func strangers(_ facts: PageFacts) -> String {
        let report = facts.report
        if report.strangers == 0 { return "" }
        let listed = report.strangerPaths.prefix(PageFacts.mostListed)
        let rest = shown(listed.count, of: report.strangers, facts.naming("dbxsync status --json has more"))
        return section(
            "Not from Dropbox: \(HumanText.count(report.strangers)) in the mirror",
            "<p class=\"note\">They are in nobody's way, and stay. \(Markup.text(rest))</p><ul>"
                + listed.map { "<li>\(Markup.path($0))</li>" }.joined() + "</ul>")
    }

    /// The last passes that did something.
    static func passes(_ facts: PageFacts) -> String {
        if facts.passes.isEmpty { return "" }
        let rows = facts.passes.map { pass in
            let took = Duration.seconds(max(0, pass.ended.seconds(since: pass.began)))
            let outcome = pass.isFailure ? pass.outcome : "took \(HumanText.duration(took))"
            return [
                Cell(when(pass.ended, facts.now), "when"),
                Cell(Markup.text(PageVerdict.capital(outcome))),
                Cell(HumanText.count(pass.placed), "n"), Cell(HumanText.count(pass.removed), "n"),
                Cell(HumanText.count(pass.failed), "n"), Cell(Markup.text(HumanText.bytes(pass.bytes)), "n wide"),
            ]
        }
        return section(
            "Last passes",
            table(
                "",
                [
                    Cell("Ended", "when"), Cell("How"), Cell("Placed", "n"), Cell("Removed", "n"), Cell("Failed", "n"),
                    Cell("Fetched", "n wide"),
                ], rows))
    }

    /// What was removed or replaced and is kept.
    static func trash(_ facts: PageFacts) -> String {
        if facts.trashItems == 0 { return "" }
        let rows = facts.trash.map { row in
            [
                Cell(when(row.at, facts.now), "when"),
                Cell("<span>\(Markup.text(row.item.reason.rawValue))</span>", "tag"),
                Cell(Markup.path(row.item.path)), Cell(Markup.text(HumanText.bytes(row.item.size)), "n"),
            ]
        }
        let title = "Trash: \(HumanText.count(facts.trashItems, "item")), \(HumanText.bytes(facts.trashBytes))"
        let note = facts.trash.count < facts.trashItems ? facts.naming("The latest; dbxsync trash lists all of it") : ""
        return section(
            title,
            table(note, [Cell("Since", "when"), Cell("Why", "tag"), Cell("Path"), Cell("Size", "n")], rows))
    }
}
