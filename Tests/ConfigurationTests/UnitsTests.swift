import Testing

@testable import Configuration

@Suite(.timeLimit(.minutes(5)))
struct UnitsTests {
    @Test(
        "durations are read, and written in their shortest form",
        arguments: [
            ("0", 0, "0"), ("0s", 0, "0"), ("30s", 30_000, "30s"), ("30sec", 30_000, "30s"), ("5min", 300_000, "5min"),
            ("90min", 5_400_000, "1h30min"), ("1h30min", 5_400_000, "1h30min"), ("1h 30min", 5_400_000, "1h30min"),
            ("7d", 604_800_000, "7d"), ("1w", 604_800_000, "7d"), ("2w1d", 1_296_000_000, "15d"),
            ("250ms", 250, "250ms"), ("1s5ms", 1_005, "1s5ms"), ("007s", 7_000, "7s"),
        ] as [(String, Int, String)])
    func durations(text: String, milliseconds: Int, shown: String) throws {
        let value = try DurationText.read(text)
        #expect(value == .milliseconds(milliseconds))
        #expect(DurationText.show(value) == shown)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", " ", "5", "min", "5m", "5 minutes", "1.5h", "-5min", "+5s", "30min1h", "1h1h", "5min ms", "1e3s",
            "99999999999999999999s", "9223372036854775807w", "9223372036854775s9223372036854775ms", "5minx", "٥s",
        ])
    func noDurations(text: String) {
        #expect(throws: ConfigValueError.self) { try DurationText.read(text) }
    }

    @Test(
        "sizes are read exactly, and written in the largest whole unit",
        arguments: [
            ("0", 0, "0"), ("0B", 0, "0"), ("1B", 1, "1B"), ("500MB", 500_000_000, "500MB"),
            ("1GiB", 1_073_741_824, "1GiB"), ("1.5GiB", 1_610_612_736, "1536MiB"), ("1.25kB", 1_250, "1250B"),
            ("1 TB", 1_000_000_000_000, "1TB"), ("2KB", 2_000, "2kB"), ("1024B", 1_024, "1KiB"),
            ("0.1B", 0, "0"), ("8191TiB", 9_006_099_743_113_216, "8191TiB"), ("1000000B", 1_000_000, "1MB"),
        ] as [(String, Int64, String)])
    func sizes(text: String, bytes: Int64, shown: String) throws {
        let value = try SizeText.read(text)
        #expect(value == bytes)
        #expect(SizeText.show(value) == shown)
        #expect(try SizeText.read(shown) == value)
    }

    @Test(
        "what is no size is refused",
        arguments: [
            "", "1", "GB", ".5GB", "1.GB", "1.1234567GB", "-1GB", "1gb", "1G", "1 gig", "1,5GB", "9000000TiB",
            "99999999999999999999B", "1GB/s", "0x10B", "1.5",
        ])
    func noSizes(text: String) {
        #expect(throws: ConfigValueError.self) { try SizeText.read(text) }
    }

    @Test("rates are sizes per second")
    func rates() throws {
        #expect(try SizeText.readRate("20MB/s") == 20_000_000)
        #expect(try SizeText.readRate("1.5MiB/s") == 1_572_864)
        #expect(try SizeText.readRate("0") == 0)
        #expect(SizeText.showRate(20_000_000) == "20MB/s")
        #expect(SizeText.showRate(0) == "0")
        for text in ["20MB", "20Mbit/s", "/s", "fast", "20MB/min", ""] {
            #expect(throws: ConfigValueError.self) { try SizeText.readRate(text) }
        }
    }

    @Test("modes are octal, three or four digits")
    func modes() throws {
        #expect(try ModeText.read("0640") == 0o640)
        #expect(try ModeText.read("755") == 0o755)
        #expect(ModeText.show(0o640) == "0640")
        #expect(ModeText.show(0o2755) == "2755")
        for text in ["", "64", "00640", "0888", "rw-", "0o640", "-640", "+640"] {
            #expect(throws: ConfigValueError.self) { try ModeText.read(text) }
        }
    }

    @Test(
        "a misspelt name is compared by the letters to change",
        arguments: [("", "abc", 3), ("abc", "abc", 0), ("bandwith", "bandwidth", 1), ("kitten", "sitting", 3)]
            as [(String, String, Int)])
    func distance(a: String, b: String, changes: Int) {
        #expect(Suggestions.distance(a, b) == changes)
        #expect(Suggestions.distance(b, a) == changes)
    }
}
