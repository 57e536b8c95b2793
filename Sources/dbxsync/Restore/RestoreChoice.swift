import Dropbox
import Store
import SyncModel

/// Which version is asked for.
enum RestoreRequest: Hashable, Sendable {
    /// The newest that is kept and does not stand there now.
    case last
    /// The one that stood there at a time.
    case at(Timestamp)
    /// The one of a revision.
    case rev(Rev)
}

/// Chooses what is brought back, and where from; pure.
enum RestoreChoice {
    /// Where a version may come from.
    enum Source: Hashable, Sendable {
        /// It stands in the mirror.
        case mirror(LocalEntry)
        /// It is kept; `inside` is the path below it, if a whole folder is kept.
        case trash(TrashRow, inside: String? = nil)
        /// Dropbox has it.
        case dropbox(FileVersion)
        /// It is a symbolic link, of which Dropbox has all that it is.
        case link(SymbolicLink)
    }

    /// The newest of what is kept that does not stand there now.
    ///
    /// - Parameters:
    ///   - kept: what is kept of one path.
    ///   - standing: what the file that stands there holds.
    static func last(of kept: [TrashRow], standing: ContentHash?) -> TrashRow? {
        kept.filter { row in row.item.version.map { $0.hash != standing } ?? true }.max { $0.id < $1.id }
    }

    /// The newest of what is kept of each path that does not stand there now.
    static func last(ofEach kept: [TrashRow], standing: [RemoteKey: ContentHash]) -> [TrashRow] {
        Dictionary(grouping: kept) { $0.item.path.pathKey }.sorted { $0.key < $1.key }
            .compactMap { last(of: $0.value, standing: standing[$0.key]) }
    }
}

/// What stands and what is kept, by what it holds; pure.
struct RestoreStock: Sendable {
    private var standing: [ContentHash: LocalEntry] = [:]
    /// What is kept of one content that is tried before Dropbox is asked.
    private static let mostOfOneContent = 3

    /// The newest last.
    private var kept: [ContentHash: [TrashRow]] = [:]
    private var byRev: [Rev: FileVersion] = [:]
    private var byHash: [ContentHash: FileVersion] = [:]

    /// - Parameters:
    ///   - standing: files of the mirror.
    ///   - kept: what is kept.
    init(standing: [LocalEntry] = [], kept: [TrashRow] = []) { add(standing: standing, kept: kept) }

    /// Takes in more.
    mutating func add(standing entries: [LocalEntry] = [], kept rows: [TrashRow] = []) {
        for entry in entries {
            guard case .file(_, let version, _) = entry.node, !version.isUnproven else { continue }
            if standing[version.hash] == nil { standing[version.hash] = entry }
            add(version)
        }
        for row in rows where !row.item.isFolder {
            guard let version = row.item.version else { continue }
            if kept[version.hash]?.contains(where: { $0.id == row.id }) == true { continue }
            kept[version.hash, default: []].append(row)
            kept[version.hash]?.sort { $0.id < $1.id }
            kept[version.hash] = kept[version.hash]?.suffix(Self.mostOfOneContent)
            add(version)
        }
    }

    private mutating func add(_ version: FileVersion) {
        if byRev[version.rev] == nil { byRev[version.rev] = version }
        if byHash[version.hash] == nil { byHash[version.hash] = version }
    }

    /// Where a version may come from, the nearest first.
    func sources(of version: FileVersion) -> [RestoreChoice.Source] {
        let there = standing[version.hash].map { [RestoreChoice.Source.mirror($0)] } ?? []
        return there + (kept[version.hash] ?? []).reversed().map { .trash($0) } + [.dropbox(version)]
    }

    /// The version that a file had; nil if nothing here tells it.
    func version(of file: PastFile) -> FileVersion? {
        if file.isGuess { return nil }
        return file.rev.flatMap { byRev[$0] } ?? file.hash.flatMap { byHash[$0] }
    }
}

/// Where what is brought back goes; pure.
struct RestoreTarget: Equatable, Sendable {
    /// The directory that receives it; a file gets its name in there, a folder its own.
    var directory: String
    /// Folders that are made in it.
    var folders: [String] = []
    /// Where it will stand in the account, if it goes up again.
    var remote: String?

    /// The place in the outbox from which a path of the mirror goes up again: to where it was, if that is below what the
    /// outbox fills, else into its top.
    static func outbox(_ directory: String, fills remoteFolder: String, for path: String, remoteRoot: String)
        -> RestoreTarget
    {
        let account = (remoteRoot + path).pathComponents
        let filled = remoteFolder.pathComponents
        let name = account.last ?? ""
        guard account.count > filled.count,
            zip(account, filled).allSatisfy({ $0.pathKey == $1.pathKey })
        else { return RestoreTarget(directory: directory, remote: "\(remoteFolder)/\(name)") }
        return RestoreTarget(
            directory: directory, folders: Array(account.dropFirst(filled.count).dropLast()),
            remote: "/" + account.joined(separator: "/"))
    }
}
