import SyncModel
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SegmentConcurrencyTests {
    /// The numbers of segments that a line leads to, which gives `rate(n)` to n segments and nothing new to connections in
    /// their first half second.
    private func course(_ measurements: Int, limit: Int = 16, rate: (Int) -> Double) -> [Int] {
        var width = SegmentConcurrency(limit: limit)
        var established = 0
        return (0..<measurements).map { _ in
            let rateNow = rate(min(width.count, max(established, 1)))
            established = width.count
            width.measured(rateNow)
            return width.count
        }
    }

    @Test("connections that are capped one by one are used up to the limit") func capped() {
        #expect(course(8) { Double($0) * 25 }.last == 16)
        #expect(course(8, limit: 5) { Double($0) * 25 }.last == 5)
    }

    @Test("a line that one connection fills gets no third one for long") func full() {
        let counts = course(40) { _ in 100 }
        #expect(counts.last == 2)
        #expect(counts.count { $0 > 2 } <= 2)
    }

    @Test("growth ends where it no longer helps") func bend() {
        #expect(course(40) { Double(min($0, 4)) * 25 }.last == 4)
    }

    @Test("a line that has become faster is found out after a while") func faster() {
        var isFaster = false
        var number = 0
        let counts = course(200) { count in
            number += 1
            if number > 40 { isFaster = true }
            return isFaster ? Double(count) * 25 : 50
        }
        #expect(counts[39] == 2)
        #expect(counts.last == 16)
    }

    @Test("there is always one") func one() {
        #expect(SegmentConcurrency(limit: 0).count == 1)
        #expect(course(10, limit: 1) { Double($0) }.last == 1)
    }
}
