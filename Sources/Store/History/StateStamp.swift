import Glibc
public import SyncModel

/// When a state file and its log were last written, as stat(2) tells it.
struct StateStamp: Hashable, Sendable {
    private struct File: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
            (seconds, nanoseconds) = (Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec))
        }
    }

    private let file: File?
    private let log: File?

    init(_ path: String) { (file, log) = (File(path), File(path + "-wal")) }

    /// The later one of the two.
    var written: Timestamp {
        Timestamp(seconds: max(file?.seconds ?? .min, log?.seconds ?? .min))
    }
}

/// Tells without reading it whether a state file may have changed since somebody looked at it.
public struct StateWatch: Sendable {
    /// A file system may give two writes that follow closely the same time.
    private static let doubt: Int64 = 2

    private let path: String
    private var seen: StateStamp?
    private var isSure = false

    /// Watches the state file at `path`, whether there is one or not; nothing was looked at yet.
    public init(_ path: String) { self.path = path }

    /// Whether it is to be looked at; it counts as looked at after that.
    public mutating func isDue(now: Timestamp) -> Bool {
        let stamp = StateStamp(path)
        if isSure && stamp == seen { return false }
        seen = stamp
        isSure = now.seconds(since: stamp.written) > Self.doubt
        return true
    }

    /// Has it looked at again in any case: the look has failed.
    public mutating func forget() { isSure = false }
}
