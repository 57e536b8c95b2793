import GRDB
public import SyncModel

/// A failure of the state file: what, where, why and what to do.
public struct StoreError: Classified, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Hashable, Sendable {
        /// Another program holds the file for too long.
        case busy
        /// The disk or the quota is full.
        case full
        /// The file cannot be read or written.
        case inputOutput
        /// The file is empty, cut short or damaged.
        case damaged
        /// The file is not one of dbxsync's.
        case foreign
        /// The file was written by a later version.
        case fromTheFuture
        /// There is no such file.
        case missing
        /// The file belongs to another account, folder or mirror.
        case otherOwner
        /// The file was removed or replaced while it was open.
        case takenAway
        /// The file was damaged, and is kept under another name.
        case setAside
    }

    /// The kind of failure.
    public var code: Code
    /// What happened, with the path of the file.
    public var message: String
    /// What to do about it.
    public var hint: String?

    /// Creates an error.
    public init(code: Code, message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Busy, full and input/output errors can pass; the others cannot.
    public var disposition: Disposition {
        switch code {
        case .busy, .full, .inputOutput: .abortPass
        case .damaged, .foreign, .fromTheFuture, .missing, .otherOwner, .takenAway, .setAside: .fatal
        }
    }

    /// Message and hint.
    public var description: String { hint.map { "\(message); \($0)" } ?? message }

    static let rebuildHint = """
        "dbxsync run" and "dbxsync sync" set it aside, list the account anew and take over the files that are there; until \
        then nothing is known
        """

    static let foreignHint = """
        it was left as it is; look at state.directory, or move the file away: dbxsync then lists the account anew and \
        takes over the files that are there
        """

    static func wrapping(_ error: any Error, path: String) -> any Error {
        if error is RowDecodingError {
            return StoreError(
                code: .damaged, message: "state file \(path): a value is of another kind", hint: rebuildHint)
        }
        guard let error = error as? DatabaseError else { return (error as? StoreError)?.naming(path) ?? error }
        let text = "state file \(path): \(error.message ?? "SQLite error \(error.resultCode.rawValue)")"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return StoreError(code: .busy, message: text)
        case .SQLITE_FULL: return StoreError(code: .full, message: text, hint: "free some space on its disk")
        // That it is one of ours was seen before SQLite was let near it.
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return StoreError(code: .damaged, message: text, hint: rebuildHint)
        case .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return StoreError(code: .inputOutput, message: text, hint: "look at the disk and the file's owner and mode")
        default: return error
        }
    }

    /// As `wrapping`, for what goes wrong while a file is opened: statements that do not even fit its tables are damage.
    static func wrappingOpening(_ error: any Error, path: String) -> any Error {
        guard let found = error as? DatabaseError, found.resultCode == .SQLITE_ERROR else {
            return wrapping(error, path: path)
        }
        return StoreError(
            code: .damaged, message: "state file \(path): \(found.message ?? "SQLite cannot read it")",
            hint: rebuildHint)
    }

    /// The same, with the file's path if it is not named yet and is what is damaged.
    private func naming(_ path: String) -> StoreError {
        guard code == .damaged else { return self }
        var named = self
        if !message.contains(path) { named.message = "state file \(path): \(message)" }
        named.hint = hint ?? Self.rebuildHint
        return named
    }
}
