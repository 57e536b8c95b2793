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
    static func last(ofEach kept: [TrashRow], standing: [String: ContentHash]) -> [TrashRow] {
        Dictionary(grouping: kept) { $0.item.path.pathKey }.sorted { $0.key < $1.key }
            .compactMap { last(of: $0.value, standing: standing[$0.key]) }
    }

    /// The newest of Dropbox's revisions that was there at a time.
    static func revision(of revisions: [Revision], at time: Timestamp) -> FileVersion? {
        revisions.filter { $0.recorded <= time }.max { $0.recorded < $1.recorded }?.version
    }

    /// Where a version may come from, the nearest first.
    ///
    /// - Parameters:
    ///   - version: what is wanted.
    ///   - standing: files of the mirror that may hold it.
    ///   - kept: what is kept.
    static func sources(
        of version: FileVersion, standing: [LocalEntry], kept: [TrashRow]
    ) -> [Source] {
        let there = standing.filter { $0.content == version.hash }.map { Source.mirror($0) }
        let rows = kept.filter { $0.item.version?.hash == version.hash && !$0.item.isFolder }
        return there.prefix(1) + rows.sorted { $0.id > $1.id }.map { .trash($0) } + [.dropbox(version)]
    }

    /// The version that a file had, as far as what is kept or stands tells it.
    static func version(of file: PastFile, standing: [LocalEntry], kept: [TrashRow]) -> FileVersion? {
        if file.isGuess { return nil }
        let here = standing.compactMap { entry -> FileVersion? in
            if case .file(_, let version, _) = entry.node, !version.isUnproven { version } else { nil }
        }
        let known = here + kept.compactMap(\.item.version)
        if let rev = file.rev { return known.first { $0.rev == rev } ?? known.first { $0.hash == file.hash } }
        guard let hash = file.hash else { return nil }
        return known.first { $0.hash == hash }
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
            zip(account, filled).allSatisfy({ $0.pathKey.utf8.elementsEqual($1.pathKey.utf8) })
        else { return RestoreTarget(directory: directory, remote: "\(remoteFolder)/\(name)") }
        return RestoreTarget(
            directory: directory, folders: Array(account.dropFirst(filled.count).dropLast()),
            remote: "/" + account.joined(separator: "/"))
    }
}
