import Configuration
import Foundation
import Store
import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import dbxsync

/// The screen of `status --watch`.
@Suite(.timeLimit(.minutes(5)))
struct WatchTextTests {
    private static let now = Timestamp(seconds: 1_780_000_000)

    private func view(_ change: (inout WatchView) -> Void = { _ in }) async throws -> WatchView {
        var live = LiveStatus(EngineStatus(), downloads: [], now: Self.now)
        live.phase = "applying"
        (live.filesDone, live.filesTotal) = (120, 400)
        (live.bytesDone, live.bytesTotal) = (500_000_000, 2_000_000_000)
        live.bytesPerSecond = 10_000_000
        live.downloads = [
            .init(path: "/Videos/a very long name/日本語の長い名前のファイル.mp4", bytesDone: 300, bytesTotal: 1_000),
            .init(path: "/b\u{1B}[2J", bytesDone: 9_000, bytesTotal: 1_000),
        ]
        var config = Config()
        config.mirror.directory = "/srv/mirror"
        let store = try StateStore.scratchCopy(of: "/nowhere/state.db")
        var report = try await StatusReport.gather(store, config: config, daemon: nil, now: Self.now)
        report.daemon = .init(pid: 7, now: live, silent: false)
        report.failing = 30
        report.issues = (0..<30).map {
            .init(path: "/failing/\($0)", state: "failing", reason: "why", attempts: 1, nextTry: nil)
        }
        let recent = (1...30).map { number in
            HistoryRow(
                number: Int64(number), time: Self.now - 10, pass: 1,
                change: MirrorChange(.filePlaced, path: "/placed/\(number)", size: 10))
        }
        var view = WatchView(report: report, recent: recent, now: Self.now)
        change(&view)
        return view
    }

    private func text(_ view: WatchView, _ width: Int, _ height: Int) -> [String] {
        WatchText.lines(view, width: width, height: height).map(\.text)
    }

    @Test("every screen has as many lines as the terminal, none too wide, and nothing that a terminal obeys")
    func sizes() async throws {
        let view = try await view()
        for width in [0, 1, 8, 20, 40, 80, 200] {
            for height in [0, 1, 2, 5, 24, 60] {
                let lines = text(view, width, height)
                #expect(lines.count == height, "\(width)x\(height)")
                #expect(lines.allSatisfy { FittedText.width($0) <= width }, "\(width)x\(height): \(lines)")
                #expect(lines.allSatisfy { !$0.unicodeScalars.contains { $0.value < 0x20 } })
            }
        }
    }

    @Test("it shows what runs with a bar, the files on their way, what fails, and the newest changes")
    func contents() async throws {
        let lines = text(try await view(), 80, 50)
        #expect(lines.contains { $0.contains("[##########") && $0.contains("25 %") })
        #expect(lines.contains { $0.contains("120 of 400 files") && $0.contains("2 min 30 s left") })
        #expect(lines.contains { $0.contains("日本語の長い名前のファイル.mp4") && $0.contains(" 30 % of 1.0 kB") })
        #expect(lines.contains { $0.contains(#"/b\u{1b}[2J"#) && $0.contains("[##########] 100 %") })
        #expect(lines.contains { $0.contains("/failing/0: why") })
        #expect(lines.contains { $0.contains("file placed") && $0.contains("/placed/30") })
        #expect(lines.last == "q quits")
    }

    @Test("what fails and what has changed share the room; neither takes what the other needs")
    func room() async throws {
        let both = text(try await view(), 80, 40)
        let (failing, placed) = (both.count { $0.contains("/failing/") }, both.count { $0.contains("/placed/") })
        #expect(failing > 3 && placed > 3 && failing < 30, "\(both)")
        let calm = text(
            try await view {
                ($0.report.failing, $0.report.issues) = (0, [])
                $0.report.daemon = nil
            }, 80, 40)
        #expect(calm.count { $0.contains("/placed/") } > placed)
        #expect(!calm.contains { $0.contains("[#") })
    }

    @Test("while it waits nothing goes on: no bar, no rate and no time left, and what it waits for is told")
    func waiting() async throws {
        let why = "the disk has less free than mirror.min_free_space, and there is nothing in the trash to remove"
        for isTold in [true, false] {
            let view = try await view {
                $0.report.daemon?.now?.phase = "waiting"
                $0.report.daemon?.now?.reason = why
                $0.report.daemon?.now?.downloads = []
                // The heading says it as soon as the state was read again.
                if !isTold { $0.report.inStepAsOf = Moment(Self.now - 10) }
                ($0.report.stale, $0.report.failing, $0.report.issues) = (isTold, 0, [])
            }
            let lines = text(view, 80, 24)
            #expect(!lines.contains { $0.contains("[#") || $0.contains(" left") || $0.contains("B/s") }, "\(lines)")
            #expect(lines.contains { $0.contains("120 of 400 files") }, "\(lines)")
            let joined = lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
            #expect(joined.contains(why), "\(lines)")
            let styles = WatchText.lines(view, width: 80, height: 24).filter { $0.text.contains("not in step") }
            #expect(styles.allSatisfy { $0.style == .bad }, "\(styles)")
        }
    }

    @Test("troubles have their lines, whatever is on its way", arguments: [(80, 24), (200, 24), (80, 12), (40, 10)])
    func troubled(width: Int, height: Int) async throws {
        let busy = try await view { view in
            view.report.daemon?.now?.downloads = (0..<16).map {
                .init(path: "/large/\($0)", bytesDone: 1, bytesTotal: 2)
            }
        }
        let lines = text(busy, width, height)
        #expect(lines.contains { $0.hasPrefix("not as in the account: 30 paths") }, "\(lines)")
        #expect(lines.contains { $0.contains("/failing/0: why") }, "\(lines)")
        #expect(lines.contains { $0.contains("120 of 400 files") }, "\(lines)")
        if height == 24 { #expect(lines.contains { $0.contains("/large/0") }, "\(lines)") }
        let held = text(
            try await view {
                ($0.report.failing, $0.report.issues) = (0, [])
                $0.report.held = .init(
                    paths: 7, removals: 7, replacements: 0, rejected: 0, bytes: 7, since: Moment(Self.now), reason: "r",
                    folder: "/f")
            }, width, height)
        #expect(held.contains { $0.hasPrefix("held: 7 removals held") }, "\(held)")
    }

    @Test("what is advised names the configuration that is looked at") func advised() async throws {
        let lines = text(
            try await view {
                $0.configuration = "/etc/dbxsync/work.conf"
                $0.report.textfileProblem = "x"
                $0.report.issues = []
            }, 120, 40)
        #expect(lines.contains { $0.contains("(see: dbxsync doctor --config /etc/dbxsync/work.conf)") }, "\(lines)")
    }

    @Test("that the daemon has ended, or does nothing, is told, with the reason") func ended() async throws {
        let reason = "the sign-in was revoked; sign in again with: dbxsync auth"
        let end = text(
            try await view {
                $0.report.daemon = nil
                $0.report.daemonEnd = .init(LastEnd(at: Self.now - 60, exitCode: 77, reason: reason))
            }, 120, 24)
        #expect(
            end.contains { $0.hasPrefix("the daemon is not running: it ended") && $0.contains("code 77") }, "\(end)")
        #expect(end.joined(separator: " ").contains("dbxsync auth"), "\(end)")
        let stopped = text(
            try await view { $0.report.daemon = .init(pid: 7, now: nil, silent: true, stopped: true) }, 120, 24)
        #expect(stopped.contains("the daemon is stopped by a signal"), "\(stopped)")
        #expect(stopped.contains { $0.contains("kill -CONT 7") }, "\(stopped)")
    }

    @Test("the line of --all says that nobody keeps a mirror in step, and why") func line() async throws {
        var report = try await view().report
        #expect(!StatusText.line(report, Self.now).contains("running"))
        report.daemon = nil
        #expect(StatusText.line(report, Self.now).hasSuffix("; the daemon is not running"))
        report.daemonEnd = .init(LastEnd(at: Self.now, exitCode: 78, reason: "why\u{1B}"))
        #expect(StatusText.line(report, Self.now).hasSuffix("with exit code 78: why\\u{1b}"))
        report.textfileProblem = "x"
        #expect(StatusText.troubles(report, Self.now).last?.hasPrefix("metrics.textfile: x") == true)
        report.heartbeatProblem = .init(HeartbeatProblem(since: Self.now - 60, reason: "why\u{1B}"))
        let heartbeat = StatusText.troubles(report, Self.now).last ?? ""
        #expect(heartbeat.hasPrefix("heartbeat: none could be sent since ") && heartbeat.contains("1 min 00 s ago"))
        #expect(heartbeat.hasSuffix(": why\\u{1b} (see: dbxsync doctor)"), "\(heartbeat)")
    }

    @Test("a state that cannot be read is told beside what was known")
    func trouble() async throws {
        let lines = text(try await view { $0.trouble = "state.db: disk I/O error" }, 80, 24)
        #expect(lines.contains("state.db: disk I/O error"))
    }

    @Test(
        "text is cut by columns: at its end, a path at its beginning",
        arguments: [("short", 5, "short", "short"), ("日本語", 5, "日本…", "…本語"), ("abcdef", 4, "abc…", "…def")])
    func cutting(text: String, width: Int, cut: String, path: String) {
        #expect(FittedText.cut(text, to: width) == cut)
        #expect(FittedText.cutPath(text, to: width) == path)
    }

    @Test("lines break between words, and in words that are too long")
    func wrapping() {
        #expect(FittedText.wrapped("not in step yet", to: 8) == ["not in", "step yet"])
        #expect(FittedText.wrapped("abcdefghij kl", to: 4) == ["abcd", "efgh", "ij", "kl"])
        #expect(FittedText.wrapped("", to: 4) == [""])
    }
}
