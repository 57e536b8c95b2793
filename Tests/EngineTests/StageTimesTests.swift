import Foundation
import Logging
import Sandbox
import Synchronization
import SyncModel
import TestSupport
import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(30)))
struct StageTimesTests {
    @Test("nothing that was measured is no time")
    func nothing() {
        let times = StageClock().times(at: .zero)
        #expect(times == PassTimes())
        #expect(PassStage.allCases.allSatisfy { times[$0] == .zero })
        #expect(Set(times.seconds.keys) == Set(PassStage.allCases.map(\.rawValue) + ["total"]))
        #expect(times.seconds.values.allSatisfy { $0 == 0 })
    }

    @Test("what runs at the same time counts once, what runs one after the other is added up")
    func overlap() {
        var clock = StageClock()
        clock.begin(.network, at: .seconds(1))
        clock.begin(.network, at: .seconds(2))
        clock.end(.network, at: .seconds(4))
        clock.begin(.network, at: .seconds(5))
        clock.end(.network, at: .seconds(6))
        clock.end(.network, at: .seconds(8))
        clock.begin(.network, at: .seconds(10))
        clock.end(.network, at: .seconds(11))
        #expect(clock.times(at: .seconds(20))[.network] == .seconds(8))
    }

    @Test("stages do not know of each other, also when one is inside another")
    func nesting() {
        var clock = StageClock()
        clock.begin(.publishing, at: .seconds(0))
        clock.begin(.publishing, at: .seconds(1))
        clock.begin(.hashing, at: .seconds(2))
        clock.end(.hashing, at: .seconds(3))
        clock.end(.publishing, at: .seconds(4))
        clock.end(.publishing, at: .seconds(5))
        let times = clock.times(at: .seconds(5))
        #expect(times[.publishing] == .seconds(5) && times[.hashing] == .seconds(1) && times.total == .seconds(5))
    }

    @Test("what still runs counts so far; an end without a beginning does not")
    func unfinished() {
        var clock = StageClock()
        clock.end(.listing, at: .seconds(1))
        clock.begin(.listing, at: .seconds(2))
        #expect(clock.times(at: .seconds(5))[.listing] == .seconds(3))
        clock.end(.listing, at: .seconds(6))
        #expect(clock.times(at: .seconds(9))[.listing] == .seconds(4))
    }

    @Test("work is measured also when it fails")
    func failing() async {
        let time = Mutex(Duration.zero)
        let times = StageTimes { time.withLock { $0 } }
        let work: @Sendable () throws -> Void = {
            time.withLock { $0 += .seconds(2) }
            throw CancellationError()
        }
        #expect(throws: CancellationError.self) { try times.measure(.writing, work) }
        await #expect(throws: CancellationError.self) {
            try await times.measure(.network) {
                await Task.yield()
                try work()
            }
        }
        #expect(times.current[.writing] == .seconds(2) && times.current[.network] == .seconds(2))
        #expect(times.current.total == .seconds(4))
    }

    @Test("seconds have three decimals; the rate is that of the seconds with downloads")
    func units() {
        var report = PassReport()
        report.times.total = .microseconds(12_345_678)
        report.times[.network] = .milliseconds(2_500)
        report.bytes = 10_000_000
        #expect(report.times.seconds["total"] == 12.346 && report.times.seconds["network"] == 2.5)
        #expect(report.bytesPerSecond == 4_000_000)
        #expect(report.metadata["seconds_network"] == "2.5" && report.metadata["bytes_per_second"] == "4000000")
        report.times[.network] = .nanoseconds(1)
        report.bytes = .max
        #expect(report.bytesPerSecond == 9_000_000_000_000_000_000)
        #expect(PassReport().bytesPerSecond == 0)
    }

    @Test("a pass measures each of its stages")
    func pass() async throws {
        let fixture = try EngineFixture(pageSize: 2)
        for number in 0..<10 { _ = try fixture.account.put("/\(number)", "text \(number)") }
        _ = try fixture.account.put("/here already", "the same")
        try Data("the same".utf8).write(to: URL(filePath: fixture.mirror + "/here already"))
        let report = try await fixture.pass()
        #expect(report.adopted == 1 && report.downloaded == 10)
        for stage in PassStage.allCases {
            #expect(report.times[stage] > .zero && report.times[stage] <= report.times.total, "\(stage)")
        }
        #expect(report.bytesPerSecond > 0)
    }
}
