import AccountChecks
import Configuration
import Downloading
import Dropbox
import Engine
import MirrorFS
import Store
import SyncModel
import TextFormatting
import Uploading

/// Why a command cannot go on: what the user reads, and the exit code.
struct Failure: Error {
    /// What the process ends with.
    let exitCode: ExitCode
    /// What happened and what to do; a line for each problem.
    let message: String

    /// Creates a failure.
    init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = message
    }

    /// The message, each line with the program's name in front, and nothing in them that a terminal obeys.
    var text: String {
        message.split(separator: "\n").map { "dbxsync: \(escapingControls(String($0)))" }.joined(separator: "\n")
    }

    /// The same, in which each command of this program names a configuration.
    func naming(_ config: String) -> Failure { Failure(exitCode, CommandText.naming(config, in: message)) }

    /// What any error means for the exit code (docs/manual.md#exit-codes).
    static func of(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case let problems as ConfigProblems: Failure(.badConfiguration, problems.description)
        case let lock as InstanceLockError: Failure(lock.exitCode, lock.description)
        case let error as DownloadError where error.code == .held: Failure(.held, error.description)
        case let error as UploadError where error.code == .directory: Failure(.usage, error.description)
        case let error as AccountError where error.isOtherRoot: Failure(.unusableDirectory, error.description)
        case let error as StoreError: Failure(.unusableDirectory, error.description)
        case let error as MirrorError where error.code == .held: Failure(.held, error.description)
        case let error as MirrorError: Failure(.unusableDirectory, error.description)
        // What a server says is one line, whatever it sends.
        default: Failure(exitCode(for: disposition(of: error)), escapingControls("\(error)"))
        }
    }

    private static func exitCode(for disposition: Disposition) -> ExitCode {
        switch disposition {
        case .signedOut: .signedOut
        case .sourceGone, .skipItem, .parked: .incomplete
        case .retry, .unreachable, .abortPass, .cursorReset: .unreachable
        case .fatal: .unusableDirectory
        }
    }
}
