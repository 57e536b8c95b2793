import CSystemd
import Glibc
import Logging

/// Log events as journal entries with fields.
struct JournalLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private var ownLevel: Logger.Level?
    private let threshold: LogThreshold
    private let fallback: Terminal

    /// Sends to the journal what the threshold lets through; `fallback` gets what the journal refuses.
    init(threshold: LogThreshold, fallback: Terminal) {
        self.threshold = threshold
        self.fallback = fallback
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
        let message = event.message.description
        let entry = JournalEntry(level: event.level, message: message, metadata: all, error: event.error)
        guard Self.send(entry.encoded) < 0 else { return }
        // sd-daemon(3): the journal reads the priority from the prefix of a plain line.
        fallback.write(line: "<\(JournalEntry.priority(event.level))>" + LogText.line(message, all, error: event.error))
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
