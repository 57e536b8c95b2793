import ArgumentParser
import Configuration
import Dropbox
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
            let (daemon, store) = (Self.daemon(config), try config.readableState())
            // A daemon reads all of it at its start, and with each comparison of the disk.
            if daemon == nil { try await store.verifyChecksums() }
            var report = try await StatusReport.gather(store, config: config, daemon: daemon)
            // A running daemon checks that itself, and waits for a mirror that is away.
            if daemon == nil, let refusal = try await Self.refusal(ofMirror: config, store) { report.doubt(refusal) }
            if json {
                printOut(try JSONText.of(report))
            } else {
                for line in StatusText.lines(report, now: .now) { printOut(line) }
            }
            return report.isWell ? .done : .incomplete
        }
    }

    /// Why the mirror directory is not the mirror that the state is about; nil if it is, or there is none yet.
    private static func refusal(ofMirror config: Config, _ store: StateStore) async throws -> String? {
        guard let expected = try await store.progress().mirrorID else { return nil }
        do {
            _ = try MirrorTree.openReadOnly(at: config.mirror.directory, expecting: expected)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The daemon, if one runs.
    static func daemon(_ config: Config) -> StatusReport.Daemon? {
        InstanceLock.holder(stateDirectory: config.state.directory).map {
            StatusReport.Daemon($0, $0.word.flatMap(StatusWord.read), at: LockHolder.monotonicSeconds())
        }
    }
}
