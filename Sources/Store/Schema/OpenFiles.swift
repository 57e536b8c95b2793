import FileSystem
import Glibc

/// The files that an open state consists of, and what has to stay beside them.
///
/// Whoever removes or replaces one takes the state away from the process that has it open: that would go on writing to
/// what nobody finds again.
struct OpenFiles: Sendable {
    private struct Known: Sendable {
        var path: String
        var identity: Identity
    }

    private struct Identity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64

        /// The identity of what stands at `path`; `nil` for nothing.
        ///
        /// - Throws: `StoreError` with `.inputOutput` if that cannot be told.
        init?(_ path: String) throws(StoreError) {
            var status = stat()
            if stat(path, &status) == 0 {
                (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
                return
            }
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw StoreError(
                code: .inputOutput, message: "\(path) cannot be looked at: \(SystemError(errno))")
        }
    }

    private let log: String
    private var known: [Known] = []

    /// Takes note of what stands at a state file's path, of its logs and of `others`; what is not there is not missed.
    init(_ path: String, others: [String]) throws(StoreError) {
        log = path + "-wal"
        for file in [path, log, path + "-shm"] + others {
            if let identity = try Identity(file) { known.append(Known(path: file, identity: identity)) }
        }
    }

    /// Makes sure that all of it is still where it was.
    ///
    /// - Throws: `StoreError` with `.takenAway`.
    func check() throws(StoreError) {
        for file in known {
            let now = try Identity(file.path)
            if now == file.identity { continue }
            throw StoreError(
                code: .takenAway,
                message: "\(file.path) was \(now == nil ? "removed" : "replaced") while it was in use",
                hint: "dbxsync ends, and nothing more is changed; at the next start a state that is lost is made anew: "
                    + "the account is listed, and the files that are there are taken over")
        }
    }

    /// Whether closing removes no log but our own: SQLite removes it by its name.
    var isLogOurs: Bool {
        do {
            guard let now = try Identity(log) else { return true }
            return known.contains { $0.path == log && $0.identity == now }
        } catch {
            return false
        }
    }
}
