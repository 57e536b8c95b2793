/// Where the bytes of a file may come from; tried in the order of the list.
public enum ContentSource: Hashable, Sendable {
    /// The file that leaves another place of the mirror is renamed: same bytes, same time.
    case move(from: LocalEntry)
    /// A file of the mirror with these bytes is cloned or copied, and verified.
    case copy(from: LocalEntry)
    /// The revision is fetched.
    case download
    /// The online document is exported.
    case export(ExportedFile)
}

/// A file that is to stand somewhere.
public struct Placement: Hashable, Sendable {
    /// Its key.
    public var key: RemoteKey
    /// Where it is to stand.
    public var path: MirrorPath
    /// What it is to hold.
    public var version: FileVersion
    /// What of ours stands there now.
    public var replacing: LocalEntry?
    /// Where its bytes may come from, in order.
    public var sources: [ContentSource]
    /// How often its export has failed; not told of anything else.
    public var failures: Int

    /// Creates a placement.
    public init(
        key: RemoteKey, path: MirrorPath, version: FileVersion, replacing: LocalEntry?, sources: [ContentSource],
        failures: Int = 0
    ) {
        self.key = key
        self.path = path
        self.version = version
        self.replacing = replacing
        self.sources = sources
        self.failures = failures
    }

    /// The entry that is renamed if the first source is a move.
    public var moveSource: LocalEntry? {
        if case .move(let candidate)? = sources.first { candidate } else { nil }
    }

    /// Whether its bytes may be had without a download.
    public var isLocal: Bool { !isDownload }

    /// Whether its bytes can come over the network only.
    public var isDownload: Bool {
        switch sources.first {
        case .download?, .export?: true
        case .move?, .copy?, nil: false
        }
    }

    /// The online document that it is made of, if it is.
    public var export: ExportedFile? {
        if case .export(let file)? = sources.last { file } else { nil }
    }

    /// Whether it is a document that has not been exported yet, so that nobody knows how much it will hold.
    public var isOfUnknownSize: Bool { export.map { $0.version == nil } ?? false }

    /// Whether it is a document that has not been exported yet, and has had all the tries that a failure may take.
    ///
    /// With the waits of `Backoff.item` these take about four hours.
    public var isOutOfPatience: Bool {
        isOfUnknownSize && failures + 1 >= Self.exportTries
    }

    /// So many tries that fail are taken for an export that never gets ready.
    public static let exportTries = 12

    /// What the reuse candidate that is moved will be, by its key now; empty if none is.
    public var move: [RemoteKey: LocalEntry] {
        moveSource.map { [$0.key: LocalEntry(key: key, path: path, node: $0.node)] } ?? [:]
    }
}

/// One effect on the mirror; carries keys, paths and expectations, so that executing it asks nobody anything.
public enum PlannedOperation: Hashable, Sendable {
    /// Something of ours of another kind stands in the way of `key`: all of it goes, deepest first.
    case clear(RemoteKey, [LocalEntry])
    /// The same thing under a name that differs in case only.
    case relocate(LocalEntry, to: MirrorPath)
    /// A folder is made.
    case makeFolder(RemoteKey, at: MirrorPath)
    /// A file is put in place.
    case place(Placement)
    /// A symbolic link is made.
    case makeLink(LinkPlacement)
    /// The content stays; revision or modification time are new.
    case updateMetadata(LocalEntry, FileVersion)
    /// A file of ours goes.
    case removeFile(LocalEntry)
    /// A symbolic link of ours goes.
    case removeLink(LocalEntry)
    /// A folder of ours goes, if it is empty.
    case removeFolder(LocalEntry)
    /// A folder of ours stays although the account has it no more: it holds what is left alone.
    case keepFolder(LocalEntry)
    /// Nothing can be done; `status` lists it with the reason.
    case park(RemoteKey, reason: String)
    /// Nothing can be done before the folder above it stands.
    case waitForParent(RemoteKey, parent: RemoteKey)
    /// Nothing is to be done: the key need not be pending.
    case upToDate(RemoteKey)
    /// Have is stale because the parent folder is gone; the row is dropped.
    case forgetHave(RemoteKey)

    /// The key at which it puts something; `nil` if it puts nothing anywhere.
    public var placedKey: RemoteKey? {
        switch self {
        case .makeFolder(let key, _): key
        case .place(let placement): placement.key
        case .makeLink(let placement): placement.key
        case .clear, .relocate, .updateMetadata, .removeFile, .removeLink, .removeFolder, .keepFolder, .park,
            .waitForParent, .upToDate, .forgetHave:
            nil
        }
    }

    /// The key it is about.
    public var key: RemoteKey {
        switch self {
        case .clear(let key, _), .makeFolder(let key, _), .park(let key, _), .waitForParent(let key, _),
            .upToDate(let key), .forgetHave(let key):
            key
        case .relocate(let entry, _), .updateMetadata(let entry, _), .removeFile(let entry),
            .removeLink(let entry), .removeFolder(let entry), .keepFolder(let entry):
            entry.key
        case .place(let placement): placement.key
        case .makeLink(let placement): placement.key
        }
    }
}

extension Placement {
    /// The size in words; that of an export is known when it was made.
    fileprivate var shownSize: String {
        isOfUnknownSize ? "size not known yet" : "\(version.size) bytes"
    }
}

extension PlannedOperation: CustomStringConvertible {
    /// One line, in the words of the code.
    public var description: String {
        switch self {
        case .clear(let key, let entries): "clear \(key) (\(entries.count))"
        case .relocate(let entry, let path): "rename \(entry.path) -> \(path)"
        case .makeFolder(_, let path): "make folder \(path)"
        case .place(let placement):
            "place \(placement.path) (\(placement.shownSize)) <- "
                + placement.sources.map(\.description).joined(separator: " | ")
        case .makeLink(let placement): "link \(placement.path) -> \(placement.link.target)"
        case .updateMetadata(let entry, _): "update metadata \(entry.path)"
        case .removeFile(let entry): "remove file \(entry.path)"
        case .removeLink(let entry): "remove link \(entry.path)"
        case .removeFolder(let entry): "remove folder \(entry.path)"
        case .keepFolder(let entry): "leave folder \(entry.path)"
        case .park(let key, let reason): "park \(key): \(reason)"
        case .waitForParent(let key, let parent): "wait \(key): for \(parent)"
        case .upToDate(let key): "settled \(key)"
        case .forgetHave(let key): "gone \(key)"
        }
    }
}

extension ContentSource: CustomStringConvertible {
    /// A word or two.
    public var description: String {
        switch self {
        case .move(let candidate): "move \(candidate.path)"
        case .copy(let candidate): "copy \(candidate.path)"
        case .download: "download"
        case .export(let file): file.linkBytes == nil ? "export" : "link"
        }
    }
}
