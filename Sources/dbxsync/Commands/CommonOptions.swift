import ArgumentParser
import Configuration
import Dropbox
import Glibc
import Logging
import SyncModel

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("The configuration (default: /etc/dbxsync.conf).", valueName: "file"))
    var given: String?

    /// The configuration file.
    var config: String { given ?? DropIn.file(ofInstance: nil) }

    /// The checked configuration, read as whoever started the command.
    func load() throws(Failure) -> Config {
        let loaded = ConfigFile.load(config)
        if case .failure = loaded, let missing = MissingConfig(config, in: "/etc") {
            throw Failure(.badConfiguration, missing.description)
        }
        return try Self.checked(loaded)
    }

    /// - Throws: `Failure` with all problems.
    static func checked(_ loaded: Result<Config, ConfigProblems>) throws(Failure) -> Config {
        switch loaded {
        case .success(let config): return config
        case .failure(let problems): throw Failure(.badConfiguration, problems.description)
        }
    }

    /// The configuration for a command that works on the state directory, as the user who owns that.
    func loadAsOwner() throws(Failure) -> Config {
        let loaded = try load()
        try Privileges.becomeOwner(of: loaded.state.directory)
        return loaded
    }
}

/// Runs a command's work; a failure is told on standard error and becomes the exit code.
///
/// - Parameter config: the configuration that it is about, which what is advised then names.
func exiting(_ config: String, _ work: () async throws -> ExitCode) async throws {
    let code: ExitCode
    do {
        code = try await work()
    } catch {
        let failure = Failure.of(error).naming(config)
        Terminal.standardError.write(line: failure.text)
        code = failure.exitCode
    }
    if code != .done { throw ArgumentParser.ExitCode(code.rawValue) }
}

/// Does a service's work; a failure is logged and told to the service manager, and becomes the exit code.
///
/// - Parameter config: the configuration that it is about, which what is advised then names.
func serving(_ config: String, _ work: (LogOutput, SystemdNotifier) async throws -> Void) async throws {
    let log = LogOutput(level: .info, config: config)
    let notifier = SystemdNotifier(config: config)
    do {
        try await work(log, notifier)
    } catch {
        let failure = Failure.of(error).naming(config)
        for line in failure.message.split(separator: "\n") { log.logger().critical("\(line)") }
        notifier.stopping(status: String(failure.message.prefix { $0 != "\n" }))
        throw ArgumentParser.ExitCode(failure.exitCode.rawValue)
    }
}

/// The moment that an option names.
func moment(_ text: String, option: String) throws(Failure) -> Timestamp {
    do throws(ConfigValueError) {
        return try MomentText.read(text, now: .now)
    } catch {
        throw Failure(.usage, "\(option): \(error.message)")
    }
}

/// Writes a text to standard output; a reader that went away ends the attempt.
func printOut(_ text: String) {
    print(text, terminator: text.hasSuffix("\n") ? "" : "\n")
}
