import Glibc
import Logging
import Synchronization

/// The least urgent level that is written, shared by all loggers, so that a reload changes all of them.
final class LogThreshold: Sendable {
    private let stored: Mutex<Logger.Level>

    /// Starts at a level.
    init(_ level: Logger.Level) { stored = Mutex(level) }

    /// The level in force.
    var level: Logger.Level {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}

/// Where log lines go: to the journal with fields when the service manager connected us to it, else to standard error.
struct LogOutput: Sendable {
    /// Changes the level of every logger made here.
    let threshold: LogThreshold
    /// Standard error, shared with the progress line.
    let terminal: Terminal
    /// True when lines go to the journal.
    let isJournal: Bool

    /// Decides by JOURNAL_STREAM.
    init(level: Logger.Level, terminal: Terminal = .standardError) {
        threshold = LogThreshold(level)
        self.terminal = terminal
        isJournal = Self.isJournalStream(
            getenv("JOURNAL_STREAM").map { String(cString: $0) }, descriptor: STDERR_FILENO)
    }

    /// A logger that writes there.
    func logger() -> Logger {
        Logger(label: "dbxsync") { _ in
            if isJournal { return JournalLogHandler(threshold: threshold, fallback: terminal) }
            return TerminalLogHandler(threshold: threshold, terminal: terminal)
        }
    }

    /// True when `stream`, as `DEVICE:INODE`, is what the descriptor is connected to.
    ///
    /// systemd.exec(5): the variable is inherited by programs whose output was redirected since, hence the comparison.
    static func isJournalStream(_ stream: String?, descriptor: Int32) -> Bool {
        guard let parts = stream?.split(separator: ":"), parts.count == 2 else { return false }
        guard let device = UInt64(parts[0]), let inode = UInt64(parts[1]) else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }
}
