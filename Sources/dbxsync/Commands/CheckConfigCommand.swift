import ArgumentParser
import Configuration

/// `dbxsync check-config`: what is wrong with the configuration, or what is in effect.
struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Prints every problem of the configuration with its line, or the effective values.",
        discussion: """
            "--drop-in" prints what lets the service write to the directories that the configuration names, and to no \
            others; it is a file for /etc/systemd/system/dbxsync.service.d.
            """)

    @OptionGroup var common: CommonOptions

    @Flag(help: "Print the effective values as JSON.")
    var json = false

    @Flag(help: "Print the systemd drop-in that grants the service the configured directories.")
    var dropIn = false

    func validate() throws {
        if json && dropIn { throw ValidationError("--drop-in is a file for systemd: it cannot be JSON") }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            for warning in ConfigFile.warnings(config, in: common.config) {
                Terminal.standardError.write(line: "dbxsync: warning: \(warning)")
            }
            if dropIn {
                printOut(try grant(config))
                return .done
            }
            _ = try Groups.configured(config)
            printOut(json ? config.json : config.toml)
            return .done
        }
    }

    private func grant(_ config: Config) throws(Failure) -> String {
        do {
            return try DropIn(config, file: common.config).text()
        } catch {
            throw Failure(.badConfiguration, "\(common.config): \(error.message)")
        }
    }
}
