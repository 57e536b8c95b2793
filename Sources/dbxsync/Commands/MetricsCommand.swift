import ArgumentParser
import Configuration

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

    @Option(help: "How they are written: openmetrics, or prometheus for what reads the older text format.")
    var format = MetricsText.Format.openmetrics

    func run() async throws {
        try await exiting {
            let config = try common.loadAsOwner()
            printOut(MetricsText.of(try await MetricsFacts.gather(config, file: common.config), format))
            return .done
        }
    }
}

extension MetricsText.Format: ExpressibleByArgument {}
