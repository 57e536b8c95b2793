import ArgumentParser
import Configuration
import Dropbox
import Store
import SyncModel
import TextFormatting

/// `dbxsync trash`: what was removed or replaced and is kept.
struct TrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trash",
        abstract: "Lists what was removed or replaced and is kept; \"dbxsync restore\" brings it back.",
        discussion: """
            PATH is a path as "dbxsync status" writes it, with all below it, a path of this machine in the mirror, or a \
            pattern with * or ? as in mirror.exclude. The oldest comes first. TIME is "2026-11-30", "2026-11-30 05:00", \
            "2026-11-30T05:00:00Z" or, that long ago, "2h". Works with and without a running daemon.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "Of which path, or of which paths by a pattern.")
    var path: String?

    @Option(help: ArgumentHelp("What came there since this time.", valueName: "time"))
    var since: String?

    @Flag(help: "Print the list as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let filter = try filter(config)
            try Privileges.becomeOwner(of: config.state.directory)
            let store = try config.readableState()
            let planner = RestorePlanner(
                store, remoteRoot: config.mirror.remoteRoot,
                client: { throw Failure(.unreachable, "the trash is listed without Dropbox") })
            var top: String?
            var files: [RemoteKey] = []
            if case .place(let place) = filter.what {
                let path = try await planner.known(place)
                (top, files) = (path, try await store.fileKeys(ofDocumentAt: path.pathKey))
            }
            var list = TrashList()
            var last: Int64 = 0
            while true {
                let rows = try await store.trash(at: top, files: files, after: last, limit: 1000)
                guard let end = rows.last?.id else { break }
                last = end
                for row in rows where filter.takes(row) {
                    if !json { printOut(TrashList.line(row)) }
                    list.add(row, keeping: json)
                }
            }
            printOut(json ? try JSONText.of(list) : list.summary(isKept: config.trash.keep != nil))
            return .done
        }
    }

    private func filter(_ config: Config) throws(Failure) -> TrashFilter {
        var filter = TrashFilter(what: .all, since: nil)
        if let since { filter.since = try moment(since, option: "--since") }
        guard let path else { return filter }
        if MirrorPlace.isPattern(path) {
            do throws(PatternProblem) {
                filter.what = .pattern(Selection(include: [try SelectionPattern(path)]))
            } catch {
                throw Failure(.usage, "the pattern \(quoted(path)) \(error)")
            }
        } else {
            filter.what = .place(try MirrorPlace.read(path, config))
        }
        return filter
    }
}

/// What of the trash is listed; pure.
struct TrashFilter: Sendable {
    /// Which paths.
    enum Paths: Sendable {
        case all
        case place(MirrorPlace)
        case pattern(Selection)
    }

    var what: Paths
    var since: Timestamp?

    /// Whether a row is listed; of a place all rows are taken to be its own.
    func takes(_ row: TrashRow) -> Bool {
        if let since, row.at < since { return false }
        guard case .pattern(let selection) = what else { return true }
        return selection.match(of: row.item.path.pathKey, isFolder: row.item.isFolder) == .selected
    }
}

/// What is kept: the JSON document of `trash --json`, sizes in bytes.
struct TrashList: Encodable, Sendable {
    var items: [Item] = []
    private(set) var count = 0
    private(set) var bytes: Int64 = 0

    /// Something that is kept.
    struct Item: Encodable, Sendable {
        /// Where it stood, as `status` writes it.
        var path: String
        /// `removed`, `replaced`, `aside` or `found`.
        var reason: String
        /// When it came there.
        var at: Moment
        /// Whether it is a folder with all that is in it.
        var isFolder: Bool
        var size: Int64
        /// The revision; null for what is not known to be from Dropbox.
        @Nullable var rev: String?
        @Nullable var modified: Moment?
        @Nullable var contentHash: String?
        /// Where it is, below the mirror.
        var place: String
        /// The pass that put it there.
        var pass: Int

        init(_ row: TrashRow) {
            path = row.item.path
            reason = row.item.reason.rawValue
            at = Moment(row.at)
            isFolder = row.item.isFolder
            size = row.item.size
            rev = row.item.version?.rev.text
            modified = row.item.version.map { Moment($0.modified) }
            contentHash = row.item.version?.hash.hex
            place = "\(MirrorPath.ownFolder.text)/\(row.item.place)"
            pass = row.pass
        }
    }

    mutating func add(_ row: TrashRow, keeping: Bool) {
        count += 1
        bytes = bytes.saturatingSum(row.item.size)
        guard keeping else { return }
        items.append(Item(row))
    }

    /// One thing for people.
    static func line(_ row: TrashRow) -> String {
        let size = HumanText.bytes(row.item.size)
        let rev = row.item.version.map { $0.rev.text } ?? "-"
        return escapingControls(
            "\(TimeText.local(row.at))  \(HumanText.padded(row.item.reason.rawValue, to: 8))  "
                + "\(HumanText.padded(size, to: 7, atStart: true))  "
                + "\(HumanText.padded(rev, to: 19))  \(row.item.path)\(row.item.isFolder ? "/" : "")")
    }

    /// The last line for people.
    func summary(isKept: Bool) -> String {
        let more = isKept ? "" : "; nothing more is kept, because trash.keep is \"0\""
        return count == 0
            ? "nothing is kept" + more : "\(HumanText.count(count, "item")), \(HumanText.bytes(bytes))" + more
    }
}
