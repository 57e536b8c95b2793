import Dropbox
import Logging
import SyncModel
import TextFormatting

/// Log lines for people: time, level, text.
///
/// On a terminal the local time of day is enough; in a file it is the full time in UTC (RFC 3339).
struct TerminalLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?
    private let threshold: LogThreshold
    private let terminal: Terminal

    /// Writes to a terminal what the threshold lets through.
    init(threshold: LogThreshold, terminal: Terminal) {
        self.threshold = threshold
        self.terminal = terminal
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? threshold.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        let text = LogText.line(event.message.description, all, error: event.error)
        terminal.write(
            line: Self.line(
                event.level, text, at: .now, interactive: terminal.isInteractive, colour: terminal.hasColour))
    }

    /// One finished line, without its end.
    static func line(
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
