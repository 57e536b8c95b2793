import Configuration
import Dropbox
import FileSystem
import Glibc
import MirrorFS
import SyncModel
import TextFormatting

/// Whether the file of `metrics.textfile` is kept, as who reads it sees it.
enum TextfileLook {
    /// Seconds in which a running daemon has written it several times.
    private static let patience: Int64 = 300

    /// Looks at the file that a running daemon is to write; nil where it does, or none runs.
    static func problem(_ config: Config, now: Timestamp = .now) -> String? {
        guard let path = config.metrics.textfile,
            let since = InstanceLock.holder(stateDirectory: config.state.directory)?.since
        else { return nil }
        var status = stat()
        let isThere = stat(path, &status) == 0
        // Who may not see it knows nothing.
        if !isThere && errno != ENOENT { return nil }
        let written = isThere ? Timestamp(seconds: Int64(status.st_mtim.tv_sec)) : nil
        // The beginning is what a file says.
        let (running, isAbsurd) = LockHolder.monotonicSeconds().subtractingReportingOverflow(since)
        return isAbsurd ? nil : problem(path, written: written, running: running, now: now)
    }

    /// Judges the time of a file.
    ///
    /// - Parameters:
    ///   - written: when it was written last; nil if there is none.
    ///   - running: for how many seconds the daemon has run.
    static func problem(_ path: String, written: Timestamp?, running: Int64, now: Timestamp) -> String? {
        guard running >= patience, written.map({ now.seconds(since: $0) >= patience }) ?? true else { return nil }
        let since = written.map { "was last written \(TimeText.localAndDistance($0, from: now))" } ?? "is not there"
        return escapingControls(path) + " \(since), although the daemon runs"
    }
}
