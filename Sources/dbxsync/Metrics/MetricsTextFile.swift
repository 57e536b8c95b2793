import Engine
import FileSystem
import Logging

/// The file that the daemon keeps for node_exporter; what is wrong with it is told once an hour.
actor MetricsTextFile {
    private let logger: Logger
    private var reminder = FailureReminder()
    /// Its disk may not answer, and then nothing else waits for it.
    private let thread = DiskPool(threads: 1)

    init(logger: Logger) { self.logger = logger }

    /// Replaces the file at `path`, for everybody to read.
    ///
    /// - Returns: whether it could.
    func write(_ text: String, to path: String, now: ContinuousClock.Instant = .now) async -> Bool {
        do {
            try await thread.run { try Self.replace(path, text) }
            if reminder.succeeded() { logger.notice("metrics.textfile \(path) is written again") }
            return true
        } catch {
            let problem = Self.problem(path, error)
            if reminder.isDue(problem, now: now) {
                logger.warning("\(problem)", metadata: ["event": "textfile_failed"])
            }
            return false
        }
    }

    /// The draft has another ending: node_exporter reads whatever ends in `.prom`.
    private static func replace(_ path: String, _ text: String) throws {
        try replaceFile(
            at: path, with: Array(text.utf8), mode: 0o644, exactly: true, draft: .named(path + ".new"),
            durability: .none)
    }

    private static func problem(_ path: String, _ error: any Error) -> String {
        let cause = (error as? ReplaceError).map { "\($0.cause)" } ?? "\(error)"
        return "metrics.textfile \(path) cannot be written: \(cause); its directory must be there and writable for "
            + "dbxsync, also in the service's sandbox (see: dbxsync check-config --drop-in); it is tried again"
    }
}
