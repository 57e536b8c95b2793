import Configuration
import Dropbox
import Engine
import Foundation
import Glibc
import Logging
import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import dbxsync

/// What is counted, and how it is told.
@Suite(.timeLimit(.minutes(5)))
struct MetricsTests {
    @Test("a file that cannot be written is told again after an hour, and when it is written again")
    func reminded() async throws {
        let (folder, story) = (try TemporaryFolder(), Story())
        let logger = Logger(label: "test") { _ in story }
        let file = MetricsTextFile(logger: logger)
        let start = ContinuousClock.now
        func write(minute: Int) async -> Bool {
            await file.write("x", to: folder("later/a.prom"), now: start + .seconds(60 * minute))
        }
        for minute in [0, 1, 59] { #expect(await !write(minute: minute)) }
        #expect(story.lines.count == 1)
        for minute in [60, 61, 119] { #expect(await !write(minute: minute)) }
        #expect(story.lines.count == 2 && story.lines.allSatisfy { $0.contains("cannot be written") })
        _ = try folder.folder("later")
        #expect(await write(minute: 120))
        #expect(story.lines.last?.contains("is written again") == true && story.lines.count == 3)
    }

    @Test("of what fails again and again each kind is told once an hour, and that it is over if it was told")
    func reminder() {
        var reminder = FailureReminder()
        let start = ContinuousClock.now
        func told(_ kind: String, _ minutes: [Int]) -> [Int] {
            minutes.filter { reminder.isDue(kind, now: start + .seconds(60 * $0)) }
        }
        var wasTold = reminder.succeeded()
        #expect(!wasTold)
        #expect(told("connect", [0, 1, 59, 60, 61]) == [0, 60])
        #expect(told("timeout", [61, 62]) == [61] && told("connect", [63]) == [])
        wasTold = reminder.succeeded()
        #expect(wasTold && told("connect", [64]) == [64])
    }

    @Test("why heartbeats are not sent is known since the first that was not, until one is")
    func heartbeats() {
        let metrics = Metrics(began: 900)
        #expect(metrics.heartbeatProblem == nil)
        metrics.failedHeartbeat("a", now: 1_000)
        metrics.failedHeartbeat("b", now: 1_005)
        #expect(metrics.heartbeatProblem == HeartbeatProblem(since: 1_000, reason: "b"))
        metrics.sentHeartbeat()
        #expect(metrics.heartbeatProblem == nil && metrics.counters.heartbeats == ["sent": 1, "failed": 2])
        metrics.failedHeartbeat("c", now: 2_000)
        metrics.forgetHeartbeatProblem()
        #expect(metrics.heartbeatProblem == nil)
    }

    private func facts(mirror: String = "work", counters: DaemonCounters? = nil) -> MetricsFacts {
        MetricsFacts(
            mirror: mirror, now: 1_000, isUp: true, counters: counters, freeBytes: 5, isSignedIn: nil,
            limits: MetricsFacts.Limits(Config()))
    }

    private var counted: Metrics {
        let metrics = Metrics(began: 900)
        for result in [AttemptResult.answered(200), .answered(206), .answered(429), .answered(503), .unanswered] {
            metrics.attemptBegan()
            metrics.attemptEnded("files/download", result)
        }
        metrics.retried("files/download")
        metrics.happened("file_placed")
        metrics.passed(.done, in: .milliseconds(50))
        metrics.passed(.failed, in: .seconds(100))
        metrics.downloaded(.zip, in: .milliseconds(100))
        return metrics
    }

    private func lines(_ text: String, _ name: String) -> [String] {
        text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(name + "{") }
    }

    @Test("OpenMetrics and the older format name the same samples; only their heads and the end differ")
    func formats() {
        let facts = facts(counters: counted.counters)
        let (new, old) = (MetricsText.of(facts, .openmetrics), MetricsText.of(facts, .prometheus))
        #expect(new.hasSuffix("\n# EOF\n"))
        #expect(!old.contains("EOF"))
        let help = "Passes, by how they ended: a failed one broke off; single paths may fail in any."
        #expect(new.contains("# TYPE dbxsync_passes counter\n# HELP dbxsync_passes \(help)\n"))
        #expect(
            old.contains(
                "# HELP dbxsync_passes_total \(help)\n# TYPE dbxsync_passes_total counter\n"))
        #expect(new.contains("# TYPE dbxsync_build info\n"))
        #expect(old.contains("# TYPE dbxsync_build_info gauge\n"))
        #expect(new.contains("# UNIT dbxsync_free_bytes bytes\n"))
        func samples(_ text: String) -> [Substring] { text.split(separator: "\n").filter { !$0.hasPrefix("#") } }
        #expect(samples(new) == samples(old))
        #expect(samples(new).count > 50)
    }

    @Test("requests are told by the class of their status, 429 apart from the others")
    func requests() {
        let text = MetricsText.of(facts(counters: counted.counters))
        let begin = "dbxsync_requests_total{mirror=\"work\",endpoint=\"files/download\",status="
        #expect(
            lines(text, "dbxsync_requests_total") == [
                "\(begin)\"2xx\"} 2", "\(begin)\"429\"} 1", "\(begin)\"5xx\"} 1", "\(begin)\"none\"} 1",
            ])
        #expect(lines(text, "dbxsync_requests_under_way") == ["dbxsync_requests_under_way{mirror=\"work\"} 0"])
        #expect(lines(text, "dbxsync_retries_total").map { $0.suffix(2) } == [" 1"])
    }

    @Test("requests that wait for news are told, but are not under way, and are no reason to write")
    func waits() {
        let metrics = Metrics(began: 900)
        let changes = metrics.changes
        for result in [AttemptResult.answered(200), .answered(200), .unanswered, .abandoned] {
            metrics.waitEnded("files/list_folder/longpoll", result)
        }
        #expect(metrics.changes == changes && metrics.counters.requestsUnderWay == 0)
        let begin = "dbxsync_requests_total{mirror=\"work\",endpoint=\"files/list_folder/longpoll\",status="
        #expect(
            lines(MetricsText.of(facts(counters: metrics.counters)), "dbxsync_requests_total") == [
                "\(begin)\"2xx\"} 2", "\(begin)\"abandoned\"} 1", "\(begin)\"none\"} 1",
            ])
    }

    @Test("nothing is told of the account before Dropbox was asked for the first time")
    func unknown() {
        var facts = facts()
        var report = StatusPageTests.report()
        let names = ["dbxsync_listing", "dbxsync_backlog_files", "dbxsync_backlog_bytes", "dbxsync_entries"]
        facts.report = report
        for name in names { #expect(!lines(MetricsText.of(facts), name).isEmpty, "\(name)") }
        report.checkedAt = nil
        facts.report = report
        let text = MetricsText.of(facts)
        for name in names { #expect(!text.contains(name), "\(name)") }
        #expect(lines(text, "dbxsync_in_step") == ["dbxsync_in_step{mirror=\"work\"} 0"])
    }

    @Test("histograms are cumulated, with a bucket for everything")
    func histograms() {
        let text = MetricsText.of(facts(counters: counted.counters))
        let buckets = lines(text, "dbxsync_pass_duration_seconds_bucket").map { $0.dropFirst(54) }
        #expect(
            buckets == [
                "\"0.01\"} 0", "\"0.1\"} 1", "\"1.0\"} 1", "\"10.0\"} 1", "\"60.0\"} 1", "\"300.0\"} 2",
                "\"1800.0\"} 2", "\"7200.0\"} 2", "\"43200.0\"} 2", "\"+Inf\"} 2",
            ])
        #expect(text.contains("dbxsync_pass_duration_seconds_sum{mirror=\"work\"} 100.05\n"))
        #expect(text.contains("dbxsync_download_duration_seconds_bucket{mirror=\"work\",kind=\"zip\",le=\"0.1\"} 1\n"))
    }

    @Test("what comes from another process may be absurd, and makes no line that is none")
    func absurd() throws {
        var counters = counted.counters
        counters.requests = [.init(endpoint: "a\"b\\c\nd\u{202E}", status: "\u{0}", count: .max)]
        counters.pauseSeconds = .infinity
        counters.queues = ["files": .min]
        let text = MetricsText.of(facts(mirror: "\"} 1\nx", counters: counters))
        #expect(
            lines(text, "dbxsync_requests_total") == [
                #"dbxsync_requests_total{mirror="\"} 1\\nx",endpoint="a\"b\\c\\nd\\u{202e}",status="\\u{0}"} "#
                    + "9223372036854775807"
            ])
        #expect(text.contains("dbxsync_pause_seconds_total{mirror=\"\\\"} 1\\\\nx\"} +Inf\n"))
        let json = #"{"bounds":[2,1],"counts":[1,1,1],"sum":0}"#
        for text in [json, #"{"bounds":[],"counts":[],"sum":0}"#, #"{"bounds":[1],"counts":[1,-1],"sum":0}"#] {
            #expect(try JSONDecoder().decode(Histogram.self, from: Data(text.utf8)).cumulated == nil)
        }
    }

    @Test("pauses that overlap count once, and none counts for more than an hour")
    func pauses() {
        let (metrics, now) = (Metrics(began: 0), ContinuousClock.now)
        metrics.paused(for: .seconds(10), now: now)
        metrics.paused(for: .seconds(10), now: now + .seconds(4))
        metrics.paused(for: .seconds(1), now: now + .seconds(5))
        #expect(metrics.counters.pauseSeconds == 14)
        metrics.paused(for: .seconds(1_000_000_000), now: now + .seconds(100))
        #expect(metrics.counters.pauseSeconds == 3_614)
    }

    @Test("a mirror that is away and a sign-in that is over are so until they are not")
    func states() {
        let metrics = Metrics(began: 0)
        metrics.happened("mirror_away")
        metrics.passed(.signedOut, in: .zero)
        #expect(metrics.counters.isMirrorAway && metrics.counters.isSignedOut)
        metrics.happened("mirror_back")
        metrics.passed(.nothing, in: .zero)
        #expect(!metrics.counters.isMirrorAway && !metrics.counters.isSignedOut)
    }

    @Test("a word that should have been said again long ago is not believed")
    func oldWord() throws {
        let folder = try TemporaryFolder()
        let holder = LockHolder(pid: 7, word: folder("status-1.json"), since: 0)
        let now = LockHolder.monotonicSeconds()
        for (age, isBelieved) in [(0, true), (149, true), (160, false)] as [(Int64, Bool)] {
            let word = MetricsWord(
                pid: 7, time: now - age, every: 60, counters: Metrics(began: 0).counters, extents: nil)
            #expect(word.write(folder("metrics-1.json")))
            #expect((MetricsWord.read(of: holder) != nil) == (isBelieved && now >= age))
        }
    }

    @Test("the word is read as it was written, of its process alone; what is none is nothing")
    func word() throws {
        let folder = try TemporaryFolder()
        let status = folder("status-1.json")
        let path = folder("metrics-1.json")
        #expect(MetricsWord.path(beside: status) == path)
        #expect(MetricsWord.path(beside: "x.json") == "metrics-x.json")
        let word = MetricsWord(pid: 7, time: 50, counters: counted.counters)
        let mask = umask(0o077)
        #expect(word.write(path))
        umask(mask)
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o640)
        #expect(MetricsWord.read(of: LockHolder(pid: 7, word: status, since: 50)) == word)
        #expect(MetricsWord.read(of: LockHolder(pid: 8, word: status, since: 50)) == nil)
        #expect(MetricsWord.read(of: LockHolder(pid: 7, word: status, since: 51)) == nil)
        #expect(MetricsWord.read(of: LockHolder(pid: 7)) == nil)
        for text in ["", "{}", "[", String(repeating: "x", count: 2 << 20)] {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(MetricsWord.read(of: LockHolder(pid: 7, word: status, since: 50)) == nil)
        }
        #expect(!word.write("/nowhere/at/all"))
    }

    @Test("an instance has the name of its configuration file")
    func instances() {
        #expect(MetricsFacts.instance("/etc/dbxsync.conf") == "dbxsync")
        #expect(MetricsFacts.instance("/etc/dbxsync/work.conf") == "work")
        #expect(MetricsFacts.instance("odd") == "odd")
        #expect(MetricsFacts.instance("/") == "dbxsync")
        #expect(MetricsFacts.instance("/etc/.conf") == "dbxsync")
    }

    @Test("who asks for OpenMetrics gets it, and everybody else what can be read as text")
    func accepted() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        #expect(MetricsText.Format(accepted: prometheus) == .openmetrics)
        for other in ["", "*/*", "text/html, */*;q=0.8", "text/plain;version=0.0.4"] {
            #expect(MetricsText.Format(accepted: other) == .prometheus)
        }
    }

    @Test("the process sees what it takes")
    func process() {
        let usage = ProcessUsage.now()
        #expect(usage.cpuSeconds > 0 && usage.residentBytes > 1 << 20 && usage.descriptors >= 3)
    }
}
