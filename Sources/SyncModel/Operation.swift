/// Where the bytes of a file may come from; tried in the order of the list.
public enum ContentSource: Hashable, Sendable {
    /// The file that leaves another place of the mirror is renamed: same bytes, same time.
    case move(from: Standing)
    /// A file of the mirror with these bytes is cloned or copied, and verified.
    case copy(from: Standing)
    /// The revision is fetched.
    case download
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
    public var replacing: Standing?
    /// Where its bytes may come from, in order.
    public var sources: [ContentSource]

    /// Makes a placement.
    public init(
        key: RemoteKey, path: MirrorPath, version: FileVersion, replacing: Standing?, sources: [ContentSource]
    ) {
        self.key = key
        self.path = path
        self.version = version
        self.replacing = replacing
        self.sources = sources
    }

    /// The donor if the first source is a move.
    public var mover: Standing? {
        if case .move(let donor)? = sources.first { donor } else { nil }
    }

    /// Whether its bytes may be had without a download.
    public var isLocal: Bool { sources.first != .download }

    /// What the donor that is moved will be, by its key now; empty if none is.
    public var move: [RemoteKey: Standing] {
        mover.map { [$0.key: Standing(key: key, path: path, node: $0.node)] } ?? [:]
    }
}

/// One effect on the mirror; carries keys, paths and expectations, so that executing it asks nobody anything.
public enum Operation: Hashable, Sendable {
    /// Something of ours of another kind stands in the way of `key`: all of it goes, deepest first.
    case clear(RemoteKey, [Standing])
    /// The same thing under a name that differs in case only.
    case relocate(Standing, to: MirrorPath)
    /// A folder is made.
    case makeFolder(RemoteKey, at: MirrorPath)
    /// A file is put in place.
    case place(Placement)
    /// The content stays; revision or modification time are new.
    case retag(Standing, FileVersion)
    /// A file of ours goes.
    case removeFile(Standing)
    /// A folder of ours goes, if it is empty.
    case removeFolder(Standing)
    /// A folder of ours stays although the account has it no more: it holds what is left alone.
    case leave(Standing)
    /// Nothing can be done; `status` lists it with the reason.
    case park(RemoteKey, reason: String)
    /// Nothing can be done before the folder above it stands.
    case waitForParent(RemoteKey, parent: RemoteKey)
    /// Nothing is to be done: the key need not be pending.
    case settled(RemoteKey)
    /// Nothing of ours stands there, whatever have says: its folder is gone.
    case gone(RemoteKey)

    /// The key it is about.
    public var key: RemoteKey {
        switch self {
        case .clear(let key, _), .makeFolder(let key, _), .park(let key, _), .waitForParent(let key, _),
            .settled(let key), .gone(let key):
            key
        case .relocate(let standing, _), .retag(let standing, _), .removeFile(let standing),
            .removeFolder(let standing), .leave(let standing):
            standing.key
        case .place(let placement): placement.key
        }
    }
}

extension Operation: CustomStringConvertible {
    /// One line, the same in `sync --dry-run` and in the tests.
    public var description: String {
        switch self {
        case .clear(let key, let standings): "clear \(key) (\(standings.count))"
        case .relocate(let standing, let path): "rename \(standing.path) -> \(path)"
        case .makeFolder(_, let path): "make folder \(path)"
        case .place(let placement):
            "place \(placement.path) (\(placement.version.size) bytes) <- "
                + placement.sources.map(\.description).joined(separator: " | ")
        case .retag(let standing, _): "retag \(standing.path)"
        case .removeFile(let standing): "remove file \(standing.path)"
        case .removeFolder(let standing): "remove folder \(standing.path)"
        case .leave(let standing): "leave folder \(standing.path)"
        case .park(let key, let reason): "park \(key): \(reason)"
        case .waitForParent(let key, let parent): "wait \(key): for \(parent)"
        case .settled(let key): "settled \(key)"
        case .gone(let key): "gone \(key)"
        }
    }
}

extension ContentSource: CustomStringConvertible {
    /// A word or two.
    public var description: String {
        switch self {
        case .move(let donor): "move \(donor.path)"
        case .copy(let donor): "copy \(donor.path)"
        case .download: "download"
        }
    }
}
