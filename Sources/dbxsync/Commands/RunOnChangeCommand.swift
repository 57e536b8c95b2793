import ArgumentParser
import Configuration
import FileSystem
import Glibc
import Logging
import MirrorFS
import Store
import TextFormatting
import UnixSignals

/// `dbxsync run-on-change`: a command for each settled batch of changes.
struct RunOnChangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-on-change",
        abstract: "Runs the command of [on_change.NAME] for each settled batch of changes, until SIGTERM or SIGINT.",
        discussion: """
            The command gets the changes on its standard input, as "dbxsync history --json" prints them. If it does not \
            exit with 0 it is run again with the same changes. Its environment has DBXSYNC_MIRROR, the directory of the \
            mirror, and DBXSYNC_NAME. It runs as whoever starts this, who has to be able to read the state file: as the \
            service does, or as a member of its group.

            The first time it begins after the changes that are there. dbxsync-on-change@NAME.service starts it.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: ArgumentHelp("The NAME of a table [on_change.NAME] of the configuration.", valueName: "name"))
    var name: String

    func run() async throws { try await serving(common.config, serve) }

    private func serve(_ log: LogOutput, _ notifier: SystemdNotifier) async throws {
        let config = try common.load()
        log.control.change(to: config.log)
        let logger = log.logger()
        let settings = try settings(config)
        let folder = try Self.folder(config)
        let lock = try takeLock(folder)
        defer { lock.release() }
        let place = "\(folder)/\(name).json"
        let start = try await start(place, config, logger)
        var environment = Variables.all
        for own in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { environment[own] = nil }
        environment["DBXSYNC_MIRROR"] = config.mirror.directory
        environment["DBXSYNC_NAME"] = name
        let runner = FeedRunner(
            name: name, settings: settings, file: config.stateFile, place: place, environment: environment,
            lock: lock.inheritable, notifier: notifier, logger: logger)
        notifier.ready()
        try await untilSignal(notifier) { try await runner.run(from: start) }
    }

    private func settings(_ config: Config) throws(Failure) -> OnChangeSettings {
        if let settings = config.onChange[name] { return settings }
        let names = config.onChange.keys.sorted().joined(separator: ", ")
        throw Failure(
            .badConfiguration,
            "\(common.config): there is no [on_change.\(escapingControls(name))]"
                + (names.isEmpty ? ", nor any other [on_change.NAME]" : "; there are \(names)"))
    }

    /// The directory of what has to last: the service manager's, else one in the state directory.
    private static func folder(_ config: Config) throws(Failure) -> String {
        let given = Variables["STATE_DIRECTORY"].flatMap { $0.split(separator: ":").first }.map(String.init)
        let folder = given ?? config.state.directory + "/on-change"
        if mkdir(folder, 0o750) == 0 || errno == EEXIST { return folder }
        throw Failure(
            .unusableDirectory,
            "the directory \(folder), in which it is kept how far the command is, cannot be made: \(SystemError(errno)); "
                + "run it as the user who owns \(config.state.directory), or set STATE_DIRECTORY to one of your own")
    }

    private func takeLock(_ folder: String) throws(Failure) -> FileLock {
        let path = "\(folder)/\(name).lock"
        do {
            return try FileLock.acquire(path, for: .current(state: folder))
        } catch {
            switch error {
            case .held(let holder):
                let who = holder.map { " (\($0.process))" } ?? ""
                throw Failure(
                    .held,
                    "another \"dbxsync run-on-change \(name)\"\(who) runs, or the command that it has started; wait for "
                        + "its end or stop it")
            case .failed(let call, let number):
                throw Failure(.unusableDirectory, "\(call) \(path): \(SystemError(number))")
            }
        }
    }

    /// Where the command stands; the first time after the changes that are there.
    private func start(_ place: String, _ config: Config, _ logger: Logger) async throws -> FeedPosition {
        let marks: HistoryMarks?
        do {
            marks = try await StateStore.look(at: config.stateFile) { try await $0.historyMarks() }
        } catch let error as StoreError {
            guard access(config.stateFile, R_OK) != 0, errno == EACCES else { throw error }
            throw Failure(
                .unusableDirectory,
                "\(config.stateFile) cannot be read: only its owner and the members of its group may; "
                    + "SupplementaryGroups= of systemd.exec(5) makes a service one")
        }
        if let position = try FeedPosition.read(place) {
            logger.notice(
                "goes on after row \(position.after) of the history",
                metadata: ["event": "started", "command": "\(config.onChange[name]?.command[0] ?? "")"])
            return position
        }
        let first = FeedPosition(after: marks?.beginning ?? 0)
        logger.notice(
            "runs for the first time: it begins with the changes to come, after row \(first.after) of the history",
            metadata: ["event": "started"])
        try first.write(place)
        return first
    }

    /// Works until SIGTERM or SIGINT comes.
    private func untilSignal(
        _ notifier: SystemdNotifier, _ work: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await work() } catch is CancellationError { return }
            }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) { break }
                notifier.stopping(status: "stopping")
            }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
