import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct ProgressTextTests {
    private let progress = Progress(
        activity: "placing", filesDone: 1_204, filesTotal: 88_310, bytesDone: 1_200_000_000, bytesTotal: 40_300_000_000)

    @Test(
        "the line loses its least wanted part first when the terminal is narrow",
        arguments: [
            (100, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB · 35.0 MB/s · 18 min left"),
            (75, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB · 35.0 MB/s"),
            (60, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB"),
            (40, "placing 1,204 of 88,310 files"), (25, "1,204 of 88,310 files"), (10, "1,204 of "), (0, ""),
        ] as [(Int, String)])
    func widths(width: Int, line: String) {
        #expect(ProgressText.line(progress, rate: 35_000_000, width: width) == line)
    }

    @Test("while the listing runs the totals are marked, and no end is promised")
    func growing() {
        var progress = progress
        progress.isGrowing = true
        #expect(
            ProgressText.line(progress, rate: 35_000_000, width: 100)
                == "placing 1,204 of 88,310+ files · 1.2 GB of 40.3 GB+ · 35.0 MB/s")
    }

    @Test("time left is not told where it would be a guess")
    func timeLeft() {
        #expect(ProgressText.timeLeft(progress, nil) == nil)
        #expect(ProgressText.timeLeft(progress, 0) == nil)
        #expect(ProgressText.timeLeft(progress, 1) == nil)
        #expect(ProgressText.timeLeft(Progress(bytesDone: 5, bytesTotal: 5), 10) == nil)
        #expect(ProgressText.timeLeft(Progress(bytesDone: 5, bytesTotal: 26), 10) == .seconds(3))
    }

    @Test("the rate is that of the last ten seconds")
    func rate() {
        var meter = RateMeter()
        #expect(meter.rate == nil)
        for second in 0...20 { meter.note(bytes: Int64(second * 100), at: .seconds(second)) }
        for second in 21...40 { meter.note(bytes: 2_000 + Int64((second - 20) * 500), at: .seconds(second)) }
        #expect(meter.rate == 500)
        meter.note(bytes: 0, at: .seconds(41))
        #expect(meter.rate == nil)
        meter.note(bytes: 30, at: .seconds(44))
        #expect(meter.rate == 10)
    }
}
