import Glibc
import SyncModel
import Testing

@testable import Configuration

@Suite(.timeLimit(.minutes(5)))
struct MomentTextTests {
    private let now = Timestamp(seconds: 1_796_000_000)

    @Test(
        "a time with its zone is that moment",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-30T05:00:00Z", 1_796_014_800),
            ("2026-11-30t05:00:00z", 1_796_014_800), ("2026-11-30 05:00Z", 1_796_014_800),
            ("2026-11-30T07:30:00+02:30", 1_796_014_800), ("2026-11-29T22:00:00-07:00", 1_796_014_800),
            ("2026-11-30T05:00:00.999Z", 1_796_014_800), ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] as [(String, Int64)])
    func moments(text: String, seconds: Int64) throws {
        #expect(try MomentText.read(text, now: now) == Timestamp(seconds: seconds))
    }

    @Test(
        "a time without a zone is local time, and a date alone its midnight",
        arguments: [
            ("2026-11-30", "2026-11-30 00:00:00"), ("2026-11-30 05:00", "2026-11-30 05:00:00"),
            ("2026-11-30T05:00:07", "2026-11-30 05:00:07"), ("2026-07-01 12:30", "2026-07-01 12:30:00"),
        ])
    func localMoments(text: String, shown: String) throws {
        var time = time_t(try MomentText.read(text, now: now).seconds)
        var (parts, buffer) = (tm(), [CChar](repeating: 0, count: 32))
        localtime_r(&time, &parts)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &parts)
        #expect(String(decoding: buffer.prefix(count).map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self) == shown)
    }

    @Test(
        "a duration is that long ago",
        arguments: [("2h", 7_200), ("3d", 259_200), ("1h30min", 5_400), ("1w", 604_800), ("0", 0)] as [(String, Int64)])
    func ago(text: String, seconds: Int64) throws {
        #expect(try MomentText.read(text, now: now) == now - seconds)
    }

    @Test(
        "what is no time is refused, with examples",
        arguments: [
            "", " ", "now", "5", "2026", "2026-11", "2026-11-31", "2026-02-29", "2026-13-01", "2026-00-10",
            "2026-11-00", "2026-11-30 24:00", "2026-11-30 05:60", "2026-11-30 5:00", "2026-11-30T05:00:00.Z",
            "2026-11-30T05:00:00+2", "2026-11-30T05:00:00Zx", "2026-11-30Z", "30.11.2026", "05:00", "-2h", "+2h",
            "2026-11-30 05:00 ", "2026-11-30T",
        ])
    func noMoments(text: String) {
        let error = #expect(throws: ConfigValueError.self) { try MomentText.read(text, now: now) }
        #expect(error?.message.contains("2026-11-30 05:00") == true, "\(text)")
    }

    @Test("a unit that nobody can mean is named")
    func badUnit() {
        let error = #expect(throws: ConfigValueError.self) { try MomentText.read("5m", now: now) }
        #expect(error?.message.contains("\"min\"") == true)
    }
}
