import Dropbox
import FileSystem
import Glibc
import MirrorFS
import SyncModel

/// The words of daemons that were killed: no service manager has removed them, and nobody reads them any more.
enum DeadWords {
    /// What every word says of who says it.
    private struct Owner: Decodable {
        var state: String?
    }

    /// More than any word has.
    private static let largest = 1 << 20

    /// Removes those that lie where a daemon says its own; it has its lock already.
    static func remove(beside place: StatusPlace, now: Timestamp = .now) {
        guard place.every == StatusPlace.beatInMemory, let directory = place.path.pathAboveLastSlash,
            let names = try? DirectoryEntries(of: directory).names()
        else { return }
        for name in names where isWord(name) {
            let path = "\(directory)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                let owner = WordFile.read(Owner.self, at: path, most: largest), let state = owner.state
            else { continue }
            let age = now.seconds(since: Timestamp(seconds: Int64(status.st_mtim.tv_sec)))
            let lock = InstanceLock.look(stateDirectory: state)
            if isDead(age: age, lock, on: LockHolder.current(state: state).host) { unlink(path) }
        }
    }

    private static func isWord(_ name: String) -> Bool {
        (name.hasPrefix("status-") || name.hasPrefix("metrics-")) && name.hasSuffix(".json")
    }

    /// Seconds after which a running daemon has said each of its words several times.
    private static let patience: Int64 = 300

    /// Judges a word by the lock of the state that it is about; pure.
    ///
    /// Process numbers say nothing: they are used again, and another container has its own.
    ///
    /// - Parameters:
    ///   - age: the seconds since it was said.
    ///   - lock: what is seen of the lock.
    ///   - host: the name of this machine: only locks of its own processes can be seen.
    static func isDead(age: Int64, _ lock: InstanceLock.Look, on host: String?) -> Bool {
        switch lock {
        case .held, .unknown: false
        case .free(let last): age >= patience || last.host == host
        case .missing: age >= patience
        }
    }
}
