import SyncModel
import Testing

@testable import Configuration

private func parse(_ tables: String) -> Result<Config, ConfigProblems> {
    let text = "account.app_key = \"k\"\nmirror.directory = \"/m\"\n[transfer]\n\(tables)\n"
    return ConfigFile.parse(Array(text.utf8), file: "F")
}

private func problems(_ tables: String) -> [String] {
    switch parse(tables) {
    case .success: []
    case .failure(let found): found.problems.map { String($0.description.dropFirst(2)) }
    }
}

@Suite(.timeLimit(.minutes(5)))
struct TimetableKeysTests {
    @Test("rules are read in their order, and what is left out means always")
    func rules() throws {
        let config = try parse(
            """
            bandwidth = "unlimited"
            [[transfer.timetable]]
            days = "mon-fri"
            from = "08:00"
            to = "18:00"
            bandwidth = "2MB/s"
            [[transfer.timetable]]
            days = "Sat - Mon, wed"
            from = "9:30"
            to = "24:00"
            bandwidth = "unlimited"
            [[transfer.timetable]]
            bandwidth = "1kB/s"
            [outbox]
            """
        ).get()
        #expect(config.transfer.bandwidth == nil)
        #expect(
            config.transfer.timetable == [
                BandwidthRule(
                    days: [.monday, .tuesday, .wednesday, .thursday, .friday], from: 480, to: 1_080, rate: 2_000_000),
                BandwidthRule(days: [.saturday, .sunday, .monday, .wednesday], from: 570, to: 1_440),
                BandwidthRule(rate: 1_000),
            ])
        #expect(config.transfer.limits.rules.count == 3)
        #expect(try parse("timetable = []").get().transfer.timetable.isEmpty)
        let inline = "timetable = [{ bandwidth = \"1MB/s\", days = \"sun\" }]"
        #expect(try parse(inline).get().transfer.timetable == [BandwidthRule(days: [.sunday], rate: 1_000_000)])
    }

    @Test("days are written as short as they can be, and read back as the same")
    func days() throws {
        for number in 1..<128 {
            let days = Set(Weekday.allCases.filter { number >> $0.rawValue & 1 == 1 })
            #expect(try WeekdaysText.read(WeekdaysText.show(days)) == days)
        }
        #expect(WeekdaysText.show(Set(Weekday.allCases)) == "daily")
        #expect(WeekdaysText.show([.monday, .tuesday, .thursday, .friday, .saturday]) == "mon,tue,thu-sat")
        #expect(try WeekdaysText.read("mon-mon") == [.monday])
        #expect(try WeekdaysText.read("fri-thu").count == 7)
    }

    @Test(
        "wrong values are named with their line",
        arguments: [
            (
                "days = \"mon-fry\"",
                "5:8: transfer.timetable.days: \"mon-fry\" does not name days: write \"mon-fri\", \"sat,sun\" or "
                    + "\"daily\"; the days are mon, tue, wed, thu, fri, sat, sun"
            ),
            (
                "days = [\"mon\"]",
                "5:8: transfer.timetable.days: must be days such as \"mon-fri\" or \"sat,sun\", found a list"
            ),
            (
                "from = \"24:00\"",
                "5:8: transfer.timetable.from: \"24:00\" is not a time of day such as \"08:00\", "
                    + "from \"00:00\" to \"23:59\""
            ),
            (
                "to = \"24:01\"",
                "5:6: transfer.timetable.to: \"24:01\" is not a time of day such as \"08:00\", "
                    + "from \"00:00\" to \"24:00\""
            ),
            (
                "from = 08:00:00",
                "5:8: transfer.timetable.from: must be a time of day in quotes such as \"08:00\", found a date or time"
            ),
            (
                "from = \"08:00\"\nto = \"8:00\"",
                "4:1: transfer.timetable: never applies: it begins and ends at \"08:00\"; "
                    + "for the whole day leave out from and to"
            ),
            ("form = \"08:00\"", "5:1: transfer.timetable.form: unknown key; there are days, from, to, bandwidth"),
            (
                "parallel = 8",
                "5:1: transfer.timetable.parallel: unknown key; parallel belongs under [transfer], "
                    + "above the first [[transfer.timetable]]"
            ),
        ])
    func refused(lines: String, problem: String) {
        #expect(problems("[[transfer.timetable]]\n\(lines)\nbandwidth = \"2MB/s\"") == [problem])
    }

    @Test("a rule without a rate, a single table and a list of something else are refused, all of them at once")
    func shapes() {
        #expect(
            problems("[[transfer.timetable]]\nfrom = \"99:99\"\n[[transfer.timetable]]\nbandwidth = \"2MB\"") == [
                "4:1: transfer.timetable.bandwidth: is missing: write a rate such as \"2MB/s\", or \"unlimited\"",
                "5:8: transfer.timetable.from: \"99:99\" is not a time of day such as \"08:00\", "
                    + "from \"00:00\" to \"23:59\"",
                "7:13: transfer.timetable.bandwidth: \"2MB\" is not a rate such as \"20MB/s\" or \"512KiB/s\"",
            ])
        #expect(
            problems("[transfer.timetable]\nbandwidth = \"2MB/s\"") == [
                "4:1: transfer.timetable: is a list of tables: write [[transfer.timetable]], found a table"
            ])
        #expect(
            problems("timetable = [\"night\"]") == [
                "4:14: transfer.timetable: is a list of tables: write [[transfer.timetable]], found a string in it"
            ])
        let many = String(repeating: "[[transfer.timetable]]\nbandwidth = \"1MB/s\"\n", count: 101)
        #expect(problems(many).map { $0.hasSuffix("transfer.timetable: has 101 tables; 100 at most") } == [true])
    }

    @Test("a reload that changes a rule counts at once")
    func reload() {
        let old = Config()
        var new = old
        new.transfer.timetable = [BandwidthRule(rate: 1_000)]
        let change = old.change(to: new)
        #expect(change.live == ["transfer.timetable"])
        #expect(change.config == new)
    }
}
