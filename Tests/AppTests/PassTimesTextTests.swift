import Engine
import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct PassTimesTextTests {
    private func report(total: Duration, _ stages: [PassStage: Duration], bytes: Int64 = 0) -> PassReport {
        var report = PassReport()
        report.bytes = bytes
        report.times.total = total
        for (stage, duration) in stages { report.times[stage] = duration }
        return report
    }

    @Test("a long pass tells its longest stages first, with the rate of the network")
    func long() {
        let stages: [PassStage: Duration] = [
            .listing: .seconds(12), .network: .seconds(58), .recording: .seconds(4), .planning: .milliseconds(900),
            .publishing: .seconds(3),
        ]
        #expect(
            PassTimesText.line(report(total: .seconds(73), stages, bytes: 58 * 35_000_000))
                == "the pass took 1 min 13 s: network 58 s (35.0 MB/s), listing 12 s, recording 4 s")
    }

    @Test("of a short pass, and of one in which nothing took long, there is nothing to tell")
    func short() {
        #expect(PassTimesText.line(report(total: .milliseconds(4_999), [.network: .seconds(4)])) == nil)
        #expect(PassTimesText.line(report(total: .seconds(60), [.network: .seconds(2)])) == nil)
        #expect(PassTimesText.line(report(total: .seconds(6), [.network: .milliseconds(900)])) == nil)
        #expect(PassTimesText.line(PassReport()) == nil)
    }
}
