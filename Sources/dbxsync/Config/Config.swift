import Engine
import Logging
import MirrorFS
import SyncModel
import Outbox

/// A configuration that has been checked: every value is in range and they fit together.
///
/// Only `ConfigFile` makes one from a file. It is an immutable value to whoever gets it; a reload makes another.
struct Config: Equatable, Sendable {
    /// `[account]`: which app, which sign-in, which server.
    var account = AccountSettings()
    /// `[mirror]`: what is mirrored where, and how it looks on disk.
    var mirror = MirrorSettings()
    /// `[state]`: where dbxsync keeps its own books.
    var state = StateSettings()
    /// `[schedule]`: when it asks.
    var schedule = ScheduleSettings()
    /// `[transfer]`: how fast it fetches.
    var transfer = TransferSettings()
    /// `[outbox]`: which folder goes up.
    var outbox = OutboxTable()
    /// `[log]`: what it tells.
    var log = LogSettings()
}

extension Config {
    /// Which app, which sign-in, which server.
    struct AccountSettings: Equatable, Sendable {
        /// Key of the Dropbox app; never empty in a checked configuration.
        var appKey = ""
        /// Secret of an app that cannot use PKCE.
        var appSecret: String?
        /// Absolute path of the file that `dbxsync auth` writes.
        var credentials = "/var/lib/dbxsync/credentials.json"
        /// One base URL without a slash at its end, for API, content, notify and OAuth alike; nil: Dropbox's own hosts.
        var endpoint: String?
        /// Absolute path of a PEM bundle to trust instead of the system's.
        var caFile: String?
        /// Proxy URL; nil: what the environment says.
        var proxy: String?
        /// Mirror the team space instead of the member's own folder.
        var teamSpace = false
    }

    /// What is mirrored where, and how it looks on disk.
    struct MirrorSettings: Equatable, Sendable {
        /// Absolute path of the mirror; never empty in a checked configuration.
        var directory = ""
        /// The Dropbox folder: empty for all, else `/…` without a slash at its end.
        var remoteRoot = ""
        /// Patterns of what is left out.
        var exclude: [SelectionPattern] = []
        /// Patterns of what is taken; all if there are none.
        var include: [SelectionPattern] = []
        /// Patterns of what may be missing if it cannot be mirrored as it is.
        var accept: [SelectionPattern] = []
        /// What happens to files that are not ours.
        var localChanges = LocalChanges.aside
        /// Mode of files.
        var fileMode: UInt32 = 0o640
        /// Mode of directories.
        var directoryMode: UInt32 = 0o750
        /// Name or number of the group of what is made; nil: as in the folder that it is made in.
        var group: String?
        /// Whether to learn from the kernel what others do in the mirror.
        var watch = true
        /// What becomes of files of others that are in nobody's way.
        var strangers = Strangers.keep
        /// Bytes that stay free: downloads wait below it; 0 for no reserve.
        var minFreeSpace: Int64 = 1 << 30

        /// What of the Dropbox folder is mirrored.
        var selection: Selection { Selection(include: include, exclude: exclude) }
    }

    /// Where dbxsync keeps its own books.
    struct StateSettings: Equatable, Sendable {
        /// Absolute path of the directory of `state.db` and `lock`.
        var directory = "/var/lib/dbxsync"
    }

    /// When it asks.
    struct ScheduleSettings: Equatable, Sendable {
        /// Time between requests for changes.
        var interval = Duration.seconds(300)
        /// Also wake as soon as Dropbox reports a change.
        var longpoll = true
        /// Time between full comparisons of the listing; nil: never.
        var relist: Duration? = .seconds(7 * 86_400)
        /// Time between comparisons of the mirror by stat; nil: only at a start.
        var sweep: Duration? = .seconds(3600)
        /// The time in which every file of the mirror is read again; nil: never.
        var scrub: Duration? = .seconds(30 * 86_400)
        /// How long ago the mirror may have been known to be in step; nil: never mind.
        var maxStaleness: Duration? = .seconds(3600)
    }

    /// How fast it fetches.
    struct TransferSettings: Equatable, Sendable {
        /// Downloads at once.
        var parallel = 16
        /// Bytes per second for all transfers together; nil: unlimited.
        var bandwidth: Int64?
        /// Folders of many small files come as one zip.
        var bulk = true
    }

    /// Which folder goes up.
    struct OutboxTable: Equatable, Sendable {
        /// Absolute path of the watched folder; nil: there is no outbox.
        var directory: String?
        /// The Dropbox folder that receives what lies in it: empty for the top, else `/…`; set in a checked
        /// configuration with an outbox.
        var remoteFolder: String?
        /// What becomes of a file afterwards.
        var after = AfterUpload.keep
        /// How long a file has to be left alone.
        var settle = Duration.seconds(2)
        /// Patterns of what is left alone.
        var exclude: [SelectionPattern] = []
        /// It lies in the mirror, where the folder stands that it goes to.
        var insideMirror = false

        /// What is watched; nil: nothing.
        var settings: OutboxSettings? {
            guard let directory, let remoteFolder else { return nil }
            return OutboxSettings(
                directory: directory, remoteFolder: remoteFolder, after: after, settle: settle, exclude: exclude)
        }
    }

    /// What it tells.
    struct LogSettings: Equatable, Sendable {
        /// The least urgent level that is written.
        var level = Logger.Level.info
    }
}
