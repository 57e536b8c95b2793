import ArgumentParser
import Dropbox
import Store

/// What a command takes that can tell of every mirror of this machine.
struct InstanceOptions: ParsableArguments {
    @Flag(
        help: "Tell of every mirror of this machine: of /etc/dbxsync.conf, and of each configuration in /etc/dbxsync/.")
    var all = false

    @OptionGroup var folder: ConfigurationFolder

    @Option(help: .hidden)
    var patience: Int = Int(InstanceRun.patience.components.seconds)

    /// Reads the state as whoever may read it can, without leaving anything beside it; for what `--all` starts.
    @Flag(help: .hidden)
    var look = false

    /// - Throws: `ValidationError` if one configuration is named, too.
    func validate(_ common: CommonOptions) throws {
        if all && common.given != nil { throw ValidationError("--all is about every configuration: without --config") }
    }

    /// All mirrors of this machine.
    func instances() throws(Failure) -> [Instance] { try Instance.all(in: folder.path) }

    /// Runs this program for each of them.
    func run(_ instances: [Instance], _ arguments: String...) async -> [InstanceRun] {
        await InstanceRun.all(instances, arguments, within: .seconds(patience))
    }
}

/// Where the configurations of this machine are; another place for tests.
struct ConfigurationFolder: ParsableArguments {
    @Option(name: .customLong("config-dir"), help: .hidden)
    var path = "/etc"
}
