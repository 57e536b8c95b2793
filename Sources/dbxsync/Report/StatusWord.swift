import Engine
import Glibc
import MirrorFS

/// What a running daemon says of itself to other processes: a small file, replaced by rename.
///
/// It lies where no failing disk can keep it from being written: in memory, if there is a place for it. Whether the daemon
/// still runs is told by the lock, which also says where this file is; whether it still knows what it says is told by
/// the heartbeat.
struct StatusWord: Codable, Equatable, Sendable {
    /// Who says it.
    var pid: Int32
    /// Its state directory; nil in the word of an earlier version.
    var state: String? = nil
    /// Its mirror directory; nil in the word of an earlier version.
    var directory: String? = nil
    /// When, in seconds of the machine's monotonic clock.
    var heartbeat: Int64
    /// After how many seconds it is said again at the latest.
    var every: Int64
    /// What is said.
    var now: LiveStatus

    /// The seconds by which a heartbeat may be late, on a machine that has much to do.
    private static let grace: Int64 = 30

    /// Whether it is younger than its heartbeat allows at `time` of the monotonic clock.
    func isFresh(at time: Int64) -> Bool { Self.isFresh(said: heartbeat, every: every, at: time) }

    /// Whether what was said then, and is said again after so many seconds, is to be believed at `time`.
    static func isFresh(said: Int64, every: Int64, at time: Int64) -> Bool {
        let age = time.subtractingReportingOverflow(said)
        let limit = every.multipliedReportingOverflow(by: 2)
        guard !age.overflow, !limit.overflow, every > 0 else { return false }
        return (0...max(0, limit.partialValue).addingGrace(grace)).contains(age.partialValue)
    }

    /// Whether a daemon that began at `since` should have said something at `time`, both of the monotonic clock.
    static func isDue(since: Int64?, at time: Int64) -> Bool {
        guard let since else { return false }
        let (age, overflow) = time.subtractingReportingOverflow(since)
        return overflow || age > 2 * StatusPlace.beatInMemory + grace
    }

    /// More than sixteen downloads with the longest paths need.
    private static let largest = 512 << 10

    /// Reads what is said at `path`; nil if that is nothing.
    static func read(_ path: String) -> StatusWord? { WordFile.read(StatusWord.self, at: path, most: largest) }

    /// Replaces the file at `path`.
    ///
    /// - Returns: whether it could.
    @discardableResult
    func write(_ path: String) -> Bool { WordFile.write(self, to: path) }
}

extension Int64 {
    fileprivate func addingGrace(_ grace: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(grace)
        return overflow ? .max : sum
    }
}

/// Where a daemon's word lies, and how often it is said again there.
struct StatusPlace: Equatable, Sendable {
    var path: String
    /// Seconds between two heartbeats when nothing changes.
    var every: Int64

    /// In memory a heartbeat costs nothing.
    static let beatInMemory: Int64 = 30
    /// On a disk it wakes the disk.
    private static let beatOnDisk: Int64 = 300

    /// Chooses the place for the daemon of a state directory: the service manager's, /run, the user's own part of it, or
    /// beside the state where there is nothing of the kind.
    static func choose(stateDirectory: String) -> StatusPlace {
        for (directory, isOurs) in candidates where isOurs || makePrivate(directory) {
            guard access(directory, W_OK | X_OK) == 0 else { continue }
            return StatusPlace(path: "\(directory)/\(name(stateDirectory))", every: beatInMemory)
        }
        return StatusPlace(path: stateDirectory + "/status.json", every: beatOnDisk)
    }

    /// Directories, and whether somebody has made them for us already (systemd.exec(5), RuntimeDirectory=).
    private static var candidates: [(String, isOurs: Bool)] {
        let given = variable("RUNTIME_DIRECTORY")?.split(separator: ":").first.map { (String($0), true) }
        let own = variable("XDG_RUNTIME_DIR").map { ($0 + "/dbxsync", false) }
        return [given, ("/run/dbxsync", false), own].compactMap(\.self)
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    /// Makes a directory that nobody else can write to; one that is there already has to be like that.
    private static func makePrivate(_ directory: String) -> Bool {
        if mkdir(directory, 0o750) == 0 { return true }
        var status = stat()
        return errno == EEXIST && lstat(directory, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    /// A name of its own for each state directory: FNV-1a of its path without links.
    private static func name(_ stateDirectory: String) -> String {
        var real = stateDirectory
        if let path = realpath(stateDirectory, nil) {
            real = String(cString: path)
            free(path)
        }
        let hash = real.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return "status-\(String(repeating: "0", count: 16 - digits.count))\(digits).json"
    }
}
