import Logging
import SyncModel
import TextFormatting

/// Log lines for people: time, level, text; pure.
///
/// On a terminal the local time of day is enough; in a file it is the full time in UTC (RFC 3339).
enum TerminalLogLine {
    /// One finished line, without its end.
    static func text(
        _ level: Logger.Level, _ text: String, at time: Timestamp, interactive: Bool, colour: Bool
    ) -> String {
        let clock = interactive ? TimeText.clock(time) : TimeText.rfc3339(time)
        let word = HumanText.padded(level.rawValue, to: 7)
        guard colour, let code = Self.colour(of: level) else { return "\(clock) \(word) \(text)" }
        return "\(clock) \u{1B}[\(code)m\(word)\u{1B}[0m \(text)"
    }

    private static func colour(of level: Logger.Level) -> Int? {
        switch level {
        case .trace, .debug: 2
        case .info: nil
        case .notice: 36
        case .warning: 33
        case .error, .critical: 31
        }
    }
}
