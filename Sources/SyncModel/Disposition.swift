/// How an error wants to be treated.
///
/// Decided once, where the knowledge is; nobody matches on texts.
public enum Disposition: Hashable, Sendable {
    /// Passing: the same again later, not before `after` if given.
    case retry(after: Duration?)
    /// This item cannot be done now; everything else goes on.
    case item
    /// The cursor is of no use any more: list anew and compare.
    case cursorReset
    /// The mirrored folder is gone from the account: hold everything, remove nothing, tell.
    case sourceGone
    /// The sign-in is missing, revoked or lacks a scope.
    case signedOut
    /// The pass cannot go on (disk full, offline); the daemon stays and tries again.
    case pass
    /// Nothing that time can cure.
    case fatal
}

/// An error that says how it wants to be treated.
public protocol Classified: Error {
    /// How it wants to be treated.
    var disposition: Disposition { get }
}
