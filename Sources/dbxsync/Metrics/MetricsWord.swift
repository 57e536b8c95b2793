import MirrorFS
import SyncModel

/// What a running daemon has counted and read, as it tells other processes: a small file beside its `StatusWord`.
struct MetricsWord: Codable, Equatable, Sendable {
    /// Who says it.
    var pid: Int32
    /// Its state directory; nil in the word of an earlier version.
    var state: String? = nil
    /// When, in seconds of the machine's monotonic clock.
    var time: Int64
    /// After how many seconds it is said again at the latest; nil in the word of an earlier version.
    var every: Int64? = nil
    /// What is said.
    var counters: DaemonCounters
    /// What others would have to read the whole state for; nil if it could not be read.
    var extents: StatusReport.Extents?

    /// Where it lies: beside the status word, under a name of the same kind.
    static func path(beside status: String) -> String {
        let slash = status.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { status[...$0] } ?? ""
        let name = slash.map { status[status.utf8.index(after: $0)...] } ?? status[...]
        return folder + "metrics" + (name.hasPrefix("status") ? name.dropFirst("status".count) : "-" + name)
    }

    /// What the holder of a lock says; nil if that is nothing, somebody else's, or too old to be true.
    static func read(of holder: LockHolder) -> MetricsWord? {
        guard let path = holder.word.map(path(beside:)),
            let word = WordFile.read(MetricsWord.self, at: path, most: largest), word.pid == holder.pid,
            word.time >= holder.since ?? 0,
            word.every.map({
                StatusWord.isFresh(said: word.time, every: $0, at: LockHolder.monotonicSeconds())
            }) ?? true
        else { return nil }
        return word
    }

    /// Two hundred times what it ever has.
    private static let largest = 1 << 20

    /// Replaces the file at `path`.
    ///
    /// - Returns: whether it could.
    func write(_ path: String) -> Bool { WordFile.write(self, to: path) }
}
