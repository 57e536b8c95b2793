import ArgumentParser
import Configuration
import Dropbox

/// `dbxsync status`: how the mirror stands, with and without a running daemon.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says whether the mirror equals the account, and which paths do not, and why.",
        discussion: "Exits with 0 when it does, with 1 when it does not or when that has not been checked of late.")

    @OptionGroup var common: CommonOptions

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(help: "Show it live on the terminal, until q or Ctrl-C is pressed.")
    var watch = false

    func validate() throws {
        if watch && json { throw ValidationError("--watch draws on a terminal: it cannot be JSON") }
    }

    func run() async throws {
        try await exiting {
            let config = try common.loadAsOwner()
            if watch {
                var watch = try await StatusWatch(config)
                try await watch.run()
                return .done
            }
            let report = try await StatusReport.ask(try config.readableState(), config: config)
            if json {
                printOut(try JSONText.of(report))
            } else {
                for line in StatusText.lines(report, now: .now) { printOut(line) }
            }
            return report.isWell ? .done : .incomplete
        }
    }
}
