import Dropbox
import Glibc
import SyncModel
import Synchronization
import TextFormatting

/// The limit on bandwidth that is in effect, as it is told.
struct TransferLimit: Codable, Equatable, Sendable {
    /// Nil: unlimited.
    var bytesPerSecond: Int64?
    /// The number of the rule in `transfer.timetable`, counted from 1; nil if none applies.
    var rule: Int?
    /// When another rule applies, or none, such as `mon 08:00` in local time; nil if that is never.
    var until: WallTime?

    /// - Returns: nil if nothing is ever limited.
    init?(_ timetable: BandwidthTimetable, now: Timestamp) {
        if timetable.isUnlimited { return nil }
        let limit = timetable.limit(at: WallTime(now))
        (bytesPerSecond, rule, until) = (limit.rate, limit.rule, limit.until)
    }

    /// For people: `2.0 MB/s until 18:00 (transfer.timetable, rule 1)`.
    func text(now: WallTime) -> String {
        let rate = bytesPerSecond.map { HumanText.bytes($0) + "/s" } ?? "unlimited"
        let end = until.map { " until \($0.text(after: now))" } ?? ""
        return rate + end + (rule.map { " (transfer.timetable, rule \($0))" } ?? " (transfer.bandwidth)")
    }

    /// Writes null for what is not there.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(bytesPerSecond, forKey: .bytesPerSecond)
        try container.encode(rule, forKey: .rule)
        try container.encode(until, forKey: .until)
    }
}

/// Which limit on bandwidth applies when; a reload may change it.
final class TransferLimits: Sendable {
    private let timetable: Mutex<BandwidthTimetable>

    init(_ timetable: BandwidthTimetable) { self.timetable = Mutex(timetable) }

    /// Takes what a reload has changed.
    func change(to timetable: BandwidthTimetable) { self.timetable.withLock { $0 = timetable } }

    /// What applies now.
    var now: BandwidthLimit { timetable.withLock { $0 }.limit(at: WallTime(.now)) }

    /// What there is to tell at a moment; nil if nothing is ever limited.
    func told(at now: Timestamp) -> TransferLimit? { TransferLimit(timetable.withLock { $0 }, now: now) }
}

extension WallTime {
    /// What clocks on the wall say here at a moment.
    init(_ moment: Timestamp) {
        // localtime_r alone does not notice that the machine's time zone was changed.
        tzset()
        var (time, parts) = (time_t(moment.seconds), tm())
        guard localtime_r(&time, &parts) != nil else {
            self.init(.monday, minute: 0)
            return
        }
        // tm_wday counts from Sunday.
        self.init(Weekday.sunday.advanced(by: Int(parts.tm_wday)), minute: Int(parts.tm_hour * 60 + parts.tm_min))
    }
}

extension WallTime: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = WallTime(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a day and a time of day")
        }
        self = time
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
