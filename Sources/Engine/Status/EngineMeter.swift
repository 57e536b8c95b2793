/// Is told what happens, for counters that others read.
///
/// Calls come from any thread, are cheap and never wait; nothing is told for each byte.
public protocol EngineMeter: Sendable {
    /// Something happened to a path, or to the mirror as a whole: the name of its event in the journal.
    func happened(_ event: String)

    /// A pass has come to its end.
    func passed(_ end: PassEnd, in duration: Duration)

    /// Something has arrived whole, as long after its request was made.
    func downloaded(_ kind: DownloadKind, in duration: Duration)
}

/// How a pass ended.
public enum PassEnd: String, Hashable, Sendable, CaseIterable {
    /// It came to its end, and had something to do.
    case done
    /// It came to its end, and found nothing to do.
    case nothing
    /// It broke off, and is tried again.
    case failed
    /// It broke off, and somebody has to sign in.
    case signedOut = "signed_out"
}

/// What is downloaded by one request.
public enum DownloadKind: String, Hashable, Sendable, CaseIterable {
    /// A whole file.
    case file
    /// A part of a large file.
    case segment
    /// A folder of small files.
    case zip
    /// A file that an online document becomes.
    case export
}
