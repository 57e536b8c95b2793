import SyncModel
import TestSupport
import Testing

/// Files are read again evenly, in time, and not much more often than they have to be.
@Suite(.timeLimit(.minutes(5)))
struct ScrubPaceTests {
    private static let day: Int64 = 86_400
    private static let round = 30 * day

    /// A mirror whose files are read by the pace; time goes by in hours.
    private struct Mirror {
        struct File {
            var size: Int64
            var provenAt: Timestamp
        }

        var files: [File]
        var now = Timestamp.epoch
        var read: Int64 = 0
        private var credit = 0.0
        private var pace: ScrubPace?

        init(_ sizes: [Int64]) { files = sizes.map { File(size: $0, provenAt: .epoch) } }

        var oldest: Int64 { now.seconds(since: files.map(\.provenAt).min() ?? now) }

        /// Lets time pass, in which the daemon runs or does not.
        mutating func live(_ seconds: Int64, isRunning: Bool = true) {
            let end = now + seconds
            while now < end {
                let step = min(3600, end.seconds(since: now))
                now = now + step
                if isRunning { work(step) } else { pace = nil }
            }
        }

        private mutating func work(_ seconds: Int64) {
            let loads = files.map { ScrubLoad(provenAt: $0.provenAt, cost: ScrubPace.cost(bytes: $0.size)) }
            let pace = ScrubPace(for: loads, now: now, round: round, after: pace)
            self.pace = pace
            credit += Double(seconds)
            let due = files.indices.filter { now.seconds(since: files[$0].provenAt) >= ScrubPace.leastAge(round) }
            for index in due.sorted(by: { files[$0].provenAt < files[$1].provenAt }) {
                guard credit > 0 else { break }
                let cost = ScrubPace.cost(bytes: files[index].size)
                let pause = pace.pause(after: cost, of: cost)
                credit -= Double(pause.components.seconds) + Double(pause.components.attoseconds) / 1e18
                files[index].provenAt = now
                read += files[index].size
            }
            credit = min(credit, 0)  // what was not used is lost
        }
    }

    private static func sizes(_ count: Int) -> [Int64] {
        var random = SeededRandom(seed: 7)
        return (0..<count).map { _ in Int64.random(in: 0...50_000_000, using: &random) }
    }

    @Test("a mirror that was filled in one go is read evenly, whole, and in time") func even() {
        var mirror = Mirror(Self.sizes(2000))
        let total = mirror.files.reduce(0) { $0 + $1.size }
        mirror.live(ScrubPace.leastAge(Self.round))
        let before = mirror.read
        let time = Self.round - ScrubPace.leastAge(Self.round) - 2 * ScrubPace.catchUp(Self.round)
        for _ in 0..<10 {
            let start = mirror.read
            mirror.live(time / 10)
            #expect(abs(Double(mirror.read - start) / Double(total) - 0.1) < 0.01)
        }
        #expect(before < total / 100)
        #expect(mirror.oldest <= Self.round)
        for _ in 0..<90 {
            mirror.live(Self.day)
            #expect(mirror.oldest <= Self.round)
        }
        // Four rounds, and each file at most every quarter of one.
        #expect(Double(mirror.read) < 5.5 * Double(total))
    }

    @Test("who is down for half of the time, or for long, still has all of it read about in time") func down() {
        var mirror = Mirror(Self.sizes(1000))
        for _ in 0..<120 {
            mirror.live(Self.day / 2, isRunning: false)
            mirror.live(Self.day / 2)
            #expect(mirror.oldest <= Self.round + 2 * Self.day)
        }
        mirror.live(50 * Self.day, isRunning: false)
        mirror.live(2 * Self.day)
        #expect(mirror.oldest <= Self.round + 2 * Self.day)
    }

    @Test("what comes later, and more of it, is read in its time") func growth() {
        var mirror = Mirror(Self.sizes(500))
        for _ in 0..<60 {
            mirror.live(Self.day)
            mirror.files += Self.sizes(20).map { Mirror.File(size: $0, provenAt: mirror.now) }
            #expect(mirror.oldest <= Self.round)
        }
    }

    @Test("a clock that jumps does no harm that lasts") func jumps() {
        var mirror = Mirror(Self.sizes(500))
        mirror.live(10 * Self.day)
        mirror.now = mirror.now + 400 * Self.day
        mirror.live(2 * Self.day)
        #expect(mirror.oldest <= Self.round)
        let read = mirror.read
        for index in mirror.files.indices { mirror.files[index].provenAt = mirror.now }
        mirror.now = mirror.now - 5 * Self.day
        mirror.live(5 * Self.day)
        #expect(mirror.read == read)
    }

    @Test("nothing to read is no hurry, a large file takes a thirtieth of a round, and absurd numbers do not trap")
    func extremes() {
        #expect(ScrubPace(for: [], now: 0, round: Self.round).pause(after: 0, of: 0) == .zero)
        let size: Int64 = 1 << 40
        let pace = ScrubPace(
            for: [ScrubLoad(provenAt: 0, cost: ScrubPace.cost(bytes: size))], now: 0, round: Self.round)
        let piece = pace.pause(after: 4 << 20, of: size)
        #expect(abs(Double(piece.components.seconds) + 1e-18 * Double(piece.components.attoseconds) - 0.33) < 0.01)
        let end = Timestamp(seconds: .max)
        let absurd = [ScrubLoad(provenAt: .distantPast, cost: .max), ScrubLoad(provenAt: end, cost: .max)]
        #expect(ScrubPace(for: absurd, now: end, round: 1).rate > 0)
        #expect(ScrubPace.cost(files: .max, bytes: .max) == .max)
        #expect(ScrubPace(for: [], now: 0, round: 1).pause(after: .max, of: 0) == .zero)
    }
}
