import ArgumentParser

/// `dbxsync check-config`: what is wrong with the configuration, or what is in effect.
struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Prints every problem of the configuration with its line, or the effective values.")

    @OptionGroup var common: CommonOptions

    @Flag(help: "Print the effective values as JSON.")
    var json = false

    func run() async throws {
        try await exiting {
            let config = try common.load()
            printOut(json ? config.json : config.toml)
            return .done
        }
    }
}
