import Dropbox
import FileSystem
import Glibc
import MirrorFS
import SyncModel
import Synchronization

/// How the daemons of one account on this machine tell each other for how long Dropbox wants no requests, so that they do
/// not fight.
///
/// Each writes a small file where it also says how it gets on, in memory, and looks for those of the others: in its own
/// runtime directory, and beside that in those of `dbxsync` and `dbxsync@NAME`. Nobody writes where another one is at home,
/// and what cannot be read or written is as if there were nothing.
final class SharedPauses: PauseNews {
    /// What such a file says.
    struct Word: Codable, Equatable, Sendable {
        /// Until when, in milliseconds of the machine's monotonic clock.
        var until: Int64
    }

    private struct State {
        var account: String?
        /// When it was looked last, on the same clock.
        var looked: Int64?
        /// What is known already.
        var seen: [String: Stamp] = [:]
    }

    /// What tells a file from the one that it replaces.
    private struct Stamp: Equatable {
        var inode: ino_t
        var seconds, nanoseconds: Int
    }

    private let directory: String
    /// What its own files are called at the end.
    private let ending: String
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - place: where the daemon says how it gets on.
    ///   - now: milliseconds of the machine's monotonic clock.
    /// - Returns: nil where that is on a disk: it is to be asked for nothing.
    init?(_ place: StatusPlace, now: @escaping @Sendable () -> Int64 = SharedPauses.monotonicMilliseconds) {
        guard place.every == StatusPlace.beatInMemory, let directory = place.path.pathAboveLastSlash,
            let name = place.path.pathComponents.last
        else { return nil }
        (self.directory, ending, self.now) = (directory, name, now)
    }

    static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Learns whose requests these are; before that nothing is told and nothing heard.
    func identify(_ account: String) { state.withLock { $0.account = Self.word(for: account) } }

    /// The account as it stands in names of files: enough of its SHA-256, which says nothing about it.
    private static func word(for account: String) -> String {
        let hasher = SHA256Hasher()
        Array(account.utf8).withUnsafeBytes { hasher.update($0) }
        return hasher.finish().prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // MARK: Telling

    func tell(_ pause: Duration) {
        guard let account = state.withLock({ $0.account }) else { return }
        let word = Word(until: now() + Self.milliseconds(pause))
        _ = WordFile.write(word, to: "\(directory)/pause-\(account)-\(ending)")  // then nobody hears of it
    }

    private static func milliseconds(_ pause: Duration) -> Int64 {
        Int64(min(max(.zero, pause), longest) / .milliseconds(1))
    }

    // MARK: Hearing

    /// No pause of others is believed for longer.
    static let longest = Duration.seconds(600)
    /// Between two looks, in milliseconds.
    private static let rest: Int64 = 500
    /// Directories, and files of one of them, that are looked at.
    private static let most = 64
    /// Far more than a word has.
    private static let largest = 256

    func heard() -> Duration? {
        state.withLock { state in
            let time = now()
            if let looked = state.looked, 0..<Self.rest ~= time - looked { return nil }
            state.looked = time
            guard let account = state.account else { return nil }
            let ends = files(of: account).compactMap { end(of: $0, &state.seen) }
            let left = ends.map { Self.left(until: $0, at: time) }.max() ?? .zero
            return left > .zero ? left : nil
        }
    }

    /// How long a pause goes on; nothing that a file may say is too absurd.
    static func left(until end: Int64, at time: Int64) -> Duration {
        let (left, overflow) = end.subtractingReportingOverflow(time)
        if overflow { return end > time ? longest : .zero }
        return min(max(.zero, .milliseconds(left)), longest)
    }

    /// What a file says, if that is new.
    private func end(of file: String, _ seen: inout [String: Stamp]) -> Int64? {
        var info = stat()
        guard lstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        let stamp = Stamp(inode: info.st_ino, seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec)
        if seen[file] == stamp { return nil }
        seen[file] = stamp
        return WordFile.read(Word.self, at: file, most: Self.largest)?.until
    }

    /// The files of the others.
    private func files(of account: String) -> [String] {
        let above = directory.pathAboveLastSlash ?? ""
        let siblings = Self.names(in: above.isEmpty ? "/" : above) { $0 == "dbxsync" || $0.hasPrefix("dbxsync@") }
        let (prefix, own) = ("pause-\(account)-", "\(directory)/pause-\(account)-\(ending)")
        return Set([directory] + siblings.map { "\(above)/\($0)" }).sorted().flatMap { folder in
            Self.names(in: folder) { $0.hasPrefix(prefix) && $0.hasSuffix(".json") }.map { "\(folder)/\($0)" }
        }.filter { $0 != own }
    }

    private static func names(in folder: String, _ isWanted: (String) -> Bool) -> [String] {
        guard let names = try? DirectoryEntries(of: folder).names() else { return [] }
        return Array(names.filter(isWanted).sorted().prefix(most))
    }
}
