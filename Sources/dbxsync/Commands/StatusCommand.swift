import ArgumentParser
import MirrorFS
import Store

/// `dbxsync status`: how the mirror stands, with and without a running daemon.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says whether the mirror equals the account, and which paths do not, and why.",
        discussion: "Exits with 0 when it does, with 1 when it does not or when that has not been checked of late.")

    @OptionGroup var common: CommonOptions

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() async throws {
        try await exiting {
            let config = try common.loadAsOwner()
            let (daemon, store) = (Self.daemon(config), try Self.state(config))
            // A daemon reads all of it at its start, and with each comparison of the disk.
            if daemon == nil { try await store.verifyChecksums() }
            let report = try await StatusReport.gather(store, config: config, daemon: daemon)
            if json {
                printOut(try JSONText.of(report))
            } else {
                for line in StatusText.lines(report, now: Moment.now.seconds) { printOut(line) }
            }
            return report.isWell ? .done : .incomplete
        }
    }

    /// The state file; before the first run there is none, which is a state, too.
    private static func state(_ config: Config) throws -> StateStore {
        do {
            return try StateStore.openReadOnly(at: config.stateFile)
        } catch let error as StoreError where error.code == .missing {
            return try StateStore.scratchCopy(of: config.stateFile)
        }
    }

    private static func daemon(_ config: Config) -> StatusReport.Daemon? {
        InstanceLock.holder(stateDirectory: config.state.directory).map {
            StatusReport.Daemon($0, $0.word.flatMap(StatusWord.read), at: LockHolder.monotonicSeconds())
        }
    }
}
