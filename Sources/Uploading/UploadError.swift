public import SyncModel

/// Why a local file could not be uploaded, when Dropbox has nothing to do with it.
public struct UploadError: Classified, Hashable, Sendable {
    /// What went wrong.
    public enum Code: Hashable, Sendable {
        /// There is no such file.
        case missing
        /// It is a directory.
        case directory
        /// It is neither a file nor a directory.
        case special
        /// It cannot be read.
        case unreadable
        /// Somebody keeps writing it.
        case restless
        /// Dropbox holds other bytes than were sent.
        case differs
    }

    /// What went wrong.
    public let code: Code
    /// The local path.
    public let path: String
    /// What happened and what to do.
    public let reason: String

    /// It is the file's affair, and other files can go on.
    public var disposition: Disposition { .skipItem }

    init(_ code: Code, _ path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }
}

extension UploadError: CustomStringConvertible {
    /// Path and reason in one line.
    public var description: String { "\(path): \(reason)" }
}

/// The file is not what it was when its upload began; nothing of it has become a file of the account.
public struct FileChanged: Error, CustomStringConvertible {
    /// Somebody has written it.
    public init() {}

    /// In words.
    public var description: String { "the file was changed while it was read" }
}
