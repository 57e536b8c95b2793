import Foundation
import SyncModel
import TestSupport
import Testing
import Web

@testable import Engine
@testable import Store
@testable import dbxsync

/// The page as HTML, made of values.
@Suite(.timeLimit(.minutes(5)))
struct StatusPageTests {
    private static let now: Timestamp = 1_700_000_000

    /// A report in which something of everything is wrong.
    static func report() -> StatusReport {
        typealias Path = StatusReport.Path
        let hostile = "/<script>alert(1)</script>\u{202E}gpj.exe"
        return StatusReport(
            inStep: false, inStepAsOf: Moment(now - 90), diskAsOf: Moment(now - 30), checkedAt: Moment(now - 20),
            listedAt: nil, stale: false, listing: false, account: .init(id: "dbid:x", name: "A&B \"C\""),
            mirror: .init(
                directory: "/srv/<b>", remoteRoot: "/\u{5d0}\u{5d1}", files: 12_345, folders: 67, bytes: 1_000_000),
            backlog: .init(files: 3, bytes: 5_000, folders: 1, removals: 2), daemon: nil, lastPass: nil, failing: 1,
            parked: 1, accepted: 0,
            held: .init(
                paths: 3, removals: 2, replacements: 1, rejected: 0, bytes: 77, since: Moment(now - 500),
                reason: "<i>many</i>",
                folder: "/\u{1B}[31m"),
            unread: 1, unreadEntries: [.init(what: "<img src=x>", reason: "no path", seenAt: Moment(now))], leftOut: 0,
            issues: [
                Path(path: hostile, state: "failing", reason: "it's <broken>", attempts: 3, nextTry: Moment(now + 60)),
                Path(
                    path: "/\(String(repeating: "x", count: 255))", state: "parked", reason: "no", attempts: 0,
                    nextTry: nil),
            ],
            troubles: [], strangers: 1, strangerPaths: ["/'onmouseover='x"],
            proofs: .init(files: 0, unknown: 0, oldest: nil, scrub: nil),
            outbox: .init(
                directory: "/out\n", remoteFolder: "", waiting: 0, waitingBytes: 0, uploaded: 1, failing: 1, parked: 0,
                issues: [Path(path: "/out/\"q\"", state: "failing", reason: "r", attempts: 1, nextTry: nil)],
                troubles: []),
            damagedState: nil)
    }

    static func facts(_ filter: PageFilter = PageFilter()) -> PageFacts {
        var facts = PageFacts(now: now, machine: "host<1>", report: report())
        facts.holds = [
            Hold(
                id: 4, began: now - 500, reason: "<u>", status: .held, files: 3, replacements: 1, folders: 0, bytes: 77,
                folder: "/")
        ]
        facts.heldPaths = [HeldPath(path: "/<h>", isFolder: false, isReplacement: true, size: 9)]
        (facts.trashItems, facts.trashBytes) = (12, 34)
        facts.trash = [
            TrashRow(
                id: 1, item: KeptItem(path: "/<t>", place: "p", reason: .removed, version: nil, size: 34), at: now,
                pass: 1)
        ]
        facts.passes = [
            PassRecord(began: now - 9, ended: now, outcome: "<failed>", placed: 1, removed: 2, bytes: 3, failed: 4),
            PassRecord(
                began: .distantPast, ended: .distantPast, outcome: "done", placed: 1, removed: 2, bytes: .max, failed: 4
            ),
        ]
        facts.activity = [
            Activity(begin: now - now.seconds % 3600, placed: 2, removed: .max, others: .max, bytes: .max),
            Activity(begin: now - 5 * 86_400, placed: 7, bytes: 3_600_000),
        ]
        facts.history.filter = filter
        facts.history.rows = [
            HistoryRow(
                number: 2, time: now, pass: 1,
                change: MirrorChange(.moved, path: "/<new>", oldPath: "/\u{2066}old", reason: "<reason>")),
            HistoryRow(number: 1, time: .distantPast, pass: 1, change: MirrorChange(.passDone, path: "/")),
        ]
        facts.history.hasMore = true
        return facts
    }

    /// What of a document a browser takes for elements and attributes.
    private func tags(_ html: String) -> [String] { html.matches(of: #/<[^>]*>/#).map { String($0.0) } }

    @Test("whatever a name holds is shown as text: the elements of the page are the page's own")
    func escaping() {
        let known: Set = [
            "!DOCTYPE", "html", "head", "meta", "title", "link", "style", "body", "header", "h1", "span", "main",
            "section", "h2",
            "h3", "p", "dl", "div", "dt", "dd", "bdi", "time", "svg", "desc", "g", "rect", "details", "summary", "ul",
            "li",
            "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "a", "footer", "form", "label", "input",
            "select",
            "option", "button",
        ]
        for filter in [PageFilter(), PageFilter(path: "\"><script>", event: "'x'", isAsking: true)] {
            let html = StatusPage.html(Self.facts(filter))
            for tag in tags(html) {
                let name = tag.dropFirst().drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber || $0 == "!" }
                #expect(known.contains(String(name)), "\(tag)")
                #expect(tag.contains(#/\son[a-z]+=|style=|javascript:/#) == false, "\(tag)")
            }
            #expect(
                !html.unicodeScalars.contains {
                    $0.value < 0x20 && $0 != "\n" || ["\u{202E}", "\u{2066}"].contains($0)
                })
            #expect(!html.contains("<script") && !html.contains("onmouseover='"))
        }
        let html = StatusPage.html(Self.facts())
        #expect(
            html.contains(
                "<bdi class=\"path\" dir=\"ltr\">/&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}gpj.exe</bdi>"))
        #expect(html.contains("<bdi class=\"path\" dir=\"ltr\">/\u{5d0}\u{5d1}</bdi>"))
    }

    @Test("every element that is opened is closed, in order")
    func nesting() {
        let void: Set = ["!DOCTYPE", "meta", "link", "br", "input", "rect", "progress"]
        for filter in [PageFilter(), PageFilter(path: "/a", event: "", isAsking: true)] {
            var open: [String] = []
            for tag in tags(StatusPage.html(Self.facts(filter))) {
                let name = String(tag.dropFirst().drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber || $0 == "!" })
                if tag.hasPrefix("</") {
                    #expect(open.popLast() == name, "\(tag)")
                } else if !void.contains(name) {
                    open.append(name)
                }
            }
            #expect(open == [])
        }
    }

    @Test("commands on the page name the configuration and the hold that they are about")
    func commands() {
        var facts = Self.facts()
        #expect(StatusPage.html(facts).contains("dbxsync held --approve 4 lets it go"))
        facts.configuration = "/etc/dbxsync/hh.conf"
        let html = StatusPage.html(facts)
        for command in [
            "dbxsync held --config /etc/dbxsync/hh.conf --approve 4 lets it go",
            "dbxsync held --config /etc/dbxsync/hh.conf --reject 4 keeps it",
            "dbxsync history --config /etc/dbxsync/hh.conf has all",
            "dbxsync trash --config /etc/dbxsync/hh.conf lists all",
            "dbxsync held --config /etc/dbxsync/hh.conf --all has every one",
        ] {
            #expect(html.contains(command), "\(command)")
        }
    }

    @Test("where nothing is found, it is said which path is meant, and what is known of its folder")
    func nothingFound() {
        var facts = Self.facts(PageFilter(path: "/a/b", isAsking: true))
        (facts.history.rows, facts.history.hasMore) = ([], false)
        #expect(StatusPage.html(facts).contains("from the top of the mirror on, with what is below it."))
        facts.history.filled = HistoryRow(
            number: 3, time: Self.now, pass: 1, change: MirrorChange(.folderFilled, path: "/a", size: 5, files: 2))
        #expect(StatusPage.html(facts).contains("Its folder was filled as a whole: "))
    }

    @Test("the page loads itself anew, but not while somebody is asking; then only the history is there")
    func refresh() {
        let html = StatusPage.html(Self.facts())
        #expect(html.contains("http-equiv=\"refresh\"") && !html.contains("<form"))
        let asking = StatusPage.html(Self.facts(PageFilter(path: "/a\"b", event: "moved", isAsking: true)))
        #expect(!asking.contains("http-equiv=\"refresh\"") && asking.contains("value=\"/a&quot;b\""))
        #expect(asking.contains("<option selected>moved</option>") && !asking.contains("Trash"))
    }

    @Test("what is said first is what status says first, and each state has its own mark")
    func verdicts() {
        var report = Self.report()
        #expect(PageVerdict(report, Self.now).title == "Not in step")
        #expect(PageVerdict(report, Self.now).tone == .warn)
        report.held = nil
        #expect(PageVerdict(report, Self.now).tone == .bad)
        (report.failing, report.parked, report.unread, report.issues) = (0, 0, 0, [])
        var live = LiveStatus(EngineStatus(), downloads: [], limit: nil, now: Self.now)
        live.phase = "applying"
        (live.filesDone, live.filesTotal, live.bytesDone, live.bytesTotal, live.bytesPerSecond) = (1, 4, 250, 1_000, 50)
        live.downloads = [.init(path: "/<large>", bytesDone: 10, bytesTotal: 100)]
        report.daemon = .init(pid: 7, now: live, silent: false)
        #expect(PageVerdict(report, Self.now).tone == .busy)
        var facts = Self.facts()
        facts.report = report
        let html = StatusPage.html(facts)
        #expect(html.contains("<progress max=\"1000\" value=\"250\"") && html.contains("50 B/s · 15 s left"))
        #expect(html.contains("/&lt;large&gt;</bdi> <span class=\"soft\">10 B of 100 B</span>"))
        (report.outbox, report.inStep, report.backlog) = (nil, true, .init(files: 0, bytes: 0, folders: 0, removals: 0))
        #expect(PageVerdict(report, Self.now).tone == .good && PageVerdict(report, Self.now).title == "In step")
        report.stale = true
        report.inStep = false
        #expect(PageVerdict(report, Self.now).title == "Not known to be in step")
    }

    @Test("24 bars for a day and 30 for a month, whatever the clock has done")
    func spans() {
        let hours = StatusPage.hours(Self.facts().activity, Self.now)
        #expect(hours.count == 24 && hours.last?.sum.placed == 2 && hours.filter { $0.sum.placed > 0 }.count == 1)
        for now in [Self.now, Self.now + 43_000, 1_711_846_800, 1_729_990_800] {
            let days = StatusPage.days([Activity(begin: now - 86_400, placed: 1)], now)
            #expect(days.count == 30 && Set(days.map(\.name)).count == 30)
            #expect(days.last?.name == TimeText.day(now) && days[28].sum.placed == 1)
        }
        #expect(
            StatusPage.days([Activity(begin: Self.now + 90_000, placed: 1)], Self.now).allSatisfy { $0.sum.placed == 0 }
        )
    }

    @Test("a page that nothing is known for says why")
    func failure() {
        let html = StatusPage.html(failure: "state file <x> is gone")
        #expect(html.contains("Nothing is known") && html.contains("State file &lt;x&gt; is gone"))
    }

    @Test("the digest of the style sheet is the one that a browser computes", .needs(.openssl))
    func style() throws {
        let process = Process()
        let (input, output) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = ["dgst", "-sha256", "-binary"]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        input.fileHandleForWriting.write(Data(PageStyle.text.utf8))
        try input.fileHandleForWriting.close()
        let digest = try #require(try output.fileHandleForReading.readToEnd())
        #expect(PageStyle.hash == digest.base64EncodedString())
        #expect(!PageStyle.text.contains("<") && PageStyle.base64([1]) == "AQ==" && PageStyle.base64([1, 2]) == "AQI=")
    }

    @Test("an address to listen on is a number with a port")
    func addresses() {
        #expect(WebAddress("127.0.0.1:8089")?.text == "127.0.0.1:8089")
        #expect(WebAddress("[::1]:0")?.text == "[::1]:0" && WebAddress("[::1]:0")?.isLoopback == true)
        #expect(WebAddress("localhost:1")?.host == "127.0.0.1" && WebAddress("192.0.2.7:80")?.isLoopback == false)
        for text in ["", "127.0.0.1", "127.0.0.1:", "example.org:80", "127.0.0.1:65536", "127.0.0.1:x", ":80 "] {
            #expect(WebAddress(text) == nil, "\(text)")
        }
    }
}
