import ArgumentParser
import CLinux
import Glibc

/// The command line.
struct Dbxsync: AsyncParsableCommand {
    /// The version of this program.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "dbxsync",
        abstract: "Keeps a local directory exactly what a Dropbox folder is.",
        discussion: """
            The mirror equals the account, or "dbxsync status" says which paths do not, and why. Sign in once with \
            "dbxsync auth", then let the service manager keep "dbxsync run" going.
            """,
        version: version,
        subcommands: [
            RunCommand.self, SyncCommand.self, StatusCommand.self, MetricsCommand.self, VerifyCommand.self,
            AuthCommand.self, HistoryCommand.self, RunOnChangeCommand.self, ListCommand.self, GetCommand.self,
            PutCommand.self, HeldCommand.self, ExplainCommand.self, TrashCommand.self, RestoreCommand.self,
            WebCommand.self, CheckConfigCommand.self, DoctorCommand.self, SetupCommand.self,
        ])
}

@main struct Main {
    static func main() async {
        // The watchdog's SIGABRT has to end the process, and not to begin a backtrace where a Swift toolchain is at hand.
        dbx_let_faults_end()
        // A peer that goes away is an error of that connection, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // What one arena holds of freed memory no other can use: more of them cost 10 MB, and are no faster.
        dbx_limit_arenas(2)
        await Dbxsync.main()
    }
}
