package import Engine
package import Logging
package import MirrorFS
package import SyncModel
package import Outbox

/// How log lines are written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// Journal entries with fields under systemd, text elsewhere.
    case auto
    /// Lines for people.
    case text
    /// A JSON object a line.
    case json
}

/// A configuration that has been checked: every value is in range and they fit together.
///
/// Only `ConfigFile` makes one from a file. It is an immutable value to whoever gets it; a reload makes another.
package struct Config: Equatable, Sendable {
    /// `[account]`: which app, which sign-in, which server.
    package var account = AccountSettings()
    /// `[mirror]`: what is mirrored where, and how it looks on disk.
    package var mirror = MirrorSettings()
    /// `[export]`: in which form online documents come.
    package var exports = ExportSettings()
    /// `[state]`: where dbxsync keeps its own books.
    package var state = StateSettings()
    /// `[schedule]`: when it asks.
    package var schedule = ScheduleSettings()
    /// `[transfer]`: how fast it fetches.
    package var transfer = TransferSettings()
    /// `[outbox]`: which folder goes up.
    package var outbox = OutboxTable()
    /// `[guard]`: from when on removals and replacements are held.
    package var brake = GuardSettings()
    /// `[trash]`: how long and how much of what was removed or replaced is kept.
    package var trash = TrashSettings()
    /// `[history]`: how long and how much of the history is kept.
    package var history = HistorySettings()
    /// `[on_change.NAME]`: what is run for changes of the mirror, by NAME.
    package var onChange: [String: OnChangeSettings] = [:]
    /// `[metrics]`: what it counts for others.
    package var metrics = MetricsSettings()
    /// `[heartbeat]`: whom it tells that all is well.
    package var heartbeat = HeartbeatSettings()
    /// `[log]`: what it tells.
    package var log = LogSettings()

    /// The defaults.
    package init() {}
}

extension Config {
    /// Which app, which sign-in, which server.
    package struct AccountSettings: Equatable, Sendable {
        /// Key of the Dropbox app; never empty in a checked configuration.
        package var appKey = ""
        /// Secret of an app that cannot use PKCE.
        package var appSecret: String?
        /// Absolute path of the file that `dbxsync auth` writes.
        package var credentials = "/var/lib/dbxsync/credentials.json"
        /// One base URL without a slash at its end, for API, content, notify and OAuth alike; nil: Dropbox's own hosts.
        package var endpoint: String?
        /// Absolute path of a PEM bundle to trust instead of the system's.
        package var caFile: String?
        /// Proxy URL; nil: what the environment says.
        package var proxy: String?
        /// The same without a password in it, for showing.
        package var shownProxy: String? { proxy.map(URLText.withoutPassword) }
        /// Mirror the team space instead of the member's own folder.
        package var teamSpace = false
        /// Mirror this namespace, such as a shared folder, instead; nil: none.
        package var namespace: String?
    }

    /// What is mirrored where, and how it looks on disk.
    package struct MirrorSettings: Equatable, Sendable {
        /// Absolute path of the mirror; never empty in a checked configuration.
        package var directory = ""
        /// The Dropbox folder: empty for all, else `/…` without a slash at its end.
        package var remoteRoot = ""
        /// Patterns of what is left out.
        package var exclude: [SelectionPattern] = []
        /// Patterns of what is taken; all if there are none.
        package var include: [SelectionPattern] = []
        /// Patterns of what may be missing if it cannot be mirrored as it is.
        package var accept: [SelectionPattern] = []
        /// What happens to files that are not ours.
        package var localChanges = LocalChanges.aside
        /// Mode of files.
        package var fileMode: UInt32 = 0o640
        /// Mode of directories.
        package var directoryMode: UInt32 = 0o750
        /// Name or number of the group of what is made; nil: as in the folder that it is made in.
        package var group: String?
        /// Whether to learn from the kernel what others do in the mirror.
        package var watch = true
        /// What becomes of files of others that are in nobody's way.
        package var strangers = Strangers.keep
        /// Bytes that stay free: downloads wait below it; 0 for no reserve.
        package var minFreeSpace: Int64 = 1 << 30
        /// Larger files are left alone, bytes; nil: none are.
        package var maxSize: Int64?
        /// Whether symbolic links are made that lead to a place in the mirror; else they are only told of.
        package var createsSymlinks = false
    }

    /// What of the Dropbox folder is mirrored, and in which form.
    package var selection: Selection {
        var exports = exports
        // It is part of what is mirrored only where something holds it.
        if DocumentKind.allCases.contains(where: { exports[$0] == .link }) {
            exports.webAddress += LinkFile.encoded(mirror.remoteRoot, keeping: UInt8(ascii: "/"))
        }
        return Selection(
            include: mirror.include, exclude: mirror.exclude, maxSize: mirror.maxSize, exports: exports,
            symlinks: mirror.createsSymlinks)
    }

    /// Where dbxsync keeps its own books.
    package struct StateSettings: Equatable, Sendable {
        /// Absolute path of the directory of `state.db` and `lock`.
        package var directory = "/var/lib/dbxsync"
    }

    /// When it asks.
    package struct ScheduleSettings: Equatable, Sendable {
        /// Time between requests for changes.
        package var interval = Duration.seconds(300)
        /// Also wake as soon as Dropbox reports a change.
        package var longpoll = true
        /// Time between full comparisons of the listing; nil: never.
        package var relist: Duration? = .seconds(7 * 86_400)
        /// Time between comparisons of the mirror by stat; nil: only at a start.
        package var sweep: Duration? = .seconds(3600)
        /// The time in which every file of the mirror is read again; nil: never.
        package var scrub: Duration? = .seconds(30 * 86_400)
        /// How long ago the mirror may have been known to be in step; nil: never mind.
        package var maxStaleness: Duration? = .seconds(3600)
    }

    /// How fast it fetches.
    package struct TransferSettings: Equatable, Sendable {
        /// Downloads at once.
        package var parallel = 16
        /// Bytes per second for all transfers together; nil: unlimited.
        package var bandwidth: Int64?
        /// Folders of many small files come as one zip.
        package var bulk = true
        /// Other limits at other times.
        package var timetable: [BandwidthRule] = []

        /// Which limit applies when.
        package var limits: BandwidthTimetable { BandwidthTimetable(usual: bandwidth, rules: timetable) }
    }

    /// Which folder goes up.
    package struct OutboxTable: Equatable, Sendable {
        /// Absolute path of the watched folder; nil: there is no outbox.
        package var directory: String?
        /// The Dropbox folder that receives what lies in it: empty for the top, else `/…`; set in a checked
        /// configuration with an outbox.
        package var remoteFolder: String?
        /// What becomes of a file afterwards.
        package var after = AfterUpload.keep
        /// How long a file has to be left alone.
        package var settle = Duration.seconds(2)
        /// Patterns of what is left alone.
        package var exclude: [SelectionPattern] = []
        /// It lies in the mirror, where the folder stands that it goes to.
        package var insideMirror = false

        /// What is watched; nil: nothing.
        package var settings: OutboxSettings? {
            guard let directory, let remoteFolder else { return nil }
            return OutboxSettings(
                directory: directory, remoteFolder: remoteFolder, after: after, settle: settle, exclude: exclude)
        }
    }

    /// What it counts for others.
    package struct MetricsSettings: Equatable, Sendable {
        /// Absolute path of the file that is kept for node_exporter; nil: none.
        package var textfile: String?
    }

    /// Whom it tells that all is well.
    package struct HeartbeatSettings: Equatable, Sendable {
        /// URL that is asked for while the mirror is in step, a secret; nil: nobody is told.
        package var url: String?
        /// Time between heartbeats.
        package var interval = Duration.seconds(300)
    }

    /// What it tells.
    package struct LogSettings: Equatable, Sendable {
        /// The least urgent level that is written.
        package var level: Logger.Level
        /// How it is written.
        package var format: LogFormat

        /// The defaults, unless something else is given.
        package init(level: Logger.Level = .info, format: LogFormat = .auto) {
            self.level = level
            self.format = format
        }
    }
}
