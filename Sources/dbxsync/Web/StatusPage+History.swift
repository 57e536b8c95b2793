import Dropbox
import Store
import SyncModel
import TextFormatting
import Web

// What changed in the mirror, with a form that asks for a part of it.
extension StatusPage {
    /// The rows, and the form or the way to it: in a page that loads itself anew nobody could type.
    static func history(_ facts: PageFacts) -> String {
        let history = facts.history
        let head = history.filter.isAsking ? form(history.filter) : ""
        let foot =
            history.filter.isAsking
            ? "<p><a href=\"./\">Back to the status</a></p>" : "<p><a href=\"./?path=\">Search the history</a></p>"
        return "<section>\n<h2>History</h2>\n\(head)\(list(facts))\(foot)\n</section>"
    }

    private static func form(_ filter: PageFilter) -> String {
        let events = ChangeKind.allCases.map { kind in
            let name = kind.rawValue
            return "<option\(filter.event == name ? " selected" : "")>\(Markup.text(name))</option>"
        }
        return """
            <form action="./" method="get" role="search">
            <label>Path, with what is below it<input name="path" type="search" maxlength="4096" autocomplete="off" \
            spellcheck="false" dir="auto" placeholder="/Docs" value="\(Markup.text(filter.path))"></label>
            <label>Event<select name="event"><option value="">all</option>\(events.joined())</select></label>
            <button>Search</button>
            </form>

            """
    }

    private static func list(_ facts: PageFacts) -> String {
        let history = facts.history
        if let problem = history.problem { return "<p role=\"alert\">\(Markup.text(PageVerdict.capital(problem)))</p>" }
        if history.rows.isEmpty {
            return "<p class=\"soft\">\(Markup.text(nothing(history)))</p>"
        }
        let more = facts.naming("The latest \(HumanText.count(history.rows.count)); dbxsync history has all of them")
        return table(
            history.hasMore ? more : "", [Cell("When", "when"), Cell("Event", "tag"), Cell("Path")],
            history.rows.map { row($0, facts.now) })
    }

    private static func nothing(_ history: PageFacts.History) -> String {
        let filter = history.filter
        if filter.path.isEmpty {
            return filter.event.isEmpty ? "There is no history yet." : "No such changes are in the history."
        }
        let filled = history.filled.map { " " + PageVerdict.capital(HistoryText.filling($0)) + "." } ?? ""
        return "No such changes are in the history: a path is meant from the top of the mirror on, with what is "
            + "below it.\(filled)"
    }

    private static func row(_ row: HistoryRow, _ now: Timestamp) -> [Cell] {
        let change = row.change
        let from = change.oldPath.map { Markup.path($0) + " → " } ?? ""
        let path = change.kind == .passDone ? "" : from + Markup.path(change.path)
        let details = HistoryText.details(change).joined(separator: ", ")
        let soft = details.isEmpty ? "" : " <span class=\"soft\">\(Markup.text(details))</span>"
        return [
            Cell(when(row.time, now), "when"), Cell("<span>\(Markup.text(change.kind.rawValue))</span>", "tag"),
            Cell(path + soft),
        ]
    }
}
