import CSystemd
import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel

/// Log events in the format that is in force: journal entries, lines for people or JSON.
struct OutputLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?
    private let control: LogControl
    private let terminal: Terminal
    private let isJournal: Bool

    /// Writes what the control lets through to a terminal, or to the journal that is behind it.
    init(control: LogControl, terminal: Terminal, isJournal: Bool) {
        self.control = control
        self.terminal = terminal
        self.isJournal = isJournal
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? control.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        let message = CommandText.namingAdvice(control.config, in: event.message.description)
        switch control.format {
        case .json:
            write(JSONLogLine.text(event.level, message, all, error: event.error, at: .now), event.level)
        case .auto where isJournal:
            let entry = JournalEntry(level: event.level, message: message, metadata: all, error: event.error)
            if Self.send(entry.encoded) < 0 {
                write(LogText.line(message, all, error: event.error), event.level)  // what the journal refuses
            }
        case .auto, .text:
            let text = LogText.line(message, all, error: event.error)
            if isJournal { return write(text, event.level) }
            terminal.write(
                line: TerminalLogLine.text(
                    event.level, text, at: .now, interactive: terminal.isInteractive, colour: terminal.hasColour))
        }
    }

    /// Writes a plain line; sd-daemon(3): the journal reads the priority from its prefix, and takes that away.
    private func write(_ line: String, _ level: Logger.Level) {
        terminal.write(line: (isJournal ? "<\(JournalEntry.priority(level))>" : "") + line)
    }

    private static func send(_ fields: [[UInt8]]) -> Int32 {
        var flat = Array(fields.joined())
        return flat.withUnsafeMutableBytes { bytes in
            var offset = 0
            let vectors = fields.map { field in
                defer { offset += field.count }
                return iovec(iov_base: bytes.baseAddress.map { $0 + offset }, iov_len: field.count)
            }
            return sd_journal_sendv(vectors, Int32(vectors.count))
        }
    }
}
