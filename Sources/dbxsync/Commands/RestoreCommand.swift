import ArgumentParser
import Configuration
import Downloading
import Dropbox
import Engine
import Glibc
import Logging
import MirrorFS
import Outbox
import Store
import SyncModel
import TextFormatting

/// `dbxsync restore`: brings back what was removed or replaced.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Brings back a file that was removed or replaced, or a folder as it was.",
        discussion: """
            PATH is written as "dbxsync status" writes it, or as a path of this machine in the mirror. Without --at and \
            --rev it is the newest version that is kept and does not stand there now; of a folder that is gone, what was \
            in it last. It comes from the mirror or its trash if it is there, else from the revisions that Dropbox keeps, \
            and is verified. It goes into the current directory, or into --to DIR, never in place of something else, and \
            not into the mirror, from where the next pass would take it again: with --upload it goes into the outbox, and \
            so back into Dropbox. TIME is "2026-11-30", "2026-11-30 05:00", "2026-11-30T05:00:00Z" or, that long ago, \
            "2h".
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "What to bring back.")
    var path: String

    @Option(help: ArgumentHelp("As it was at this time.", valueName: "time"))
    var at: String?

    @Option(help: ArgumentHelp("This revision of a file.", valueName: "rev"))
    var rev: String?

    @Option(help: ArgumentHelp("The directory to bring it back into.", valueName: "dir"))
    var to: String?

    @Flag(help: "Bring it back into the outbox, so that it goes up to Dropbox.")
    var upload = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if at != nil && rev != nil { throw ValidationError("--at and --rev exclude each other") }
        if to != nil && upload { throw ValidationError("--to and --upload exclude each other") }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let log = LogOutput(config.log, config: common.config)
            let place = try MirrorPlace.read(path, config)
            let request = try request()
            let store = try StateStore.openReadOnly(at: config.stateFile)
            let mirror = try MirrorTree.openReadOnly(
                at: config.mirror.directory, expecting: try await store.progress().mirrorID)
            let account = LazyAccount(config, logger: log.logger())
            let planner = RestorePlanner(
                store, remoteRoot: config.mirror.remoteRoot, symlinks: config.mirror.createsSymlinks,
                client: { try await account.client() })
            let plan = try await planner.plan(place, request)
            let path = try await planner.subject(place)
            let target = try target(path, plan, config)
            let code = try await restore(plan, path, target, mirror, account, config, log)
            await account.stop()
            return code
        }
    }

    private func request() throws(Failure) -> RestoreRequest {
        if let rev {
            let text = rev.hasPrefix("rev:") ? String(rev.dropFirst(4)) : rev
            guard text.utf8.count >= 9, text.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
                throw Failure(.usage, "--rev \(rev): is no revision; \"dbxsync trash\" lists them")
            }
            return .rev(Rev(text))
        }
        guard let at else { return .last }
        return .at(try moment(at, option: "--at"))
    }

    // MARK: Where to

    private func target(_ path: String, _ plan: RestorePlan, _ config: Config) throws(Failure) -> RestoreTarget {
        guard upload else {
            if plan.name.isEmpty && to == nil { throw Failure(.usage, "name a directory for it with --to DIR") }
            let directory = to ?? "."
            try refuse(directory, in: config.mirror.directory, path)
            return RestoreTarget(directory: directory)
        }
        guard let settings = config.outbox.settings else {
            throw Failure(
                .badConfiguration,
                "--upload needs an outbox: set outbox.directory and outbox.remote_folder in \(common.config)")
        }
        return .outbox(
            settings.directory, fills: settings.remoteFolder, for: path, remoteRoot: config.mirror.remoteRoot)
    }

    /// A one-way mirror holds nothing but what Dropbox does.
    private func refuse(_ directory: String, in mirror: String, _ path: String) throws(Failure) {
        var folder = MirrorPlace.normal(
            directory.hasPrefix("/") ? directory : "\(MirrorPlace.currentDirectory())/\(directory)")
        while MirrorPlace.realPath(folder) == nil, folder != "/" { folder = folder.folderOfPath }
        let real = MirrorPlace.realPath(folder) ?? folder
        guard PathText.lies(real, in: MirrorPlace.realPath(mirror) ?? mirror) else { return }
        throw Failure(
            .usage,
            "\(directory): lies in the mirror, where the next pass would take it away again: name another directory with "
                + "--to DIR, or bring it back into Dropbox with --upload")
    }

    /// With sudo the caller's; in the outbox its owner's, who has to read it.
    private func owner(_ target: RestoreTarget) -> FileOwner? {
        guard geteuid() == 0 else { return nil }
        if upload {
            var status = stat()
            guard stat(target.directory, &status) == 0 else { return nil }
            return FileOwner(user: status.st_uid, group: status.st_gid)
        }
        func number(_ name: String) -> UInt32? { getenv(name).flatMap { UInt32(String(cString: $0)) } }
        guard let user = number("SUDO_UID"), let group = number("SUDO_GID") else { return nil }
        return FileOwner(user: user, group: group)
    }

    // MARK: Doing it

    private func restore(
        _ plan: RestorePlan, _ path: String, _ target: RestoreTarget, _ mirror: MirrorTree, _ account: LazyAccount,
        _ config: Config, _ log: LogOutput
    ) async throws -> ExitCode {
        let owner = owner(target)
        let meter = DownloadMeter()
        let restorer = Restorer(
            mirror: mirror, disk: DiskPool(), meter: meter, owner: owner, isHidden: upload,
            client: { try await account.client() })
        try NewFile.makeFolders(target.folders, in: target.directory, owner: owner)
        var folders = target.folders
        if plan.isFolder && !plan.name.isEmpty { folders.append(plan.name) }
        let directory = target.directory.below(folders)
        let items = try plan.items.flatMap { try expanded($0, mirror) }
        if plan.isFolder && !items.isEmpty {
            try NewFile.makeFolders(folders, in: target.directory, owner: owner)
        }
        let bytes = items.reduce(Int64(0)) { $0.saturatingSum($1.version?.size ?? 0) }
        let outcomes = try await showing(ProgressLine(terminal: log.terminal)) {
            let now = meter.now
            return Progress(
                activity: "restoring", filesDone: now.files, filesTotal: items.count, bytesDone: now.bytes,
                bytesTotal: bytes)
        } work: {
            try await restorer.restore(
                items, into: target.directory, below: folders, parallel: config.transfer.parallel)
        }
        return try report(outcomes, plan, path, plan.isFolder ? directory : directory.shown(plan.name), target)
    }

    /// A folder that is kept as a whole stands for the files in it.
    private func expanded(_ item: RestoreItem, _ mirror: MirrorTree) throws -> [RestoreItem] {
        guard item.relative.isEmpty, case .trash(let row, nil)? = item.sources.first, row.item.isFolder else {
            return [item]
        }
        return try mirror.filesKept(in: row.item.place).map { inside in
            RestoreItem(
                path: item.path.below(inside), relative: inside, version: nil,
                sources: [.trash(row, inside: inside)])
        }
    }

    private func report(
        _ outcomes: [Restorer.Outcome], _ plan: RestorePlan, _ path: String, _ local: String, _ target: RestoreTarget
    ) throws -> ExitCode {
        let remote = target.remote
        var result = RestoreResult(
            path: path, local: local, remote: remote, newer: plan.newer, missing: plan.missing)
        for outcome in outcomes {
            switch outcome.result {
            case .success(let file): result.add(file)
            case .failure(let failure):
                // Of a single file the exit code tells why.
                if !plan.isFolder { throw failure }
                result.failed.append(FailedPath(path: outcome.item.path, reason: failure.message))
            }
        }
        if plan.isFolder && result.files.isEmpty && result.failed.isEmpty {
            throw Failure(.incomplete, "\(path): no file stood there then, as far as is known")
        }
        for place in result.failed {
            let line = place.reason.hasPrefix(place.path) ? place.reason : "\(place.path): \(place.reason)"
            Terminal.standardError.write(line: "dbxsync: " + escapingControls(line))
        }
        if json { printOut(try JSONText.of(result)) } else { for line in result.lines { printOut(line) } }
        return result.failed.isEmpty ? .done : .incomplete
    }
}

extension String {
    /// The path of `name` in this directory, as it is shown.
    fileprivate func shown(_ name: String) -> String { self == "." ? name : below(name) }
}

/// The way to Dropbox of a command that may not need it.
actor LazyAccount {
    private let config: Config
    private let logger: Logger
    private var connection: Connection?
    private var made: DropboxClient?

    init(_ config: Config, logger: Logger) {
        self.config = config
        self.logger = logger
    }

    /// A client that names paths of the account.
    func client() async throws -> DropboxClient {
        if let made { return made }
        let connection = connection ?? Connection(config, calls: .oneShot, logger: logger)
        self.connection = connection
        let client = try await connection.wholeAccount(config)
        made = client
        return client
    }

    /// Ends all requests.
    func stop() async { await connection?.stop() }
}
