public import Dropbox
public import SyncModel

/// The mirror that an outbox lies in: what one of them puts there the other one must not take for somebody else's.
public protocol EnclosingMirror: Sendable {
    /// Whether the mirror has put a file there itself.
    func knows(_ path: OutboxPath, state: FileState, hash: ContentHash) async throws -> MirroredFile

    /// What stood there before it was edited, as far as the mirror knows; `nil` for nothing.
    func base(of path: OutboxPath) async throws -> (rev: Rev, remote: String)?

    /// Hears of an upload, so that the revision is recognised when the account tells of it.
    func uploaded(_ path: OutboxPath, state: FileState, file: UploadedFile) async throws
}

/// What the mirror says of a file.
public enum MirroredFile: Hashable, Sendable {
    /// It is not its own.
    case nothing
    /// It is being put there just now.
    case arriving
    /// It has put it there, from this revision of that path.
    case file(Rev, remote: String)
}
