/// One version of a file's content, with the time its uploader gave it.
public struct FileVersion: Hashable, Sendable {
    /// The revision; downloads are pinned to it.
    public var rev: Rev
    /// Bytes.
    public var size: Int64
    /// What the bytes must hash to.
    public var hash: ContentHash
    /// `client_modified`: the modification time of the mirrored file.
    public var modified: Timestamp

    /// Creates a version.
    public init(rev: Rev, size: Int64, hash: ContentHash, modified: Timestamp) {
        self.rev = rev
        self.size = size
        self.hash = hash
        self.modified = modified
    }

    /// Whether the file may hold other bytes by now.
    public var isUnproven: Bool { rev == .unproven }

    /// Whether both have the same bytes, whatever their revision and time.
    public func sameContent(as other: FileVersion) -> Bool { size == other.size && hash == other.hash }
}

/// Why an entry of the account is not something to download.
public enum Unavailable: Hashable, Sendable {
    /// `is_downloadable` is false, and nobody has asked yet what it can be exported as.
    case notDownloadable
    /// `is_downloadable` is false: a Paper or Google document and the like; `nil` as long as nobody has decided what
    /// becomes of it.
    case document(OnlineDocument, OnlineDocument.Standing?)
    /// `symlink_info` is set: the account holds a symbolic link, which is only told of; with why it is not made if links
    /// are to be made.
    case symbolicLink(SymbolicLink, SymbolicLink.Refusal?)
    /// The server gave no `content_hash`, so what is downloaded could not be verified.
    case noContentHash
    /// A folder whose content this account may not see (`no_access`).
    case noAccess
    /// Its name holds a NUL byte: no file system and no text column takes that.
    case nulInName
    /// What the server says of it cannot be read, and why: nobody knows what is there.
    case unreadable(String)
}

extension Unavailable: CustomStringConvertible {
    /// The reason in words, for `status` and the journal.
    public var description: String {
        switch self {
        case .notDownloadable, .document(_, nil): "an online document that cannot be downloaded as a file"
        case .document(_, .exported(let name)?): "an online document, which stands here as \(name)"
        case .document(_, .off?): "an online document, which [export] leaves out"
        case .document(_, .nothingOffered?): "an online document that Dropbox exports in no format"
        case .document(_, .nameTaken(let name)?):
            "an online document whose exported file would be called \(name), which is something else in Dropbox; rename "
                + "one of them there"
        case .symbolicLink(let link, nil): link.description
        case .symbolicLink(let link, let refusal?): "\(link), which is not made: \(refusal)"
        case .noContentHash: "Dropbox gave no content hash to verify it by"
        case .noAccess: "a folder this account has no access to"
        case .nulInName: "its name holds a NUL byte, shown here as \u{2400}"
        case .unreadable(let what):
            "Dropbox's entry for it cannot be read (\(what)); the local copy stays as it is, unproven"
        }
    }
}

extension Unavailable {
    /// Whether it may be missing without being accepted by a pattern: nothing is wrong with it, and nothing will change
    /// it but its owner or the configuration.
    public var isAccepted: Bool {
        switch self {
        case .document(_, .off?), .document(_, .nothingOffered?), .symbolicLink: true
        case .notDownloadable, .document, .noContentHash, .noAccess, .nulInName, .unreadable: false
        }
    }

    /// Whether it comes under another key.
    public var isExported: Bool {
        if case .document(_, .exported?) = self { true } else { false }
    }
}

/// What the remote holds under one key: the want.
public enum RemoteNode: Hashable, Sendable {
    /// A folder.
    case folder(name: FileName)
    /// A file that can be downloaded and verified.
    case file(name: FileName, FileVersion)
    /// A file that an online document becomes, which the remote itself does not hold.
    case export(name: FileName, ExportedFile)
    /// A symbolic link that is to be made.
    case link(name: FileName, SymbolicLink)
    /// Something that cannot be mirrored; `rev` tells a new version of it from the old one.
    case unavailable(name: FileName, Unavailable, rev: Rev?)

    /// Whether nobody knows what is there.
    public var isUnreadable: Bool {
        if case .unavailable(_, .unreadable, _) = self { true } else { false }
    }

    /// The entry's own name with its case.
    public var name: FileName {
        switch self {
        case .folder(let name), .file(let name, _), .export(let name, _), .link(let name, _),
            .unavailable(let name, _, _):
            name
        }
    }

    /// The version, if it is a file whose bytes are known.
    public var version: FileVersion? {
        switch self {
        case .file(_, let version): version
        case .export(_, let file): file.version
        case .folder, .link, .unavailable: nil
        }
    }

    /// The revision, as far as it has one.
    public var rev: Rev? {
        switch self {
        case .file(_, let version): version.rev
        case .export(_, let file): file.document.rev
        case .link(_, let link): link.rev
        case .unavailable(_, _, let rev): rev
        case .folder: nil
        }
    }

    /// The other key that patterns count for: of a file that an online document becomes the document's, of a document
    /// that of the file that it becomes, or would become; `nil` if there is none.
    public func otherKey(at key: RemoteKey) -> RemoteKey? {
        switch self {
        case .export(_, let file): file.source == key ? nil : file.source
        case .unavailable(_, .document(_, .exported(let name)?), _),
            .unavailable(_, .document(_, .nameTaken(let name)?), _):
            OnlineDocument.fileKey(named: name, at: key)
        case .folder, .file, .link, .unavailable: nil
        }
    }

    /// Whether it becomes a file.
    public var isFile: Bool {
        switch self {
        case .file, .export: true
        case .folder, .link, .unavailable: false
        }
    }
}
