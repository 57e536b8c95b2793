import Configuration
import Dropbox
import Engine
import MirrorFS
import Store
import SyncModel
import Outbox

/// What `dbxsync status` knows, as one value: the JSON document of `--json`, sizes in bytes.
struct StatusReport: Encodable, Sendable {
    /// Whether the mirror equals the account as far as is known, and that is known of late.
    var inStep: Bool
    /// The time for which the mirror is known to have equalled the account; null if it never did.
    @Nullable var inStepAsOf: Moment?
    /// The time for which the disk is known to be as recorded: when it was last compared, or now where all folders are
    /// watched; null if it never was.
    @Nullable var diskAsOf: Moment?
    /// When Dropbox was last asked for changes.
    @Nullable var checkedAt: Moment?
    /// When the last full listing was completed.
    @Nullable var listedAt: Moment?
    /// Whether `in_step_as_of` is longer ago than the schedule allows, or Dropbox cannot be compared with: the daemon
    /// waits for it, or no daemon runs and the last pass failed.
    var stale: Bool
    /// Whether a full listing is under way.
    var listing: Bool
    /// Whose account it is.
    var account: Account
    /// What is mirrored where.
    var mirror: Mirror
    /// What is still to be done.
    var backlog: Backlog
    /// The limit on bandwidth in effect: the daemon's, or where none runs that of the configuration; null if there is
    /// none and no timetable.
    @Nullable var limit: TransferLimit?
    /// The daemon, if one runs.
    @Nullable var daemon: Daemon?
    /// The last pass that did something.
    @Nullable var lastPass: LastPass?
    /// The number of paths that failed and are tried again.
    var failing: Int
    /// The number of paths that cannot be mirrored as they are.
    var parked: Int
    /// The number of paths that cannot be mirrored as they are and may be missing, by `mirror.accept`.
    var accepted: Int
    /// What is held, or was rejected; null if nothing is.
    @Nullable var held: Held?
    /// The number of entries of the account that could not be read and have no path to be listed under.
    var unread: Int
    /// These entries, at most a thousand.
    var unreadEntries: [UnreadEntry]
    /// The number of entries of the account that `mirror.exclude` and `mirror.include` leave out.
    var leftOut: Int
    /// The paths that failed or cannot be mirrored, at most a thousand.
    var issues: [Path] { didSet { troubles = issues } }
    /// The same under the key of version 0.1.0.
    private(set) var troubles: [Path]
    /// How many files and folders of others stand in the mirror, in nobody's way; what is in such a folder is not counted.
    var strangers: Int
    /// Their paths, at most a thousand.
    var strangerPaths: [String]
    /// How well the bytes of the mirror's files are known.
    var proofs: Proofs
    /// The outbox; null if none is configured.
    @Nullable var outbox: Outbox?
    /// The last state file that was damaged, as long as it is kept; null if none is.
    @Nullable var damagedState: DamagedFile?
    /// Why the last daemon has ended by itself; null if it did not, or one runs.
    @Nullable var daemonEnd: DaemonEnd? = nil
    /// Why the file of `metrics.textfile` says nothing that is true; null if it does, or no daemon runs that writes it.
    @Nullable var textfileProblem: String? = nil
    /// Why heartbeats are not sent; null if they are, none is configured, or no daemon runs.
    @Nullable var heartbeatProblem: Unsent? = nil

    /// Whose account it is.
    struct Account: Encodable, Sendable {
        @Nullable var id: String?
        @Nullable var name: String?
    }

    /// Removals and replacements that are more than the guard lets through.
    struct Held: Encodable, Sendable {
        /// The number of paths.
        var paths: Int
        /// Files that would be removed.
        var removals: Int
        /// Files that would be replaced.
        var replacements: Int
        /// Of these files, those whose replacement was rejected.
        var rejected: Int
        var bytes: Int64
        /// Since when the oldest hold is held.
        var since: Moment
        /// Why the last one is.
        var reason: String
        /// The folder that all of the last one is in.
        var folder: String
        /// Each of them, the oldest first.
        var holds: [One] = []

        /// What is held together.
        struct One: Encodable, Sendable {
            var id: Int64
            /// The folder that all of it is in.
            var folder: String
            var reason: String
            var rejected: Bool
        }
    }

    /// What is mirrored where, and how much there is in the account.
    struct Mirror: Encodable, Sendable {
        var directory: String
        var remoteRoot: String
        /// Whether that lies in the team space.
        var teamSpace = false
        /// The id of the namespace that it lies in, if one is named.
        var namespace: String?
        var files: Int
        var folders: Int
        var bytes: Int64

        /// What of Dropbox is mirrored, for people.
        var source: String { (namespace.map(AccountSpace.namespace) ?? (teamSpace ? .team : .own)).folder(remoteRoot) }
    }

    /// The watched folder whose files go up.
    struct Outbox: Encodable, Sendable {
        var directory: String
        var remoteFolder: String
        /// The number of files that wait for their first or next upload.
        var waiting: Int
        var waitingBytes: Int64
        /// The number of files that stand there and are uploaded.
        var uploaded: Int
        /// The number of files that failed and are tried again.
        var failing: Int
        /// The number of files that Dropbox does not take as they are.
        var parked: Int
        /// Those that failed or are parked, at most a thousand.
        let issues: [Path]
        /// The same under the key of version 0.1.0.
        let troubles: [Path]
    }

    /// When bytes were last seen to be right: of a download, of `verify`, or by `schedule.scrub`.
    struct Proofs: Encodable, Sendable {
        /// The number of files that stand.
        var files: Int
        /// The number of those of which it is not known.
        var unknown: Int
        /// The earliest time of the others; null if there are none.
        @Nullable var oldest: Moment?
        /// The time in seconds in which all of them are read again; null if they are not.
        @Nullable var scrub: Int64?
    }

    /// What is still to be done.
    struct Backlog: Encodable, Sendable {
        var files: Int
        var bytes: Int64
        var folders: Int
        var removals: Int

        /// Whether there is none.
        var isNothing: Bool { files + folders + removals == 0 }
    }

    /// A running daemon.
    struct Daemon: Encodable, Sendable {
        var pid: Int32
        /// What it does; null if it has not said it, or not of late.
        @Nullable var now: LiveStatus?
        /// Whether it should have said something since, so that nothing is known of the mirror.
        var silent: Bool
        /// Whether it was stopped by a signal such as SIGSTOP, and does nothing before another one lets it go on.
        var stopped = false
        /// Whether it makes a single pass, as `dbxsync sync` does.
        var onePass = false
        /// The mirror directory that it works on; null if it has not said it.
        @Nullable var directory: String?

        /// Why it says nothing of a mirror directory; nil if it does.
        func refusal(of configured: String) -> String? {
            guard let directory, directory != configured else { return nil }
            return "mirror.directory is \(configured), and the daemon works on \(directory); restart it"
        }
    }

    /// Heartbeats that cannot be sent.
    struct Unsent: Encodable, Sendable {
        var since: Moment
        var reason: String

        init?(_ problem: HeartbeatProblem?) {
            guard let problem else { return nil }
            (since, reason) = (Moment(problem.since), problem.reason)
        }
    }

    /// How a daemon has ended.
    struct DaemonEnd: Encodable, Sendable {
        var at: Moment
        var exitCode: Int32
        var reason: String

        init?(_ end: LastEnd?) {
            guard let end else { return nil }
            (at, exitCode, reason) = (Moment(end.at), end.exitCode, end.reason)
        }
    }

    /// A pass that did something.
    struct LastPass: Encodable, Sendable {
        var began: Moment
        var ended: Moment
        var outcome: String
        var placed: Int
        var removed: Int
        var bytes: Int64
        var failed: Int
    }

    /// An entry of the account that could not be read.
    struct UnreadEntry: Encodable, Sendable {
        /// What it says of itself.
        var what: String
        var reason: String
        var seenAt: Moment
    }

    /// Whether the mirror is in step, and nothing in the outbox has failed.
    var isWell: Bool { inStep && (outbox.map { $0.failing + $0.parked == 0 } ?? true) }

    /// A state file that was damaged.
    struct DamagedFile: Encodable, Sendable {
        /// Where it is kept.
        var kept: String
        var setAsideAt: Moment
        /// Whether the account was listed whole since, so that the state is whole again.
        var rebuilt: Bool
    }

    /// One path that is not as in the account.
    struct Path: Encodable, Sendable {
        var path: String
        /// `failing`, `parked` or `accepted`.
        var state: String
        var reason: String
        var attempts: Int
        /// What is parked is looked at again then, or as soon as it changes in the account.
        @Nullable var nextTry: Moment?
    }

}

extension StatusReport {
    /// Asks the state file, and the daemon if one runs; without one, what a daemon would see is looked at.
    ///
    /// - Parameters:
    ///   - store: the state, for reading.
    ///   - config: what is configured.
    ///   - paths: how many paths are listed of each kind.
    /// - Throws: `StoreError` if the state cannot be read, or is damaged.
    static func ask(_ store: StateStore, config: Config, paths: Int = mostPaths) async throws -> StatusReport {
        let daemon = Daemon.running(config)
        // A daemon reads all of it at its start, and with each comparison of the disk.
        if daemon == nil { try await store.verifyChecksums() }
        return try await gather(store, config: config, daemon: daemon, paths: paths).doubting(config, store)
    }

    /// Asks in a time that does not grow with the account, as long as a daemon runs.
    ///
    /// Of a long backlog is told what `StateStore.backlogAtAGlance` says. Without a daemon, which would do it, the whole
    /// state is compared with its checksums.
    ///
    /// Whether all is well is judged as `ask` does.
    ///
    /// - Parameters:
    ///   - paths: how many paths are listed of each kind.
    ///   - isWhole: whether proofs, and what is left out, are told, too: as the daemon has last read them.
    static func glance(
        _ store: StateStore, config: Config, now: Timestamp, paths: Int = mostPaths, isWhole: Bool = false
    ) async throws -> StatusReport {
        let daemon = Daemon.running(config)
        if daemon == nil { try await store.verifyChecksums() }
        let acceptance = Acceptance(config.mirror.accept)
        let glance = Glance(
            backlog: try await store.backlogAtAGlance(accepting: acceptance),
            issues: try await store.pathIssues(limit: paths, accepting: acceptance, isGlance: true))
        // What the daemon has not told is read.
        let extents = isWhole ? Extents.told(config) : Extents()
        return try await gather(
            store, config: config, daemon: daemon, now: now, paths: paths, extents: extents,
            glance: glance
        ).doubting(config, store)
    }

    /// What is to be done and what fails, as far as a glance tells.
    struct Glance: Sendable {
        fileprivate var backlog: Store.Backlog
        fileprivate var issues: [PathIssue]
    }

    /// The same, in doubt if the state, or the daemon, is about another mirror than the configuration.
    private func doubting(_ config: Config, _ store: StateStore) async throws -> StatusReport {
        var report = self
        report.lookAround(config)
        var refusal = Self.refusal(ofFolder: config.mirror.remoteRoot, try await store.progress().origin?.folder)
        if let daemon, !daemon.onePass {
            // It checks the mirror itself, and waits for one that is away.
            refusal = refusal ?? daemon.refusal(of: config.mirror.directory)
        } else if refusal == nil {
            refusal = try await Self.refusal(ofMirror: config, store)
        }
        if let refusal { report.doubt(refusal) }
        return report
    }

    /// Why nothing is known of a folder of Dropbox if the last pass was about another one; nil if there was none.
    static func refusal(ofFolder folder: String, _ known: String?) -> String? {
        guard let known, known.pathKey != folder.pathKey else { return nil }
        func name(_ folder: String) -> String { folder.isEmpty ? "the whole Dropbox" : folder }
        return "mirror.remote_root is \(name(folder)), and the last pass was about \(name(known)); "
            + "after a restart it is known whether these are the same"
    }

    /// Takes up what is beside the state: why no daemon runs, and what one leaves undone.
    mutating func lookAround(_ config: Config) {
        let end = daemon == nil ? LastEnd.read(config) : nil
        // Somebody has asked Dropbox since, as `dbxsync sync` does.
        daemonEnd = DaemonEnd(end.flatMap { $0.at >= checkedAt?.time ?? .distantPast ? $0 : nil })
        textfileProblem = TextfileLook.problem(config)
    }

    /// Why the mirror directory is not the mirror that the state is about; nil if it is, or there is none yet.
    private static func refusal(ofMirror config: Config, _ store: StateStore) async throws -> String? {
        guard let expected = try await store.progress().mirrorID else { return nil }
        let disk = DiskInquiry(of: config.mirror.directory)
        return await disk.answer { () -> String? in
            do {
                _ = try MirrorTree.openReadOnly(at: disk.directory, expecting: expected)
                return nil
            } catch {
                return UnitShield.reason(disk.directory) ?? "\(error)"
            }
        } ?? disk.silence
    }

    /// Takes up why nothing is known of the mirror as a whole.
    mutating func doubt(_ reason: String) {
        inStep = false
        failing += 1
        issues.insert(Path(path: "/", state: "failing", reason: reason, attempts: 0, nextTry: nil), at: 0)
    }

    private static let mostPaths = 1000

    /// What only reading all of the state tells.
    struct Extents: Codable, Equatable, Sendable {
        /// Entries of the account that the patterns leave out.
        fileprivate var leftOut = 0
        /// Files that stand, those of them of which no proof is known, and the earliest proof of the others.
        fileprivate var (files, unknown): (Int, Int) = (0, 0)
        fileprivate var oldest: Timestamp?

        /// What the running daemon has last read; nil if none runs, or it has not told it.
        static func told(_ config: Config) -> Extents? {
            InstanceLock.holder(stateDirectory: config.state.directory).flatMap(MetricsWord.read)?.extents
        }

        /// Reads all of want and have.
        static func read(_ store: StateStore, config: Config, now: Timestamp) async throws -> Extents {
            let proofs = try await store.proofs(sparing: config.engineSettings.outboxKey, now: now)
            return Extents(
                leftOut: try await store.leftOut(by: store.selection), files: proofs.files, unknown: proofs.unknown,
                oldest: proofs.oldest)
        }
    }

    /// Reads everything from the state file.
    ///
    /// - Parameters:
    ///   - mostPaths: how many paths are listed of each kind; all are counted.
    ///   - extents: what is known of the whole already; nil to read it.
    ///   - glance: what is known of the backlog already; nil to read it.
    static func gather(
        _ store: StateStore, config: Config, daemon: Daemon?, now: Timestamp = .now, paths mostPaths: Int = mostPaths,
        extents: Extents? = nil, glance: Glance? = nil
    ) async throws -> StatusReport {
        let known: Extents
        if let extents { known = extents } else { known = try await Extents.read(store, config: config, now: now) }
        let account = try await store.extent()
        var progress = try await store.progress()
        progress.forgetFuture(now: now)
        let acceptance = Acceptance(config.mirror.accept)
        let backlog: Store.Backlog
        let failing: [PathIssue]
        if let glance {
            (backlog, failing) = (glance.backlog, glance.issues)
        } else {
            backlog = try await store.backlog(accepting: acceptance)
            failing = try await store.pathIssues(limit: mostPaths, accepting: acceptance)
        }
        let lastPass = try await store.lastPass()
        let isStale =
            progress.inStepAsOf.map { Freshness(config.schedule).isExceeded(since: $0, now: now) } ?? true
            || daemon.map { $0.silent || $0.now?.phase == "waiting" } ?? false
            || (daemon == nil && lastPass?.isFailure == true)
        // New patterns take effect with the next pass.
        let isSelected = store.selection == config.selection
        let found = try await store.findings(limit: mostPaths)
        // What may be missing comes last.
        let paths = failing.filter { !$0.isAccepted } + failing.filter(\.isAccepted)
        let issues = found.unproven.map(Path.init(unproven:)) + paths.map { Path($0) }
        let snapshot = SyncSnapshot(
            progress: progress, isSelected: isSelected, backlog: backlog, unproven: found.unproven.count)
        let diskAsOf =
            daemon?.now?.isWatched == true
            ? now
            : [try await store.sweptAt().flatMap { Store.Progress.known($0, now: now) }, daemon?.now?.diskAsOf]
                .compactMap(
                    \.self
                ).max()
        let isDiskKnown =
            diskAsOf.map { !Freshness(disk: config.schedule).isExceeded(since: $0, now: now) } ?? false
        var daemon = daemon
        // The daemon may not have told yet that another rule applies.
        let told = daemon?.now.flatMap { $0.limit?.until == WallTime(now) ? nil : $0 }.map(\.limit)
        let limit = told ?? TransferLimit(config.transfer.limits, now: now)
        let heartbeat = daemon?.now?.heartbeat
        daemon?.now?.limit = nil  // it stands beside the daemon
        daemon?.now?.heartbeat = nil  // likewise
        return StatusReport(
            inStep: snapshot.isInStep && !isStale && isDiskKnown,
            inStepAsOf: progress.inStepAsOf.map(Moment.init),
            diskAsOf: diskAsOf.map(Moment.init),
            checkedAt: progress.checkedAt.map(Moment.init), listedAt: progress.listedAt.map(Moment.init),
            stale: isStale, listing: progress.isListing,
            account: Account(id: progress.origin?.account, name: progress.origin?.accountName),
            mirror: Mirror(
                directory: config.mirror.directory, remoteRoot: config.mirror.remoteRoot,
                teamSpace: config.account.teamSpace, namespace: config.account.namespace, files: account.files,
                folders: account.folders, bytes: account.bytes),
            backlog: Backlog(
                files: backlog.pendingFiles, bytes: backlog.pendingBytes, folders: backlog.pendingFolders,
                removals: backlog.pendingRemovals),
            limit: limit, daemon: daemon, lastPass: lastPass.map(LastPass.init),
            failing: backlog.failing + found.unproven.count,
            parked: backlog.parked, accepted: backlog.accepted,
            held: Held(try await store.holds(), paths: backlog.held),
            unread: backlog.unread,
            unreadEntries: try await store.unread(limit: mostPaths).map {
                UnreadEntry(what: $0.what, reason: $0.reason, seenAt: Moment($0.seenAt))
            },
            leftOut: known.leftOut,
            issues: issues, troubles: issues,
            strangers: found.strangers, strangerPaths: found.strangerPaths,
            proofs: Proofs(
                files: known.files, unknown: known.unknown, oldest: known.oldest.map(Moment.init),
                scrub: config.schedule.scrub?.components.seconds),
            outbox: try await outbox(store, config.outbox, mostPaths: mostPaths),
            damagedState: DamagedState.kept(beside: config.stateFile).last.map {
                DamagedFile(kept: $0.path, setAsideAt: Moment($0.setAsideAt), rebuilt: progress.everListed)
            }, heartbeatProblem: Unsent(heartbeat))
    }

    private static func outbox(
        _ store: StateStore, _ table: Config.OutboxTable, mostPaths: Int
    ) async throws -> Outbox? {
        guard let settings = table.settings else { return nil }
        let backlog = try await store.outboxBacklog()
        let issues = try await store.outboxIssues(limit: mostPaths).map { Path($0, in: settings.directory) }
        return Outbox(
            directory: settings.directory, remoteFolder: settings.remoteFolder, waiting: backlog.waiting,
            waitingBytes: backlog.bytes, uploaded: backlog.uploaded, failing: backlog.failing, parked: backlog.parked,
            issues: issues, troubles: issues)
    }

}

extension StatusReport.Held {
    /// - Returns: nil if nothing is held or rejected.
    init?(_ holds: [Hold], paths: Int) {
        let counted = holds.filter { $0.status != .approved && $0.files + $0.folders > 0 }
        guard let first = counted.first, let last = counted.last else { return nil }
        let held = counted.filter { $0.status == .held }
        self.init(
            paths: paths, removals: held.reduce(0) { $0 + $1.removals },
            replacements: held.reduce(0) { $0 + $1.replacements },
            rejected: counted.filter { $0.status == .rejected }.reduce(0) { $0 + $1.files + $1.folders },
            bytes: counted.reduce(0) { $0.saturatingSum($1.bytes) }, since: Moment(first.began), reason: last.reason,
            folder: last.folder,
            holds: counted.map {
                One(id: $0.id, folder: $0.folder, reason: $0.reason, rejected: $0.status == .rejected)
            })
    }
}

extension StatusReport.LastPass {
    fileprivate init(_ pass: PassRecord) {
        self.init(
            began: Moment(pass.began), ended: Moment(pass.ended), outcome: pass.outcome,
            placed: pass.placed, removed: pass.removed, bytes: pass.bytes, failed: pass.failed)
    }
}

extension StatusReport.Path {
    /// What could not be looked at, so that nothing is known of it.
    fileprivate init(unproven: Findings.Unproven) {
        self.init(
            path: unproven.path, state: "failing", reason: "cannot be looked at: \(unproven.reason)", attempts: 0,
            nextTry: nil)
    }

    /// - Parameter folder: what the path is below of; nil for the mirror.
    fileprivate init(_ issue: PathIssue, in folder: String? = nil) {
        let path = folder.map { issue.path.isEmpty ? $0 : "\($0)/\(issue.path)" }
        self.init(
            path: path ?? issue.path,
            state: issue.isAccepted ? "accepted" : issue.isParked ? "parked" : "failing", reason: issue.reason,
            attempts: issue.attempts, nextTry: issue.nextTry.map(Moment.init))
    }
}

extension StatusReport.Daemon {
    /// The daemon of a configuration; nil if none runs.
    static func running(_ config: Config) -> StatusReport.Daemon? {
        InstanceLock.holder(stateDirectory: config.state.directory).map {
            StatusReport.Daemon(
                $0, $0.word.flatMap(StatusWord.read), at: LockHolder.monotonicSeconds(),
                isStopped: ProcessState.isStopped($0.pid))
        }
    }

    /// Who holds the state directory, and what it says; a word of somebody else, or one older than its heartbeat allows,
    /// is none.
    init(_ holder: LockHolder, _ word: StatusWord?, at time: Int64, isStopped: Bool = false) {
        (pid, stopped, onePass) = (holder.pid, isStopped, holder.word == nil)
        let said = word.flatMap { $0.pid == holder.pid && $0.heartbeat >= holder.since ?? 0 ? $0 : nil }
        let isFresh = !isStopped && said?.isFresh(at: time) ?? false
        now = isFresh ? said?.now : nil
        directory = said?.directory
        // Who has no place for a word makes one pass, and says how it went at its end.
        silent =
            isStopped
            || holder.word != nil && !isFresh && (said != nil || StatusWord.isDue(since: holder.since, at: time))
    }
}
