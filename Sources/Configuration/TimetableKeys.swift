import SyncModel
import TextFormatting

/// One key of a `[[transfer.timetable]]` table: its name and its form.
struct TimetableKey: Sendable {
    /// Its name in the table.
    let name: String
    /// Reads a literal, or what was found instead, into a rule.
    let read: @Sendable (ConfigLiteral?, String, inout BandwidthRule) throws(ConfigValueError) -> Void
    /// The value as it would be written.
    let show: @Sendable (BandwidthRule) -> ConfigLiteral?

    private init<Value>(
        _ name: String, _ property: any WritableKeyPath<BandwidthRule, Value> & Sendable, _ form: ConfigForm<Value>
    ) {
        self.name = name
        read = { literal, found, rule throws(ConfigValueError) in
            rule[keyPath: property] = try form.read(literal, found)
        }
        show = { form.show($0[keyPath: property]) }
    }

    /// All keys, in the order of the sample file.
    static let all = [
        TimetableKey("days", \.days, .weekdays),
        TimetableKey("from", \.from, .timeOfDay(last: WallTime.minutesOfDay - 1)),
        TimetableKey("to", \.to, .timeOfDay(last: WallTime.minutesOfDay)),
        TimetableKey("bandwidth", \.rate, .rateOrUnlimited(least: 1_000, shown: "unlimited")),
    ]

    /// What to say about a key that is none of these.
    static func unknown(_ name: String) -> String {
        if Config.keys.contains(where: { $0.path == "transfer.\(name)" }) {
            return "unknown key; \(name) belongs under [transfer], above the first [[\(Config.timetableKey)]]"
        }
        let near = Suggestions.nearest(name, among: all.map(\.name)).map { ", did you mean \($0)?" }
        return "unknown key" + (near ?? "; there are " + all.map(\.name).joined(separator: ", "))
    }
}

extension Config {
    /// The list of tables that gives other limits at other times.
    static let timetableKey = "transfer.timetable"
    /// More rules than a week can use.
    static let mostRules = 100
}

extension BandwidthRule {
    /// Why it can never apply; nil if it can.
    var problem: String? {
        guard from == to else { return nil }
        return
            "never applies: it begins and ends at \"\(WallTime.clock(from))\"; for the whole day leave out from and to"
    }
}

extension ConfigForm where Value == [BandwidthRule] {
    /// A list of rules; `ConfigReader` reads the tables themselves.
    static let timetable = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard literal == .list([]) else {
                throw ConfigValueError("is a list of tables: write [[\(Config.timetableKey)]], found \(found)")
            }
            return []
        },
        show: { rules in
            .tables(
                rules.map { rule in
                    TimetableKey.all.compactMap { key in key.show(rule).map { ConfigMember(key.name, $0) } }
                })
        })
}

extension ConfigForm where Value == Int {
    /// A time of day in minutes since midnight.
    static func timeOfDay(last: Int) -> ConfigForm {
        ConfigForm(
            read: { literal, found throws(ConfigValueError) in
                guard case .text(let text) = literal else {
                    throw ConfigValueError("must be a time of day in quotes such as \"08:00\", found \(found)")
                }
                guard let minute = WallTime.minute(of: text), minute <= last else {
                    let range = "\"00:00\" to \"\(WallTime.clock(last))\""
                    throw ConfigValueError("\(quoted(text)) is not a time of day such as \"08:00\", from \(range)")
                }
                return minute
            },
            show: { .text(WallTime.clock($0)) })
    }
}

extension ConfigForm where Value == Set<Weekday> {
    /// Days of the week: `mon-fri`, `sat,sun`, `daily`.
    static let weekdays = ConfigForm(
        read: { literal, found throws(ConfigValueError) in
            guard case .text(let text) = literal else {
                throw ConfigValueError("must be days such as \"mon-fri\" or \"sat,sun\", found \(found)")
            }
            return try WeekdaysText.read(text)
        },
        show: { .text(WeekdaysText.show($0)) })
}

/// Days of the week as they are written.
enum WeekdaysText {
    private static let daily = "daily"

    /// Reads days and ranges of days, with commas between them; a range may pass the end of the week.
    static func read(_ text: String) throws(ConfigValueError) -> Set<Weekday> {
        let plain = text.lowercased().filter { $0 != " " }
        if plain == daily { return Set(Weekday.allCases) }
        var days: Set<Weekday> = []
        for part in plain.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(day)
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
                throw ConfigValueError(
                    "\(quoted(text)) does not name days: write \"mon-fri\", \"sat,sun\" or \"daily\"; "
                        + "the days are \(Weekday.allCases.map(\.name).joined(separator: ", "))")
            }
            let length = (last.rawValue - first.rawValue + Weekday.allCases.count) % Weekday.allCases.count
            days.formUnion((0...length).map(first.advanced(by:)))
        }
        return days
    }

    /// The shortest way to write them.
    static func show(_ days: Set<Weekday>) -> String {
        if days.count == Weekday.allCases.count { return daily }
        var runs: [[Weekday]] = []
        for day in days.sorted() {
            if let last = runs.last?.last, last.rawValue + 1 == day.rawValue {
                runs[runs.count - 1].append(day)
            } else {
                runs.append([day])
            }
        }
        return runs.map { run in
            run.count > 2 ? "\(run[0].name)-\(run[run.count - 1].name)" : run.map(\.name).joined(separator: ",")
        }.joined(separator: ",")
    }

    private static func day(_ text: Substring) -> Weekday? { Weekday.allCases.first { $0.name == text } }
}
