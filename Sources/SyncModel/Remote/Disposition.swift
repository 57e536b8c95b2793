/// How an error is handled.
///
/// Decided once, where the knowledge is; nobody matches on texts.
public enum Disposition: Hashable, Sendable {
    /// Transient: retry later, no sooner than `after`.
    case retry(after: Duration?)
    /// The server could not be reached, or told everybody to wait for longer than there is time: no fault of the item.
    case unreachable
    /// This item cannot be done now; everything else goes on.
    case skipItem
    /// This item cannot be had as it is: looked at again on a new version, or after a day.
    case parked
    /// The cursor is of no use any more: list anew and compare.
    case cursorReset
    /// The mirrored folder is gone from the account: hold everything, remove nothing, tell.
    case sourceGone
    /// The sign-in is missing, revoked or lacks a scope.
    case signedOut
    /// The pass cannot go on (disk full, offline); the daemon stays and tries again.
    case abortPass
    /// Nothing that time can cure.
    case fatal
}

/// An error that says how it is handled.
public protocol Classified: Error {
    /// How the error is handled.
    var disposition: Disposition { get }
}

/// How any error is handled: errors that do not say are transient.
public func disposition(of error: any Error) -> Disposition {
    (error as? any Classified)?.disposition ?? .abortPass
}
