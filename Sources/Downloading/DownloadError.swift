package import SyncModel

/// Why a file was not downloaded, when Dropbox has not refused it.
package struct DownloadError: Classified, Hashable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: Hashable, Sendable {
        /// Dropbox does not give this file out now; others can go on.
        case refused
        /// What arrived is not what was announced.
        case mismatch
        /// Something stands where the file was to go, and it is not to be replaced.
        case exists
        /// Another process is downloading the same file.
        case held
        /// The local file, or a folder for it, cannot be made or written.
        case unusable
        /// The server began anew, and what was written cannot be taken back.
        case interrupted
    }

    /// What went wrong.
    package let code: Code
    /// What happened and what to do, with the path.
    package let description: String

    /// How the error is handled.
    package var disposition: Disposition {
        switch code {
        case .refused, .mismatch, .exists: .skipItem
        case .held, .unusable: .fatal
        case .interrupted: .abortPass
        }
    }

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
