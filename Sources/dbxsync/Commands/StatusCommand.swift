import ArgumentParser
import Configuration
import Dropbox
import SyncModel

/// `dbxsync status`: how the mirror stands, with and without a running daemon.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says whether the mirror equals the account, and which paths do not, and why.",
        discussion: """
            Exits with 0 when it does, with 1 when it does not or when that has not been checked of late. With --all it \
            exits as for the mirror that is worst off: 78 before 77, 73, 75, 69, 1 and 0.
            """)

    @OptionGroup var common: CommonOptions

    @OptionGroup var instances: InstanceOptions

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(help: "Show it live on the terminal, until q or Ctrl-C is pressed.")
    var watch = false

    /// Only what comes first, as fast as it can be known; for what `--all` starts.
    @Flag(help: .hidden)
    var line = false

    func validate() throws {
        if watch && json { throw ValidationError("--watch draws on a terminal: it cannot be JSON") }
        if watch && instances.all { throw ValidationError("--watch shows one mirror: it takes no --all") }
        try instances.validate(common)
    }

    func run() async throws {
        try await exiting(common.config) {
            if instances.all { return try await tellAll() }
            let config = try common.loadAsOwner()
            if watch {
                var watch = try await StatusWatch(config, file: common.config)
                try await watch.run()
                return .done
            }
            if line { return try await tellLine(config) }
            let report = try await report(config)
            if json {
                printOut(try JSONText.of(report))
            } else {
                for line in StatusText.lines(report, now: .now) {
                    printOut(CommandText.namingAdvice(common.config, in: line))
                }
            }
            return report.isWell ? .done : .incomplete
        }
    }

    private func report(_ config: Config) async throws -> StatusReport {
        if instances.look { return try await config.looking { try await StatusReport.ask($0, config: config) } }
        return try await StatusReport.ask(try config.readableState(), config: config)
    }

    private func tellLine(_ config: Config) async throws -> ExitCode {
        let now = Timestamp.now
        let report = try await config.looking {
            try await StatusReport.glance($0, config: config, now: now, paths: 1)
        }
        printOut(CommandText.namingAdvice(common.config, in: StatusText.line(report, now)))
        return report.isWell ? .done : .incomplete
    }

    private func tellAll() async throws -> ExitCode {
        let all = try instances.instances()
        if all.isEmpty {
            Terminal.standardError.write(
                line: Failure(.badConfiguration, AllStatus.nothing(in: instances.folder.path)).text)
        }
        if json {
            let status = AllStatus(await instances.run(all, "status", "--json", "--look"))
            printOut(try JSONText.of(status))
            return ExitCode(rawValue: status.exitCode) ?? .unusableDirectory
        }
        let runs = await instances.run(all, "status", "--line")
        for line in AllStatus.lines(runs) { printOut(line) }
        return AllStatus.exitCode(runs: runs)
    }
}
