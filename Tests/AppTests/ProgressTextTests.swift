import Testing

@testable import dbxsync

@Suite(.timeLimit(.minutes(5)))
struct ProgressTextTests {
    private let progress = Progress(
        activity: "placing", filesDone: 1_204, filesTotal: 88_310, bytesDone: 1_200_000_000, bytesTotal: 40_300_000_000)

    @Test(
        "the line loses its least wanted part first when the terminal is narrow",
        arguments: [
            (100, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB · 18 min left · 35.0 MB/s"),
            (75, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB · 18 min left"),
            (60, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB"),
            (40, "placing 1,204 of 88,310 files"), (25, "1,204 of 88,310 files"), (10, "1,204 of "), (0, ""),
        ] as [(Int, String)])
    func widths(width: Int, line: String) {
        #expect(ProgressText.details(progress, rate: 35_000_000, width: width) == line)
    }

    @Test(
        "there is a bar where numbers have room beside it",
        arguments: [
            (120, "[--------------]   2 %  1,204 of 88,310 files · 1.2 GB of 40.3 GB · 18 min left · 35.0 MB/s"),
            (80, "[--------------]   2 %  1,204 of 88,310 files · 1.2 GB of 40.3 GB · 18 min left"),
            (60, "placing 1,204 of 88,310 files · 1.2 GB of 40.3 GB"),
        ] as [(Int, String)])
    func bars(width: Int, line: String) {
        #expect(ProgressText.line(progress, rate: 35_000_000, width: width) == line)
    }

    @Test("a bar is full when all is done, whatever the numbers say")
    func fullness() {
        #expect(ProgressText.bar(ProgressText.fraction(7, of: 7), width: 12) == "[##########]")
        #expect(ProgressText.bar(ProgressText.fraction(9, of: 7), width: 12) == "[##########]")
        #expect(ProgressText.bar(ProgressText.fraction(-9, of: 7), width: 12) == "[----------]")
        #expect(ProgressText.percent(ProgressText.fraction(999, of: 1_000)) == " 99 %")
        #expect(ProgressText.bar(1, width: 4) == "")
        #expect(Progress(filesDone: 1, filesTotal: 2).fraction == 0.5)
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
        #expect(ProgressText.timeLeft(Progress(bytesDone: .min, bytesTotal: .max), 1) == nil)
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
        meter.note(bytes: .max, at: .seconds(45))
        #expect(meter.rate ?? 0 > 1e18)
    }
}
