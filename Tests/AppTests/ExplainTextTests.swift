import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// What is said of a path, and whether it is as wanted.
@Suite(.timeLimit(.minutes(5)))
struct ExplainTextTests {
    private static let now: Timestamp = 1_700_000_000
    private static let file = ExplainReport.Content(
        kind: "file", rev: "r1", size: 7, modified: Moment(1_600_000_000), contentHash: "0123456789abcdef")

    private func report(_ change: (inout ExplainReport) -> Void) -> ExplainReport {
        var report = ExplainReport(
            path: "/D/a.txt", dropbox: Self.file, checkedAt: Moment(Self.now - 60), asked: nil, mirror: Self.file,
            local: "/srv/D/a.txt", disk: "as_recorded",
            selection: .init(
                verdict: "selected", key: nil, pattern: nil, place: nil, about: "/d/a.txt", isNew: false),
            pending: nil, pendingBelow: 0, hold: nil, heldBelow: 0, unproven: nil, lastChange: nil, sweptAt: nil,
            watched: true, hashedAt: nil, kept: 0, lastKept: [], above: [], similar: [])
        change(&report)
        report.conclude()
        return report
    }

    private func text(_ report: ExplainReport) -> String {
        ExplainText.lines(report, now: Self.now).joined(separator: "\n")
    }

    @Test("in step: one line says it, and the others what is where")
    func inStep() {
        let report = report { _ in }
        #expect(report.asWanted && report.state == "in_step")
        let text = text(report)
        #expect(
            text.hasPrefix("/D/a.txt: in step: what stands here is what Dropbox has\n  Dropbox    a file, 7 B, rev r1"))
        #expect(text.contains("  here       /srv/D/a.txt: the same\n"))
        #expect(text.contains("  looked at  the daemon watches all folders"))
    }

    @Test("before the first pass nothing is known, whatever stands there")
    func firstPass() {
        let report = report {
            ($0.dropbox, $0.mirror, $0.checkedAt) = (nil, nil, nil)
            ($0.disk, $0.isDiskUnknown) = ("no pass has been made yet", true)
        }
        #expect(!report.asWanted && report.state == "unknown")
        #expect(
            text(report).hasPrefix(
                "/D/a.txt: nothing is known of it: no pass has been made yet\n  Dropbox    was not asked yet\n"))
    }

    @Test("left out: the pattern, its line, and the folder that it is about")
    func leftOut() {
        let report = report {
            $0.mirror = nil
            $0.disk = "nothing"
            $0.selection = .init(
                verdict: "outside", key: "mirror.exclude", pattern: "/D/", place: "/etc/dbxsync.conf:9", about: "/d",
                isNew: false)
        }
        #expect(report.asWanted && report.state == "left_out")
        #expect(text(report).hasPrefix("/D/a.txt: left out, by mirror.exclude \"/D/\"\n"))
        #expect(
            text(report).contains(
                "selected   no, by mirror.exclude \"/D/\", which is about /d (/etc/dbxsync.conf:9)"))
    }

    @Test("parked, accepted and failing: reason, tries and next try")
    func pending() {
        func pending(_ state: String) -> ExplainReport {
            report {
                $0.mirror = nil
                $0.disk = "nothing"
                $0.pending = .init(state: state, reason: "no way", attempts: 2, nextTry: Moment(Self.now + 90))
            }
        }
        for state in ["parked", "accepted", "failing"] {
            let report = pending(state)
            #expect(report.state == state && report.asWanted == (state == "accepted"))
            #expect(text(report).contains("no way (2 tries); next try in 1 min 30 s"), "\(text(report))")
        }
        let waiting = report {
            $0.dropbox = nil
            $0.pending = .init(state: "waiting", reason: nil, attempts: 0, nextTry: nil)
        }
        #expect(!waiting.asWanted && text(waiting).contains("still to be removed"))
    }

    @Test("the file of a document that is left out may stand all the same: it is left alone") func leftAlone() {
        for stands in [true, false] {
            let report = report {
                $0.mirror = nil
                $0.document = .init(path: "/D/a.txt.md", isFile: true, state: "left_out")
                $0.fileStands = stands
                $0.selection.verdict = "outside"
                ($0.selection.key, $0.selection.pattern) = ("mirror.exclude", "*.md")
            }
            #expect(report.state == "left_out" && report.asWanted)
            #expect(text(report).contains("/D/a.txt: left \(stands ? "alone" : "out"), by mirror.exclude \"*.md\"\n"))
        }
    }

    @Test("held: the hold, its reason and the command that decides")
    func held() {
        let report = report {
            $0.dropbox = nil
            $0.pending = .init(state: "waiting", reason: nil, attempts: 0, nextTry: nil)
            $0.hold = .init(id: 7, since: Moment(Self.now - 60), reason: "too many", status: "held")
        }
        #expect(!report.asWanted && report.state == "held")
        #expect(text(report).contains("hold 7 since"))
        #expect(text(report).contains("too many; decide with \"dbxsync held --approve 7\""))
        #expect(text(report).contains("not before that is decided"))
        let rejected = self.report {
            $0.pending = .init(state: "waiting", reason: nil, attempts: 0, nextTry: nil)
            $0.hold = .init(id: 7, since: Moment(Self.now - 60), reason: "too many", status: "rejected")
        }
        #expect(text(rejected).contains("not before Dropbox has something else there"), "\(text(rejected))")
        #expect(!text(rejected).contains("decided"), "\(text(rejected))")
    }

    @Test("removed, unknown, changed and drifted paths are told apart")
    func others() {
        let removed = report {
            ($0.dropbox, $0.mirror, $0.disk, $0.kept) = (nil, nil, "nothing", 1)
        }
        #expect(removed.asWanted && removed.state == "removed" && text(removed).contains("dbxsync restore"))
        let unknown = report {
            ($0.dropbox, $0.mirror, $0.disk, $0.similar) = (nil, nil, "nothing", ["/D/A.txt"])
        }
        #expect(!unknown.asWanted && unknown.state == "unknown" && text(unknown).hasSuffix("similar    /D/A.txt"))
        let changed = report { $0.asked = .init(content: nil, failure: nil) }
        #expect(!changed.asWanted && changed.state == "changed" && text(changed).contains("asked now  nothing"))
        let unasked = report { $0.asked = .init(content: nil, failure: "no network") }
        #expect(unasked.asWanted && text(unasked).contains("could not be asked: no network"))
        let drifted = report { $0.disk = "missing" }
        #expect(!drifted.asWanted && drifted.state == "drift" && text(drifted).contains("it was removed here"))
        let away = report { ($0.disk, $0.isDiskUnknown) = ("not mounted", true) }
        #expect(!away.asWanted && away.state == "unproven" && text(away).contains("not mounted"))
        let stranger = report { ($0.dropbox, $0.mirror, $0.disk) = (nil, nil, "stranger") }
        #expect(stranger.asWanted && stranger.state == "stranger")
        let unread = report { $0.unread = "no rev" }
        #expect(!unread.asWanted && unread.state == "unread" && text(unread).contains("unreadable no rev"))
        let document = report {
            ($0.mirror, $0.unread) = (nil, "no rev")
            $0.document = .init(path: "/D/a.txt.md", isFile: true, state: "in_step", asWanted: true)
        }
        #expect(!document.asWanted && document.state == "unread")
        let below = report { $0.pendingBelow = 3 }
        #expect(!below.asWanted && text(below).contains("3 paths not as in Dropbox"))
    }

    @Test("a hostile name cannot write to the terminal")
    func controls() {
        let report = report {
            $0.path = "/a\u{1B}[2J\nb"
            $0.similar = ["/x\u{07}"]
        }
        #expect(text(report).unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
        #expect(text(report).hasPrefix("/a\\u{1b}[2J\\nb: "))
    }

    @Test(
        "names are similar that differ by a letter, by two in another order, or by case",
        arguments: [
            ("Report.txt", true), ("report.TXT", true), ("rport.txt", true), ("report1.txt", true),
            ("reqort.txt", true), ("erport.txt", true), ("export.txt", false), ("re.txt", false), ("", false),
        ])
    func similar(name: String, isSimilar: Bool) {
        #expect(SimilarNames.of(name, among: ["report.txt", "else"]) == (isSimilar ? ["report.txt"] : []))
    }
}
