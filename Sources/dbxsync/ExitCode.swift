/// What an exit says to scripts and service managers; the numbers are those of sysexits.h where it has one.
enum ExitCode: Int32, Sendable {
    /// Done; for `sync`, `verify` and `status`: in step, nothing failing.
    case done = 0
    /// Done, but some paths failed, differ or are parked; they are listed.
    case incomplete = 1
    /// Wrong command line (EX_USAGE).
    case usage = 64
    /// Dropbox could not be reached, or kept refusing, in the time allowed (EX_UNAVAILABLE).
    case unreachable = 69
    /// The mirror or the state directory cannot be used (EX_CANTCREAT).
    case unusableDirectory = 73
    /// Another dbxsync holds this state directory, or works on this mirror (EX_TEMPFAIL).
    case held = 75
    /// Not signed in, sign-in revoked, or a scope is missing (EX_NOPERM).
    case signedOut = 77
    /// The configuration is wrong (EX_CONFIG).
    case badConfiguration = 78
}
