import Testing
import TextFormatting

@Suite(.timeLimit(.minutes(5)))
struct HumanTextTests {
    @Test(
        "bytes are rounded to what one can read",
        arguments: [
            (0, "0 B"), (812, "812 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234, "1.2 kB"), (99_949, "99.9 kB"),
            (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (35_100_000, "35.1 MB"),
            (999_999_999, "1.0 GB"), (1_073_741_824, "1.1 GB"), (-1_500, "-1.5 kB"), (Int64.max, "9.2 EB"),
        ] as [(Int64, String)])
    func bytes(count: Int64, text: String) {
        #expect(HumanText.bytes(count) == text)
    }

    @Test(
        "durations show their two largest units",
        arguments: [
            (0, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (599, "9 min 59 s"), (600, "10 min"), (3_599, "59 min"),
            (3_600, "1 h 00 min"), (5_500, "1 h 31 min"), (86_399, "23 h 59 min"), (273_600, "3 d 4 h"),
            (99 * 86_400, "99 d 0 h"), (400 * 86_400, "400 d"), (-5, "0 s"),
        ] as [(Int, String)])
    func durations(seconds: Int, text: String) {
        #expect(HumanText.duration(.seconds(seconds)) == text)
    }

    @Test("counts have commas and the right noun")
    func counts() {
        #expect(
            [0, 999, 1_000, 88_310, 1_234_567, -1_000].map(HumanText.count) == [
                "0", "999", "1,000", "88,310", "1,234,567", "-1,000",
            ])
        #expect(HumanText.count(1, "file") == "1 file")
        #expect(HumanText.count(0, "file") == "0 files")
    }

    @Test("a rate that is no number is no rate")
    func rates() {
        #expect(HumanText.rate(35_100_000) == "35.1 MB/s")
        #expect(HumanText.rate(.nan) == "0 B/s")
        #expect(HumanText.rate(-1) == "0 B/s")
    }
}
