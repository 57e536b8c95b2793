import Configuration
import Dropbox
import Glibc
import SyncModel

/// Why the last daemon of a state directory ended by itself, for who asks later: a small file there.
struct LastEnd: Codable, Equatable, Sendable {
    var at: Timestamp
    var exitCode: Int32
    /// What it has logged about it, in one line.
    var reason: String

    /// Many times what a reason ever has.
    private static let largest = 64 << 10

    private static func path(_ config: Config) -> String { config.state.directory + "/ended.json" }

    /// - Returns: nil if the last daemon was stopped, still runs or was killed.
    static func read(_ config: Config) -> LastEnd? { WordFile.read(LastEnd.self, at: path(config), most: largest) }

    /// Takes down that a daemon ends; not of one that has found another at work, which goes on.
    static func note(_ failure: Failure, _ config: Config, now: Timestamp = .now) {
        guard failure.exitCode != .held else { return }
        let reason = failure.message.split(separator: "\n").joined(separator: "; ")
        let end = LastEnd(at: now, exitCode: failure.exitCode.rawValue, reason: String(reason.prefix(4_000)))
        _ = WordFile.write(end, to: path(config))  // where that cannot be, the log still says it
    }

    /// Forgets what an earlier daemon has left.
    static func forget(_ config: Config) { unlink(path(config)) }
}
