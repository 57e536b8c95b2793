import Configuration
import Foundation
import SyncModel
import TestSupport
import Testing

@testable import Engine
@testable import Store
@testable import dbxsync

/// What is told of the mirror, and when.
@Suite(.timeLimit(.minutes(5)))
struct HeartbeatTests {
    private func sent(_ plan: inout HeartbeatPlan, _ health: Health, _ times: [Int], every: Int = 300) -> [Int] {
        times.filter { time in
            guard plan.isDue(health, at: .seconds(time), every: .seconds(every)) else { return false }
            plan.sent(health, at: .seconds(time), every: .seconds(every))
            return true
        }
    }

    /// What is told when it is looked when the plan says, and each look is late by that many seconds.
    private func sentBySchedule(_ health: Health, every: Int, late: Int, until end: Int) -> [Int] {
        var (plan, time, times) = (HeartbeatPlan(), 0, [Int]())
        while time <= end {
            times += sent(&plan, health, [time], every: every)
            let next = plan.nextLook(after: .seconds(time), every: .seconds(every))
            time = Int(next.components.seconds) + late
        }
        return times
    }

    private let everyFive = Array(stride(from: 0, through: 1_000, by: 5))
    private let failing = Health.failing("x")

    @Test("what is well is told at once, and then at intervals")
    func well() {
        var plan = HeartbeatPlan()
        #expect(sent(&plan, .well, everyFive) == [0, 300, 600, 900])
    }

    @Test("each is told at its interval, and one that is late delays no other")
    func schedule() {
        #expect(sentBySchedule(.well, every: 15, late: 0, until: 60) == [0, 15, 30, 45, 60])
        #expect(sentBySchedule(.well, every: 15, late: 2, until: 60) == [0, 17, 32, 47])
        #expect(sentBySchedule(.well, every: 300, late: 1, until: 1_000) == [0, 301, 601, 901])
        #expect(sentBySchedule(failing, every: 40, late: 3, until: 200) == [33, 76, 116, 156, 196])
        #expect(sentBySchedule(.unknown, every: 15, late: 0, until: 1_000).isEmpty)
        var plan = HeartbeatPlan()
        #expect(sent(&plan, .well, [0, 340, 600, 1_500, 1_799, 1_800]) == [0, 340, 600, 1_500, 1_800])
    }

    @Test("it is looked when something is due, and twice a minute at least: time alone may change the judgement")
    func looks() {
        func next(_ plan: HeartbeatPlan, _ now: Int, every: Int = 15) -> Int {
            Int(plan.nextLook(after: .seconds(now), every: .seconds(every)).components.seconds)
        }
        var plan = HeartbeatPlan()
        #expect(next(plan, 0) == 30)
        #expect(sent(&plan, .well, [0], every: 15) == [0])
        #expect(next(plan, 0) == 15 && next(plan, 13) == 15 && next(plan, 13, every: 300) == 43)
        #expect(next(plan, 15) == 20, "what could not be looked at is soon looked at again")
        #expect(sent(&plan, failing, [14], every: 100) == [])
        #expect(next(plan, 14) == 44 && next(plan, 20) == 44)
        let isDue = plan.isDue(failing, at: .seconds(44), every: .seconds(15))
        #expect(isDue)
        plan.failed(at: .seconds(45), every: .seconds(15))
        #expect(next(plan, 45) == 50)
        for time in [60, 80, 100] { plan.failed(at: .seconds(time), every: .seconds(15)) }
        #expect(next(plan, 100) == 115, "a try is due after an interval at the latest")
    }

    @Test("what fails is told when it has lasted, and what is well again likewise")
    func changes() {
        var plan = HeartbeatPlan()
        #expect(sent(&plan, .well, [0, 5]) == [0])
        #expect(sent(&plan, failing, [10, 15]).isEmpty)
        #expect(sent(&plan, .well, [20]).isEmpty)
        #expect(sent(&plan, failing, Array(stride(from: 25, through: 400, by: 5))) == [55, 355])
        #expect(sent(&plan, .well, Array(stride(from: 405, through: 800, by: 5))) == [435, 735])
        #expect(sent(&plan, .unknown, [2_000]).isEmpty)
    }

    @Test("what fails from the start is told when it has lasted; nothing is told of what is unknown")
    func start() {
        var plan = HeartbeatPlan()
        #expect(sent(&plan, .unknown, everyFive).isEmpty)
        #expect(sent(&plan, failing, [1_005, 1_020, 1_035, 1_040]) == [1_035])
    }

    @Test("what cannot be sent is tried again, more and more slowly, and soon enough")
    func retries() {
        var plan = HeartbeatPlan()
        var tries: [Int] = []
        for time in 0...300 where plan.isDue(.well, at: .seconds(time), every: .seconds(3_600)) {
            plan.failed(at: .seconds(time), every: .seconds(3_600))
            tries.append(time)
        }
        #expect(tries == [0, 5, 15, 35, 75, 135, 195, 255])
        #expect(sent(&plan, .well, [400]) == [400])
    }

    @Test("the name of the server, which may be the secret, is in no reason")
    func hosts() {
        func reason(_ text: String, _ url: String) -> String {
            HeartbeatSender.withoutHost(text, of: url)
        }
        let expected = "no connection to the server of heartbeat.url port 8080"
        #expect(reason("no connection to id7.example port 8080", "http://u:p@id7.example:8080/x?y=z") == expected)
        #expect(reason("no connection to ::1 port 8080", "http://[::1]:8080") == expected)
        #expect(reason("timed out", "https://id7.example") == "timed out")
    }

    @Test("the URL gets /fail at the end of its path")
    func urls() {
        #expect(HeartbeatSender.failing("https://a/b") == "https://a/b/fail")
        #expect(HeartbeatSender.failing("https://a/b/") == "https://a/b/fail")
        #expect(HeartbeatSender.failing("https://a") == "https://a/fail")
        #expect(HeartbeatSender.failing("https://a/b?x=/?") == "https://a/b/fail?x=/?")
    }

    @Test("an interval that nobody hears of is told, with its place")
    func uselessInterval() throws {
        let folder = try TemporaryFolder()
        func warnings(_ table: String) throws -> [String] {
            let needed = "[account]\napp_key = \"k\"\n[mirror]\ndirectory = \"/m\"\n"
            try folder.write(needed + table, to: "x.conf")
            chmod(folder("x.conf"), 0o600)
            let config = try ConfigFile.load(folder("x.conf")).get()
            return ConfigFile.warnings(config, in: folder("x.conf")).map(\.description)
        }
        let interval = "[heartbeat]\ninterval = \"5min\"\n"
        let reason = "has no effect without heartbeat.url: no heartbeats are sent"
        #expect(try warnings(interval) == ["\(folder("x.conf")):6:12: heartbeat.interval: \(reason)"])
        #expect(try warnings(interval + "url = \"http://x.example/y\"\n") == [])
        #expect(try warnings("") == [])
    }

    private func report(_ change: (inout StatusReport) -> Void = { _ in }) async throws -> StatusReport {
        var config = Config()
        config.mirror.directory = "/m"
        let folder = try TemporaryFolder()
        let store = try StateStore.scratchCopy(of: folder("state.db"))
        var status = EngineStatus()
        status.phase = .idle
        let live = LiveStatus(status, downloads: [], now: 0)
        var report = try await StatusReport.gather(
            store, config: config, daemon: .init(pid: 1, now: live, silent: false), now: 1_000_000)
        report.inStep = true
        report.inStepAsOf = Moment(1_000_000)
        report.stale = false
        report.listing = false
        change(&report)
        return report
    }

    @Test("the judgement is that of status; work under way is no failure before the mirror is stale")
    func judgement() async throws {
        func health(isYoung: Bool = false, _ change: (inout StatusReport) -> Void) async throws -> Health {
            Health.of(try await report(change), isYoung: isYoung)
        }
        #expect(try await health { _ in } == .well)
        #expect(
            try await health { ($0.inStep, $0.failing, $0.parked) = (false, 2, 1) }
                == .failing("not in step: 2 failing, 1 cannot be mirrored"))
        #expect(try await health { ($0.inStep, $0.backlog.files) = (false, 5) } == .well)
        #expect(
            try await health { ($0.inStep, $0.backlog.files, $0.stale) = (false, 5, true) }
                == .failing("not known to be in step for longer than allowed: 5 files, 0 B, to place, 0 to remove"))
        #expect(
            try await health { $0.inStep = false }
                == .failing("the disk was not compared with what is recorded for longer than allowed"))
        #expect(
            try await health {
                $0.inStep = false
                $0.daemon?.now?.phase = "waiting"
                $0.daemon?.now?.reason = "no\nnetwork"
            } == .failing("waiting: no\\nnetwork"))
        for isYoung in [true, false] {
            let first = try await health(isYoung: isYoung) {
                ($0.inStep, $0.inStepAsOf, $0.stale, $0.listing) = (false, nil, true, true)
            }
            #expect(first == (isYoung ? .unknown : .failing("not in step yet: the account is being listed")))
        }
    }
}
