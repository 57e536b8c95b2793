import ArgumentParser
import Configuration
import Dropbox
import TextFormatting

/// `dbxsync metrics`: how the mirror stands, in numbers for a monitoring system.
struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Prints how the mirror stands, and what the daemon has counted, as metrics.",
        discussion: """
            What is known of the mirror is told with and without a running daemon; what was counted, such as requests \
            and passes, by a running one only, from its start on. For node_exporter the daemon keeps a file itself: see \
            metrics.textfile.
            """)

    @OptionGroup var common: CommonOptions

    @OptionGroup var instances: InstanceOptions

    @Option(help: "How they are written: openmetrics, or prometheus for what reads the older text format.")
    var format = MetricsText.Format.openmetrics

    func validate() throws { try instances.validate(common) }

    func run() async throws {
        try await exiting(common.config) {
            if instances.all { return try await tellAll() }
            let config = try common.loadAsOwner()
            let facts = try await facts(config)
            printOut(MetricsText.of(facts, format))
            if facts.isSignedIn == nil {
                complain("the sign-in cannot be read, and no daemon tells of it: dbxsync_signed_in is left out")
            }
            return .done
        }
    }

    private func facts(_ config: Config) async throws -> MetricsFacts {
        let file = common.config
        guard instances.look else { return try await MetricsFacts.gather(config, file: file) }
        return try await config.looking { try await MetricsFacts.gather($0, config, file: file, now: .now) }
    }

    private func tellAll() async throws -> ExitCode {
        let all = try instances.instances()
        let runs = await instances.run(all, "metrics", "--look", "--format", format.rawValue)
        printOut(MetricsText.of(runs, format))
        for run in runs { if let trouble = run.trouble { complain("\(run.instance.name): \(trouble)") } }
        if all.isEmpty { complain(AllStatus.nothing(in: instances.folder.path)) }
        return AllStatus.exitCode(runs: runs)
    }

    private func complain(_ text: String) {
        Terminal.standardError.write(line: "dbxsync: " + escapingControls(text))
    }
}

extension MetricsText.Format: ExpressibleByArgument {}
