import Configuration
import Dropbox
import Glibc
import MirrorFS
import Store
import SyncModel

/// Everything that metrics tell, as one value.
struct MetricsFacts: Sendable {
    /// The name of the instance.
    var mirror: String
    /// When all of this was known.
    var now: Timestamp
    /// Whether a daemon runs, and says how it gets on.
    var isUp: Bool
    /// How the mirror stands; nil if that is not known.
    var report: StatusReport?
    /// What was removed or replaced and is kept.
    var trash: Trash?
    /// What the daemon has counted; nil if none runs, or it has not said it.
    var counters: DaemonCounters?
    /// Bytes that can be written to the mirror's disk; nil if that is not known.
    var freeBytes: Int64?
    /// Whether there is a sign-in that is not known to be of no use; nil if that is not known.
    var isSignedIn: Bool?
    /// What is configured to be allowed.
    var limits: Limits

    /// How much is in the trash.
    struct Trash: Sendable {
        var items: Int
        var bytes: Int64
    }

    /// What is configured to be allowed.
    struct Limits: Sendable {
        /// How long ago the mirror may have been known to be in step; nil for as long as it likes.
        var staleness: Duration?
        /// Bytes below which downloads wait.
        var freeBytes: Int64

        init(_ config: Config) {
            staleness = config.schedule.maxStaleness
            freeBytes = config.mirror.minFreeSpace
        }
    }

    /// The name of the instance with a configuration file: `work` for `/etc/dbxsync/work.conf`, else `dbxsync`.
    static func instance(_ file: String) -> String {
        let name = file.pathComponents.last ?? ""
        // Two mirrors with one name could not be told apart.
        if name == "dbxsync.conf", file.pathComponents.dropLast().last == "dbxsync" { return "dbxsync@dbxsync" }
        let bare = name.hasSuffix(".conf") ? String(name.dropLast(".conf".count)) : name
        return bare.isEmpty ? "dbxsync" : bare
    }
}

extension MetricsFacts {
    /// Asks state file and daemon, in a time that does not grow with the account as long as one runs.
    ///
    /// - Parameters:
    ///   - config: what is configured.
    ///   - file: where that stands, which names the instance.
    /// - Throws: what `Failure.of` understands.
    static func gather(_ config: Config, file: String, now: Timestamp = .now) async throws -> MetricsFacts {
        try await gather(try config.readableState(), config, file: file, now: now)
    }

    /// The same, of a state that is open.
    static func gather(
        _ store: StateStore, _ config: Config, file: String, now: Timestamp
    ) async throws -> MetricsFacts {
        let counted = InstanceLock.holder(stateDirectory: config.state.directory).flatMap(MetricsWord.read)?.counters
        // Not asked of a disk while a daemon knows. Meanwhile the report asks it, too: both may wait for it in vain.
        async let free = counted == nil ? freeBytes(config.mirror.directory) : nil
        let report = try await StatusReport.glance(store, config: config, now: now, paths: 0, isWhole: true)
        let counters = report.daemon.flatMap { _ in counted }
        return MetricsFacts(
            mirror: instance(file), now: now, isUp: report.daemon.map { !$0.silent } ?? false, report: report,
            trash: Trash(try await store.trashExtent()), counters: counters,
            freeBytes: counters == nil ? await free : counters?.freeBytes,
            isSignedIn: counters.map { !$0.isSignedOut } ?? hasSignIn(config), limits: Limits(config))
    }

    /// - Returns: nil if the disk does not tell, or does not answer.
    private static func freeBytes(_ directory: String) async -> Int64? {
        await DiskInquiry(of: directory).answer { try? DiskSpace(of: directory).free } ?? nil
    }

    /// Whether there is a sign-in of which nothing bad is known; that is known without asking Dropbox.
    ///
    /// - Returns: nil if it cannot be read.
    private static func hasSignIn(_ config: Config) -> Bool? {
        let file = Connection.credentialsFile(config)
        do {
            _ = try file.read()
            var status = stat()
            guard let end = LastEnd.read(config), end.exitCode == ExitCode.signedOut.rawValue,
                stat(file.path, &status) == 0
            else { return true }
            // One that was made since may be good.
            return Int64(status.st_mtim.tv_sec) > end.at.seconds
        } catch {
            return disposition(of: error) == .signedOut ? false : nil
        }
    }
}

extension MetricsFacts.Trash {
    init(_ extent: (items: Int, bytes: Int64)) { self.init(items: extent.items, bytes: extent.bytes) }
}
