import Dropbox
import SyncModel
import TextFormatting
import Web

// The overview of a machine with several mirrors.
extension StatusPage {
    /// A line for each mirror, in the order given, with the way to its own page.
    static func html(_ runs: [InstanceRun], machine: String, now: Timestamp) -> String {
        let bad = runs.count { $0.exitCode != .done }
        let title =
            bad == 0
            ? "All mirrors are in step"
            : "\(HumanText.count(bad)) of \(HumanText.count(runs.count, "mirror")) need a look"
        let verdict = PageVerdict(title: title, detail: "", tone: bad == 0 ? .good : tone(runs))
        let rows = runs.map { run in
            let name = Markup.text(run.instance.name)
            let tone = tone([run])
            let mark = "<span class=\"mark\" aria-hidden=\"true\">\(tone.mark)</span>"
            return [
                Cell("<a href=\"\(MachineSite.word(run.instance.name))/\">\(name)</a>", "when"),
                Cell(
                    "<span class=\"tone \(tone.rawValue)\">\(mark)</span>\(Markup.text(PageVerdict.capital(AllStatus.line(run))))"
                ),
            ]
        }
        let list = table("", [Cell("Mirror", "when"), Cell("Status")], rows)
        return document(
            title: "\(title) – dbxsync", tone: verdict.tone, machine: machine, time: TimeText.local(now),
            isRefreshed: true, body: state(verdict, nil) + "\n<section>\n<h2>Mirrors</h2>\n\(list)\n</section>")
    }

    private static func tone(_ runs: [InstanceRun]) -> PageVerdict.Tone {
        switch ExitCode.worst(runs.map(\.exitCode)) {
        case .done: .good
        case .incomplete: .warn
        default: .bad
        }
    }
}
