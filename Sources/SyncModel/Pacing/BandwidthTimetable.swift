/// A day of the week.
public enum Weekday: Int, CaseIterable, Hashable, Comparable, Sendable {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday

    /// The day that many days later, or earlier.
    public func advanced(by days: Int) -> Weekday {
        let all = Weekday.allCases
        return all[((rawValue + days) % all.count + all.count) % all.count]
    }

    /// Three letters: `mon`.
    public var name: String { String("\(self)".prefix(3)) }

    /// From Monday on.
    public static func < (a: Weekday, b: Weekday) -> Bool { a.rawValue < b.rawValue }
}

/// What clocks on the wall say, to the minute: a day of the week and a time of day.
///
/// Where clocks are changed, some of these never come and some come twice.
public struct WallTime: Hashable, Sendable, LosslessStringConvertible {
    /// The minutes of a day.
    public static let minutesOfDay = 1_440

    /// The day.
    public var day: Weekday
    /// Minutes since its midnight, below 1,440.
    public var minute: Int

    /// Makes a time of a minute from 0 to 1,439.
    public init(_ day: Weekday, minute: Int) {
        self.day = day
        self.minute = minute
    }

    /// Reads what `description` has written.
    public init?(_ description: String) {
        let words = description.split(separator: " ")
        guard words.count == 2, let day = Weekday.allCases.first(where: { $0.name == words[0] }),
            let minute = Self.minute(of: String(words[1])), minute < Self.minutesOfDay
        else { return nil }
        self.init(day, minute: minute)
    }

    /// `mon 08:00`.
    public var description: String { "\(day.name) \(clock)" }

    /// The time of day: `08:00`.
    public var clock: String { Self.clock(minute) }

    /// Minutes since midnight as `08:00`; `24:00` for the end of the day.
    public static func clock(_ minute: Int) -> String {
        func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(twoDigits(minute / 60)):\(twoDigits(minute % 60))"
    }

    /// The minutes since midnight that `8:00`, `08:00` or `24:00` is; nil if it is no time of day.
    public static func minute(of clock: String) -> Int? {
        let parts = clock.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
            parts.joined().allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
        else { return nil }
        let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } }
        let minute = numbers[0] * 60 + numbers[1]
        return numbers[1] < 60 && minute <= minutesOfDay ? minute : nil
    }

    /// The time of day alone, if it comes within the 24 hours after `now`; else with its day.
    public func text(after now: WallTime) -> String {
        let isSoon = day == now.day.advanced(by: minute > now.minute ? 0 : 1)
        return isSoon ? clock : description
    }
}

/// Another limit on bandwidth on some days, between two times of day.
public struct BandwidthRule: Hashable, Sendable {
    /// The days on which it begins.
    public var days: Set<Weekday>
    /// The minute of the day from which it applies, below 1,440.
    public var from: Int
    /// The minute of the day from which it does not, at most 1,440; one that is not after `from` is of the next day.
    public var to: Int
    /// Bytes per second; nil: unlimited.
    public var rate: Int64?

    /// Makes a rule, which applies always unless something else is said.
    public init(
        days: Set<Weekday> = Set(Weekday.allCases), from: Int = 0, to: Int = WallTime.minutesOfDay, rate: Int64? = nil
    ) {
        self.days = days
        self.from = from
        self.to = to
        self.rate = rate
    }

    /// Whether it applies.
    ///
    /// One that passes midnight belongs to the day on which it begins.
    public func applies(at time: WallTime) -> Bool {
        let isToday = days.contains(time.day)
        if from < to { return isToday && (from..<to).contains(time.minute) }
        return (isToday && time.minute >= from) || (time.minute < to && days.contains(time.day.advanced(by: -1)))
    }
}

/// A limit on bandwidth with where it comes from.
public struct BandwidthLimit: Hashable, Sendable {
    /// Bytes per second; nil: unlimited.
    public var rate: Int64?
    /// The number of the rule, counted from 1; nil if none applies.
    public var rule: Int?
    /// When another rule, or none, applies next; nil: never.
    public var until: WallTime?

    /// Makes a limit.
    public init(rate: Int64?, rule: Int? = nil, until: WallTime? = nil) {
        self.rate = rate
        self.rule = rule
        self.until = until
    }
}

/// Which limit on bandwidth applies when.
///
/// A function of what clocks on the wall say and of nothing else: neither a change to summer time nor a clock that jumps
/// can confuse it, if it is asked often enough.
public struct BandwidthTimetable: Hashable, Sendable {
    /// Bytes per second where no rule applies; nil: unlimited.
    public var usual: Int64?
    /// The rules; the first that applies counts.
    public var rules: [BandwidthRule]

    /// Makes a timetable.
    public init(usual: Int64?, rules: [BandwidthRule] = []) {
        self.usual = usual
        self.rules = rules
    }

    /// Whether nothing is ever limited.
    public var isUnlimited: Bool { usual == nil && rules.isEmpty }

    /// What applies at a time.
    public func limit(at time: WallTime) -> BandwidthLimit {
        let rule = rule(at: time)
        return BandwidthLimit(
            rate: rule.map { rules[$0].rate } ?? usual, rule: rule.map { $0 + 1 },
            until: changes(after: time).first { self.rule(at: $0) != rule })
    }

    private func rule(at time: WallTime) -> Int? { rules.firstIndex { $0.applies(at: time) } }

    /// The times of the week after `time` at which anything can change, in their order.
    private func changes(after time: WallTime) -> some Sequence<WallTime> {
        let minutes = Set(rules.flatMap { [$0.from, $0.to % WallTime.minutesOfDay] } + [0]).sorted()
        return (0...7).lazy.flatMap { days in
            minutes.lazy.filter { days == 0 ? $0 > time.minute : days < 7 || $0 <= time.minute }
                .map { WallTime(time.day.advanced(by: days), minute: $0) }
        }
    }
}
