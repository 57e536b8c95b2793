import Foundation
import SyncModel
import Testing

@Suite(.timeLimit(.minutes(5)))
struct BandwidthTimetableTests {
    private let weekdays: Set<Weekday> = [.monday, .tuesday, .wednesday, .thursday, .friday]

    private func time(_ text: String) throws -> WallTime { try #require(WallTime(text)) }

    @Test("the first rule that applies counts, otherwise the usual limit, and the end of each is told")
    func decision() throws {
        let timetable = BandwidthTimetable(
            usual: 20,
            rules: [
                BandwidthRule(days: weekdays, from: 480, to: 1_080, rate: 2),
                BandwidthRule(days: [.friday], from: 960, to: 1_200, rate: 5),
                BandwidthRule(days: [.friday, .sunday], from: 1_320, to: 360, rate: nil),
            ])
        let expected =
            [
                ("mon 07:59", 20, nil, "mon 08:00"), ("mon 08:00", 2, 1, "mon 18:00"), ("mon 17:59", 2, 1, "mon 18:00"),
                ("mon 18:00", 20, nil, "tue 08:00"), ("fri 17:00", 2, 1, "fri 18:00"), ("fri 18:00", 5, 2, "fri 20:00"),
                ("fri 20:00", 20, nil, "fri 22:00"), ("fri 23:00", nil, 3, "sat 06:00"),
                ("sat 05:59", nil, 3, "sat 06:00"),
                ("sat 06:00", 20, nil, "sun 22:00"), ("mon 05:00", nil, 3, "mon 06:00"),
                ("thu 23:00", 20, nil, "fri 08:00"),
            ] as [(String, Int64?, Int?, String)]
        for (now, rate, rule, until) in expected {
            #expect(
                timetable.limit(at: try time(now)) == BandwidthLimit(rate: rate, rule: rule, until: try time(until)),
                "\(now)")
        }
    }

    @Test("what never changes has no end")
    func constant() throws {
        let noon = try time("wed 12:00")
        #expect(BandwidthTimetable(usual: nil).limit(at: noon) == BandwidthLimit(rate: nil))
        #expect(BandwidthTimetable(usual: 7).limit(at: noon) == BandwidthLimit(rate: 7))
        let always = BandwidthTimetable(usual: 7, rules: [BandwidthRule(rate: 3)])
        #expect(always.limit(at: noon) == BandwidthLimit(rate: 3, rule: 1))
        let once = BandwidthTimetable(usual: 7, rules: [BandwidthRule(days: [.wednesday], from: 720, to: 721, rate: 3)])
        #expect(once.limit(at: noon).until == (try time("wed 12:01")))
        #expect(once.limit(at: try time("wed 12:01")).until == noon, "a week later")
    }

    @Test("at every minute of the week the end that is told is the next minute with another rule")
    func ends() {
        let timetable = BandwidthTimetable(
            usual: nil,
            rules: [
                BandwidthRule(days: [.monday, .sunday], from: 1_439, to: 1, rate: 1),
                BandwidthRule(days: weekdays, from: 300, to: 299, rate: 2),
                BandwidthRule(days: [.saturday], from: 10, to: 1_440, rate: 3),
            ])
        let week = Weekday.allCases.flatMap { day in (0..<1_440).map { WallTime(day, minute: $0) } }
        let rules = week.map { timetable.limit(at: $0).rule }
        for (index, time) in week.enumerated() {
            let next = (1...week.count).first { rules[(index + $0) % week.count] != rules[index] } ?? 0
            #expect(timetable.limit(at: time).until == week[(index + next) % week.count])
        }
    }

    @Test("on days on which clocks are changed a rule holds by what the clock shows")
    func summerTime() throws {
        let timetable = BandwidthTimetable(usual: nil, rules: [BandwidthRule(from: 150, to: 1_080, rate: 2)])
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "Europe/Berlin"))
        /// The minutes of a day, in seconds since 1970 UTC, in which the rule applies.
        func minutes(from: Int, hours: Int) -> [String] {
            stride(from: from, to: from + hours * 3_600, by: 60).compactMap { second in
                let parts = calendar.dateComponents(
                    [.weekday, .hour, .minute], from: Date(timeIntervalSince1970: Double(second)))
                let time = WallTime(
                    .sunday.advanced(by: (parts.weekday ?? 1) - 1), minute: (parts.hour ?? 0) * 60 + (parts.minute ?? 0)
                )
                return timetable.limit(at: time).rule == 1 ? time.description : nil
            }
        }
        // 2026-03-29: 02:00 is followed by 03:00. 2026-10-25: 03:00 is followed by 02:00.
        let short = minutes(from: 1_774_738_800, hours: 23)
        #expect(short.first == "sun 03:00" && short.last == "sun 17:59" && short.count == 900)
        let long = minutes(from: 1_792_879_200, hours: 25)
        #expect(long.first == "sun 02:30" && long.last == "sun 17:59" && long.count == 930 + 30)
    }

    @Test("times are read and written in one form, with the day where it is not the next that comes")
    func text() throws {
        for text in ["mon 00:00", "sun 23:59"] { #expect(WallTime(text)?.description == text) }
        for text in ["", "mon", "mon 24:00", "mon 1:2", "xyz 10:00", "mon 10:60", "mon -1:00", "mon 10:00 x"] {
            #expect(WallTime(text) == nil, "\(text)")
        }
        let now = try time("mon 09:00")
        for (then, text) in [
            ("mon 18:00", "18:00"), ("tue 08:59", "08:59"), ("tue 09:00", "09:00"), ("tue 09:01", "tue 09:01"),
            ("mon 08:00", "mon 08:00"),
        ] {
            #expect(try time(then).text(after: now) == text)
        }
    }
}
