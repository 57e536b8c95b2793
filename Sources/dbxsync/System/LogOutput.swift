import Configuration
import Glibc
import Logging

extension Logger {
    /// Tells nobody anything.
    static let silent = Logger(label: "dbxsync.silent") { _ in SwiftLogNoOpLogHandler() }
}

/// Where log lines go: to the journal with fields when the service manager connected us to it, else to standard error;
/// `log.format` may want lines there in any case.
struct LogOutput: Sendable {
    /// Changes level and format of every logger made here.
    let control: LogControl
    /// Standard error, shared with the progress line.
    let terminal: Terminal
    /// True when standard error is the journal.
    let isJournal: Bool

    /// Logs as it is configured.
    ///
    /// - Parameter config: the configuration, which what is advised then names.
    init(_ settings: Config.LogSettings, config: String) {
        self.init(level: settings.level, config: config)
        control.change(to: settings)
    }

    /// Decides by JOURNAL_STREAM.
    init(
        level: Logger.Level, terminal: Terminal = .standardError, config: String = DropIn.file(ofInstance: nil)
    ) {
        control = LogControl(level, config: config)
        self.terminal = terminal
        isJournal = Self.isJournalStream(
            getenv("JOURNAL_STREAM").map { String(cString: $0) }, descriptor: STDERR_FILENO)
    }

    /// A logger that writes there.
    func logger() -> Logger {
        Logger(label: "dbxsync") { _ in
            OutputLogHandler(control: control, terminal: terminal, isJournal: isJournal)
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
