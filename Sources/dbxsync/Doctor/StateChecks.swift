import Configuration
import Engine
import FileSystem
import Glibc
import MirrorFS
import Outbox
import Store
import SyncModel
import TextFormatting

/// What the state file says of the mirror, and whether it can be believed; reads only.
struct StateChecks: Sendable {
    let config: Config
    /// Who the service runs as, if that is known.
    let serviceUser: String?
    let now: Timestamp

    static let names = ["state directory", "lock", "state file", "mirror", "held removals", "paths", "rate limit"]
    static let keptNames = ["trash", "outbox", "metrics file", "heartbeat"]

    private static let mostRows = 1_000
    /// How long the mirror's disk may take for so many items of the trash.
    private static let trashPatience = Duration.seconds(10)

    /// All of them, and what they tell the others.
    struct Outcome: Sendable {
        var findings: [Finding]
        var known = DiskChecks.KnownMirror()
        /// What the state is about.
        var origin: Origin?
        var files: Int?
    }

    func outcome() async -> Outcome {
        let daemon = StatusReport.Daemon.running(config)
        let (directory, lock) = (directory, lock(daemon))
        var outcome = Outcome(findings: [])
        do {
            // A look leaves nothing beside the file.
            let found = try await StateStore.look(at: config.stateFile) { await read($0, daemon) }
            if let found {
                outcome = found
            } else {
                let nothing = Finding.skipped(Self.names[2], "no pass was made yet, or none since an upgrade")
                outcome.findings = [nothing, await outbox(nil)].compactMap(\.self)
            }
        } catch {
            outcome.findings = [.problem(Self.names[2], Failure.of(error).message)]
        }
        let others = [textfile, heartbeat(daemon?.now)].compactMap(\.self)
        outcome.findings = [directory, lock] + outcome.findings + others
        return outcome
    }

    // MARK: Directory and lock

    private var directory: Finding {
        let name = Self.names[0]
        let (path, user) = (config.state.directory, Privileges.User.current)
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT else { return .problem(name, "\(path): \(SystemError(errno))") }
            return .warning(name, "\(path) is not there yet", do: "the service makes it when it starts")
        }
        let mode = ModeWords(status)
        guard faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0 else {
            let reason = SystemError(errno)
            return .problem(
                name, "\(user.name) may not write to \(path) (\(mode)): \(reason)",
                do: geteuid() == 0 || reason.number == EROFS
                    ? "mount it for writing" : "run this as root, or as \(mode.owner)")
        }
        if let serviceUser, serviceUser != mode.owner, status.st_uid != 0 {
            return .problem(
                name, "\(path) belongs to \(mode.owner), and the service runs as \(serviceUser)",
                do: "chown -R \(serviceUser) \(path)")
        }
        if status.st_mode & 0o022 != 0 {
            return .warning(name, "others may write to \(path) (\(mode))", do: "chmod go-w \(path)")
        }
        do throws(MirrorError) {
            let space = try DiskSpace(of: path)
            if space.free < 64 << 20 || space.lacksInodes {
                return .problem(
                    name, "only \(HumanText.bytes(space.free)) are free for \(path)", do: "make room on its disk")
            }
            return .ok(name, "\(path) (\(mode)), \(HumanText.bytes(space.free)) free")
        } catch {
            return .problem(name, error.description)
        }
    }

    private func lock(_ daemon: StatusReport.Daemon?) -> Finding {
        let name = Self.names[1]
        guard let daemon else { return .ok(name, "no dbxsync works on \(config.state.directory)") }
        if daemon.stopped {
            return .problem(
                name, "PID \(daemon.pid), which holds \(config.state.directory), was stopped by a signal",
                do: "kill -CONT \(daemon.pid)")
        }
        if daemon.silent {
            return .problem(
                name, "PID \(daemon.pid) holds \(config.state.directory), and has not said how it gets on of late",
                do: "look at the disk it may wait for; restart it if it goes on like this")
        }
        return .ok(name, "PID \(daemon.pid) works on \(config.state.directory)")
    }

    // MARK: The state file

    private func read(_ store: StateStore, _ daemon: StatusReport.Daemon?) async -> Outcome {
        var outcome = Outcome(findings: [])
        do {
            try await store.verifyChecksums()
            outcome.findings.append(whole)
        } catch {
            outcome.findings.append(
                .problem(
                    Self.names[2], Failure.of(error).message,
                    do: "restart the daemon: it keeps the file aside, and makes it anew from the account and the mirror"
                ))
            return outcome
        }
        do {
            let report = try await StatusReport.gather(store, config: config, daemon: daemon, now: now)
            let progress = try await store.progress()
            outcome.known = .init(
                id: progress.mirrorID, folders: report.mirror.folders, backlogBytes: report.backlog.bytes)
            (outcome.origin, outcome.files) = (progress.origin, report.mirror.files)
            outcome.findings += [step(report), held(report), paths(report), pause(report)]
            outcome.findings.append(try await trash(store, of: progress.mirrorID))
            if let finding = await outbox(report.outbox) { outcome.findings.append(finding) }
        } catch {
            outcome.findings.append(.problem(Self.names[3], Failure.of(error).message))
        }
        return outcome
    }

    private var whole: Finding {
        let name = Self.names[2]
        if let damaged = DamagedState.kept(beside: config.stateFile).last {
            return .warning(
                name, "every row is as it was written; a damaged one is kept as \(damaged.path)",
                do:
                    "look at the disk of \(config.state.directory); remove the damaged file when it is not needed any more"
            )
        }
        return .ok(name, "every row is as it was written")
    }

    private func step(_ report: StatusReport) -> Finding {
        let name = Self.names[3]
        let text = StatusText.heading(report, now)
        if report.inStep { return .ok(name, text) }
        if report.daemon?.now.map({ !["idle", "waiting"].contains($0.phase) }) ?? false {
            return .warning(name, "\(text); the daemon is at it", do: "dbxsync status")
        }
        let advice =
            report.daemon == nil
            ? "when nothing else is wrong, start the service, or: dbxsync sync" : "dbxsync status"
        return report.checkedAt == nil ? .warning(name, text, do: advice) : .problem(name, text, do: advice)
    }

    private func held(_ report: StatusReport) -> Finding {
        let name = Self.names[4]
        guard let held = report.held else { return .ok(name, "none") }
        return .problem(name, HeldText.sentence(held), do: "dbxsync held\nand then the same with --approve or --reject")
    }

    private func paths(_ report: StatusReport) -> Finding {
        let name = Self.names[5]
        let counts = [
            (report.failing, "failing"), (report.parked, "cannot be mirrored"), (report.unread, "unreadable"),
        ]
        let said = counts.filter { $0.0 > 0 }.map { "\(HumanText.count($0.0)) \($0.1)" }
        guard !said.isEmpty else {
            let accepted = "none fails, and \(HumanText.count(report.accepted)) that cannot be mirrored may be missing"
            return .ok(name, report.accepted > 0 ? accepted : "none fails or cannot be mirrored")
        }
        let example = report.issues.first { $0.state != "accepted" }
        let first = example.map { "\nfor example \($0.path): \($0.reason)" } ?? ""
        let found = said.joined(separator: ", ") + first
        let advice = "they are listed by: dbxsync status\nmirror.accept is for those that may be missing"
        return .problem(name, found, do: advice)
    }

    private func pause(_ report: StatusReport) -> Finding {
        let name = Self.names[6]
        return Self.pause(name, report.daemon?.now, now)
    }

    /// Judges whether Dropbox has asked a daemon to wait; what else it waits for is told of the mirror.
    static func pause(_ name: String, _ live: LiveStatus?, _ now: Timestamp) -> Finding {
        guard let live else { return .skipped(name, "no daemon runs that could have been asked to wait") }
        guard let end = live.pausedUntil, end > now else {
            return .ok(name, "Dropbox has not asked the daemon to wait")
        }
        return .warning(name, "Dropbox asked for a pause until \(TimeText.soon(end, now: now))")
    }

    // MARK: What is kept, and what goes up

    private func trash(_ store: StateStore, of mirror: String?) async throws -> Finding {
        let name = Self.keptNames[0]
        let disk = DiskInquiry(of: config.mirror.directory)
        let isThere = await disk.answer {
            mirror.map { (try? MirrorTree.openReadOnly(at: disk.directory, expecting: $0)) != nil } ?? true
        }
        guard let isThere else { return .skipped(name, DiskChecks.silence) }
        guard isThere else { return .skipped(name, "the mirror it is in is not there") }
        let extent = try await store.trashExtent()
        let places = try await store.trash(limit: Self.mostRows).map(\.item.place)
        // Asked apart: a disk that is too slow for so many items may still be asked for less.
        let kept = await DiskInquiry(of: disk.directory + "/.dbxsync").answer(within: Self.trashPatience) {
            KeptFiles(in: disk.directory, places)
        }
        guard let kept else { return .skipped(name, "the disk of the mirror takes too long for it") }
        let (missing, aside) = (kept.missing, kept.aside)
        guard extent.items > 0 else { return .ok(name, "empty" + aside) }
        let held = "\(HumanText.count(extent.items, "item")), \(HumanText.bytes(extent.bytes))"
        if missing > 0 {
            return .warning(
                name, "\(held), of which \(HumanText.count(missing)) are not there any more\(aside)",
                do: "somebody has removed them from .dbxsync/trash; nothing else is wrong with that")
        }
        return .ok(name, held + aside)
    }

    /// What of the mirror is kept, as its disk has it; blocks for as long as that does.
    private struct KeptFiles {
        /// How many of the places in the trash are empty.
        let missing: Int
        /// Whether days have something set aside, which nobody but the user removes.
        let aside: String

        init(in mirror: String, _ places: [String]) {
            missing = places.count { place in
                var status = stat()
                return lstat("\(mirror)/.dbxsync/\(place)", &status) != 0 && errno == ENOENT
            }
            aside = Self.aside(mirror + "/.dbxsync/aside")
        }

        private static func aside(_ folder: String) -> String {
            guard let days = try? DirectoryEntries(of: folder).names(), !days.isEmpty else { return "" }
            return
                "; in .dbxsync/aside are local files of \(HumanText.count(days.count, "day")), which stay until you remove them"
        }
    }

    /// The file that the daemon keeps for node_exporter; nil where none is configured.
    private var textfile: Finding? {
        guard let path = config.metrics.textfile else { return nil }
        let (name, folder) = (Self.keptNames[2], path.pathAboveLastSlash ?? "")
        guard faccessat(AT_FDCWD, folder.isEmpty ? "/" : folder, W_OK | X_OK, AT_EACCESS) == 0 else {
            let (reason, user) = (SystemError(errno), Privileges.User.current.name)
            return .warning(
                name, "\(user) may not write to \(folder): \(reason)",
                do: "make it, and let \(user) write there; or correct metrics.textfile")
        }
        guard let problem = TextfileLook.problem(config, now: now) else { return .ok(name, path) }
        return .warning(
            name, problem, do: "look into the journal, and let the service write there: dbxsync check-config --drop-in")
    }

    /// What the daemon says of its heartbeats: one that is sent from here would say that all is well; nil where none is
    /// configured.
    private func heartbeat(_ live: LiveStatus?) -> Finding? {
        config.heartbeat.url == nil ? nil : Self.heartbeat(Self.keptNames[3], live, now)
    }

    /// Judges whether a daemon can send heartbeats.
    static func heartbeat(_ name: String, _ live: LiveStatus?, _ now: Timestamp) -> Finding {
        guard let live else { return .skipped(name, "no daemon runs that would send any") }
        guard let problem = StatusReport.Unsent(live.heartbeat) else { return .ok(name, "the daemon can send them") }
        return .warning(
            name, StatusText.unsent(problem, now),
            do: "correct heartbeat.url, or let this machine reach its server; account.proxy holds for it, too")
    }

    private func outbox(_ report: StatusReport.Outbox?) async -> Finding? {
        let name = Self.keptNames[1]
        guard let settings = config.outbox.settings else { return nil }
        // Whether the two overlap is looked up in both.
        let mirror = DiskInquiry(of: config.mirror.directory)
        guard await mirror.answer({ access(mirror.directory, F_OK) }) != nil else {
            return .skipped(name, DiskChecks.silence)
        }
        let disk = DiskInquiry(of: settings.directory)
        guard let denial = await disk.answer({ outboxDenial(settings) }) else { return .problem(name, disk.silence) }
        if let denial { return denial }
        guard let report else { return .ok(name, settings.directory) }
        let stuck = report.failing + report.parked
        if stuck > 0 {
            let first = report.issues.first.map { "\nfor example \($0.path): \($0.reason)" } ?? ""
            return .problem(
                name, "\(HumanText.count(stuck, "file")) of \(settings.directory) could not be uploaded\(first)",
                do: "they are listed by: dbxsync status")
        }
        return .ok(name, "\(settings.directory), \(HumanText.count(report.waiting, "file")) to go up")
    }

    /// Why nobody can work in the outbox; blocks for as long as its disk does.
    private func outboxDenial(_ settings: OutboxSettings) -> Finding? {
        let name = Self.keptNames[1]
        do throws(Failure) {
            try OutboxPlaces.check(config)
        } catch {
            return .problem(name, error.message)
        }
        let needed = settings.after == .keep ? R_OK | X_OK : R_OK | W_OK | X_OK
        if faccessat(AT_FDCWD, settings.directory, needed, AT_EACCESS) == 0 { return nil }
        let user = Privileges.User.current.name
        return .problem(
            name, "\(user) may not work in \(settings.directory): \(SystemError(errno))",
            do: "let \(user) read it\(settings.after == .keep ? "" : " and write to it")")
    }
}
