import ArgumentParser
import Glibc

/// `dbxsync doctor`: checks for real what stands between a configuration and a mirror in step.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks everything that can keep the mirror from being in step, and says what to do.",
        discussion: """
            The configuration, the service and what it may do, state, disk, network, clock and sign-in: asked and tried \
            for real, within a minute, beside a running daemon or without one. It changes nothing. Run it as root: it \
            checks as the service's user. Exits with 0 if there is no problem, else with 1; warnings are none.
            """)

    @OptionGroup var common: CommonOptions

    @OptionGroup var machine: ConfigurationFolder

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let asJSON = json
            let report = await Examination(file: common.config, folder: machine.path).report { report in
                Self.show(report, asJSON)
                fflush(nil)
                // Something hangs in the kernel, and would hold up an ordinary end.
                _exit(ExitCode.incomplete.rawValue)
            }
            Self.show(report, asJSON)
            return report.ok ? .done : .incomplete
        }
    }

    private static func show(_ report: DoctorReport, _ asJSON: Bool) {
        if asJSON, let document = try? JSONText.of(report) { return printOut(document) }
        for line in report.lines { printOut(line) }
    }
}
