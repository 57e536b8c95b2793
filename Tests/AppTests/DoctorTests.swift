import Configuration
import Dropbox
import Glibc
import MirrorFS
import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import dbxsync

/// What `dbxsync doctor` makes of what it sees.
@Suite(.timeLimit(.minutes(5)))
struct DoctorTests {
    // MARK: The state

    @Test("only a pause that Dropbox has asked for is one; what else the daemon waits for is told of the mirror")
    func pause() {
        var live = LiveStatus(EngineStatus(), downloads: [], now: 1_000)
        func result() -> Finding.Result { StateChecks.pause("rate limit", live, 1_000).result }
        #expect(result() == .ok)
        (live.phase, live.reason) = ("waiting", "api.dropboxapi.com cannot be reached")
        #expect(result() == .ok)
        live.pausedUntil = 1_060
        #expect(result() == .warning)
        live.pausedUntil = 999
        #expect(result() == .ok)
        #expect(StateChecks.pause("rate limit", nil, 1_000).result == .skipped)
    }

    @Test("heartbeats that the daemon cannot send are told, with the reason")
    func heartbeat() {
        var live = LiveStatus(EngineStatus(), downloads: [], now: 1_000)
        func finding() -> Finding { StateChecks.heartbeat("heartbeat", live, 1_000) }
        #expect(finding().result == .ok)
        live.heartbeat = HeartbeatProblem(since: 940, reason: "the server answered with 404")
        #expect(finding().result == .warning && finding().found.hasSuffix(": the server answered with 404"))
        #expect(finding().found.contains("1 min 00 s ago"))
        #expect(StateChecks.heartbeat("heartbeat", nil, 1_000).result == .skipped)
    }

    @Test("a mirror whose configuration cannot be read is not called beside this one")
    func neighbours() throws {
        func other(_ name: String, _ mirror: String?) -> Neighbours.Neighbour {
            .init(instance: Instance(file: "/etc/dbxsync/\(name).conf"), mirror: mirror, isUnknown: mirror == nil)
        }
        #expect(Examination.neighbours([]) == nil)
        #expect(try #require(Examination.neighbours([other("a", "/a")])) == .ok("other mirrors", "a: beside this one"))
        let mixed = try #require(Examination.neighbours([other("a", "/a"), other("b", nil), other("c", nil)]))
        #expect(mixed.result == .warning && mixed.found.hasPrefix("a: beside this one\nb, c: "))
        #expect(mixed.advice?.contains("--config /etc/dbxsync/c.conf") == true)
    }

    // MARK: The unit

    private let shipped = """
        LoadState=loaded
        UnitFileState=enabled
        ActiveState=active
        SubState=running
        Result=success
        ExecMainStatus=0
        NRestarts=0
        NeedDaemonReload=no
        User=dbxsync
        Environment=SWIFT_BACKTRACE=enable=no
        ProtectSystem=strict
        ProtectHome=yes
        PrivateTmp=yes
        ReadWritePaths=-/srv -/mnt -/media -/data
        StateDirectory=dbxsync
        RuntimeDirectory=dbxsync
        """

    private func facts(_ changes: String...) -> UnitFacts {
        UnitFacts(unit: "dbxsync.service", text: ([shipped] + changes).joined(separator: "\n"))
    }

    @Test(
        "what a service may do with a path follows from its unit",
        arguments: [
            ("/srv/dropbox", true), ("/srv", true), ("/var/lib/dbxsync/state.db", true), ("/var/lib/other", false),
            ("/srvother", false), ("/home/ana/Dropbox", false), ("/tmp/mirror", false), ("/opt/mirror", false),
        ])
    func sandbox(path: String, isWritable: Bool) {
        #expect((UnitSandbox(facts()).access(to: path) == .writable) == isWritable)
    }

    @Test("the nearest folder counts, what hides counts before it, and a bind mount before that")
    func precedence() {
        let near = UnitSandbox(facts("ReadOnlyPaths=/srv/dropbox", "ReadWritePaths=-/srv \"/srv/dropbox/my own\""))
        #expect(near.access(to: "/srv/dropbox/x") == .readOnly(by: "ReadOnlyPaths="))
        #expect(near.access(to: "/srv/dropbox/my own/x") == .writable)
        let odd = UnitSandbox(facts(#"ReadWritePaths=/a "-/opt/100% \"odd\" mirror" /b"#))
        #expect(odd.access(to: "/opt/100% \"odd\" mirror/x") == .writable && odd.access(to: "/b") == .writable)
        let home = UnitSandbox(facts("ReadWritePaths=/home/ana/m"))
        #expect(home.access(to: "/home/ana/m") == .hidden(by: "ProtectHome=yes"))
        let readOnlyHome = UnitSandbox(facts("ReadWritePaths=/home/ana/m", "ProtectHome=read-only"))
        #expect(readOnlyHome.access(to: "/home/ana/m") == .writable)
        #expect(readOnlyHome.access(to: "/home/ana/n") == .readOnly(by: "ProtectHome=read-only"))
        #expect(UnitSandbox(facts("BindPaths=/x:/home/ana/m")).access(to: "/home/ana/m/y") == .writable)
        #expect(UnitSandbox(UnitFacts(unit: "u", text: "")).access(to: "/anywhere") == .writable)
        let edited = UnitFacts(
            unit: "u", text: "ExecStart={ path=/usr/bin/dbxsync ; argv[]=/usr/bin/dbxsync run --config /root/x }")
        for (file, runs) in [("/etc/dbxsync.conf", true), ("/etc/dbxsync/work.conf", true), ("/root/y", false)] {
            #expect(edited.runs(file) == runs)
        }
        #expect(edited.runs("/root/x"))
    }

    private func service(_ changes: String..., directory: String = "/srv/dropbox", proxy: Bool = false) -> [Finding] {
        var config = Config()
        config.mirror.directory = directory
        let text = ([shipped] + changes).joined(separator: "\n")
        return ServiceChecks(
            facts: UnitFacts(unit: "dbxsync.service", text: text), file: "/etc/dbxsync.conf", config: config,
            isRunning: false, environment: proxy ? ["https_proxy": "http://p:1"] : [:]
        ).findings
    }

    @Test("a service that runs, is enabled and may write is well")
    func well() {
        #expect(service().map(\.result) == [.ok, .ok])
    }

    @Test(
        "what is wrong with a unit is told",
        arguments: [
            (["ActiveState=failed", "StatusText=not signed in"], Finding.Result.problem, "not signed in"),
            (["ActiveState=activating", "SubState=auto-restart"], .problem, "again and again"),
            (["ActiveState=inactive", "UnitFileState=disabled"], .warning, "not started"),
            (["UnitFileState=disabled"], .warning, "not enabled"), (["NRestarts=3"], .warning, "3 times"),
            (["NRestarts=99999999999999999999"], .ok, "enabled"), (["NeedDaemonReload=yes"], .warning, "have changed"),
            (["LoadState=not-found"], .skipped, "no dbxsync.service"),
        ])
    func unit(changes: [String], result: Finding.Result, text: String) throws {
        let checks = ServiceChecks(
            facts: UnitFacts(unit: "dbxsync.service", text: ([shipped] + changes).joined(separator: "\n")),
            file: "/etc/dbxsync.conf", config: nil, isRunning: false, environment: [:])
        let finding = try #require(checks.findings.first)
        #expect(finding.result == result && finding.found.contains(text), "\(finding)")
    }

    @Test("a mirror where the service may not write is a problem, with the drop-in as the cure")
    func denied() throws {
        let finding = try #require(service(directory: "/opt/dropbox").last)
        #expect(finding.result == .problem && finding.found.contains("/opt/dropbox"))
        #expect(finding.advice?.contains("/etc/systemd/system/dbxsync.service.d/directories.conf") == true)
    }

    @Test("a group counts only where the service can see it")
    func group() {
        func refusals(_ changes: String...) -> [String] {
            var config = Config()
            config.mirror.directory = "/srv/dropbox"
            config.mirror.group = "0"
            let text = ([shipped, "User=1"] + changes).joined(separator: "\n")
            return ServiceChecks.refusals(
                UnitFacts(unit: "dbxsync.service", text: text), DropIn(config, file: "/etc/dbxsync.conf"), group: "0")
        }
        #expect(refusals().count == 1)
        #expect(refusals("SupplementaryGroups=0") == [])
        #expect(refusals("SupplementaryGroups=0", "PrivateUsers=yes").count == 1)
        #expect(refusals("Group=0", "PrivateUsers=yes") == [])
    }

    @Test("a proxy of the environment that the service does not have is told")
    func proxy() {
        #expect(service(proxy: true).last?.result == .warning)
        #expect(service("Environment=HTTPS_PROXY=http://p:1", proxy: true).last?.name == "sandbox")
    }

    @Test(
        "a status page that is enabled and not served is told; one that nobody has enabled is not",
        arguments: [
            (["ActiveState=failed", "Result=trigger-limit-hit"], Finding.Result.problem, "trigger-limit-hit"),
            (["ActiveState=inactive"], .warning, "inactive"), (["ActiveState=active"], .ok, "active and enabled"),
            (["ActiveState=failed", "UnitFileState=disabled"], nil, ""), (["LoadState=not-found"], nil, ""),
        ])
    func statusPage(changes: [String], result: Finding.Result?, text: String) {
        let lines = ["LoadState=loaded", "UnitFileState=enabled"] + changes
        let facts = UnitFacts(unit: StatusPageCheck.unit, text: lines.joined(separator: "\n"))
        let finding = StatusPageCheck.finding(facts)
        #expect(finding?.result == result && finding?.found.contains(text) != false, "\(String(describing: finding))")
    }

    @Test("the journal's limit is a note, and the last setting counts")
    func journal() {
        let usual = JournalCheck.finding("[Journal]\n#RateLimitBurst=5\n", files: 20_000)
        #expect(usual.result == .ok && usual.found.contains("10,000 lines in 30s") && usual.found.contains("20,000"))
        let set = JournalCheck.finding("RateLimitBurst=5\nRateLimitBurst = 70\nRateLimitIntervalSec=1min", files: nil)
        #expect(set.found == "takes 70 lines in 1min of a service")
        #expect(JournalCheck.finding("RateLimitBurst=0", files: nil).found.contains("any number"))
    }

    // MARK: Network

    @Test(
        "the clock is told when it is a minute off, and is a problem when it is five",
        arguments: [(0, Finding.Result.ok), (59, .ok), (-60, .warning), (299, .warning), (-300, .problem)])
    func clock(ahead: Int, result: Finding.Result) {
        let now = Timestamp(seconds: 1_800_000_000)
        #expect(NetworkChecks.clock(now - Int64(ahead), now: now).result == result)
    }

    @Test("clocks that no year holds are judged, too")
    func absurdClock() {
        for server in [Timestamp.distantPast, Timestamp(seconds: .max)] {
            #expect(NetworkChecks.clock(server, now: .epoch).result == .problem)
        }
    }

    @Test("what answers in Dropbox's place is told from Dropbox, and from an outage")
    func hosts() {
        func result(_ status: Int, _ isDropbox: Bool) -> Finding.Result {
            NetworkChecks.finding("host api", "p", HostAnswer(status: status, date: nil, isDropbox: isDropbox), 1)
                .result
        }
        #expect(result(400, true) == .ok)
        #expect(result(200, false) == .problem)
        #expect(result(503, true) == .problem)
    }

    @Test("a scope too few is a problem, one too many a warning")
    func scopes() {
        let wanted = OAuthFlow.readScopes
        func finding(_ granted: [String], isKnown: Bool = true) -> Finding {
            NetworkChecks.finding(granted: granted, wanted: wanted, isKnown: isKnown)
        }
        #expect(finding(wanted).result == .ok)
        #expect(finding(Array(wanted.dropLast())).result == .problem)
        #expect(finding(wanted + [OAuthFlow.writeScope]).result == .warning)
        #expect(finding([], isKnown: false).result == .ok)
    }

    // MARK: Disk

    @Test("a file system that cannot do what a mirror rests on is a problem, one that lacks less a warning")
    func fileSystem() {
        var trial = DiskTrial(fileSystem: .local)
        #expect(DiskChecks.finding("file system", trial).result == .ok)
        trial.foldsCase = true
        #expect(DiskChecks.finding("file system", trial).result == .warning)
        trial.failures[.replace] = EPERM
        #expect(DiskChecks.finding("file system", trial).result == .problem)
        #expect(DiskChecks.finding("file system", DiskTrial(fileSystem: .remote("nfs"))).result == .warning)
    }

    @Test(
        "the kernel's limit of watches is compared with the folders",
        arguments: [(8_192, 100, Finding.Result.ok), (8_192, 8_000, .warning), (8_192, 100_000, .warning)])
    func watches(most: Int, folders: Int, result: Finding.Result) {
        #expect(DiskChecks.finding("watches", watches: most, instances: 128, folders: folders).result == result)
    }

    // MARK: The report

    @Test("one line for what is well, more for what is not, and nothing in it that a terminal obeys")
    func lines() {
        let report = DoctorReport(
            [
                .ok("lock", "free"), .warning("paths", "a\u{1B}[31m\nb", do: "look"),
                .problem("sign-in", "none", do: "dbxsync auth"), .skipped("service", "no systemd"),
            ], config: "/c", user: "ana")
        #expect(
            report.lines == [
                "ok       lock: free", "warning  paths: a\\u{1b}[31m", "         b", "         -> look",
                "problem  sign-in: none", "         -> dbxsync auth", "skipped  service: no systemd",
                "1 problem, 1 warning",
            ])
        #expect(!report.ok)
    }
}
