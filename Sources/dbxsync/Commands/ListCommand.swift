import ArgumentParser
import Configuration
import Dropbox
import Store
import SyncModel
import TextFormatting

/// `dbxsync ls`: what the account holds.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Lists what the account holds, with a mark for what stands in the mirror.",
        discussion: """
            REMOTE is a path of the account or an "id:"; without it, it is the mirrored folder. Dropbox is asked, and the \
            state is read for the marks: "=" the same revision stands in the mirror, "~" another one does, " " nothing \
            yet, "!" it is failing or cannot be mirrored, "-" it is left out by mirror.exclude or mirror.include or is \
            not in the mirrored folder, "?" the state cannot tell. "dbxsync explain" says more.

            What Dropbox sends at once, up to a few thousand entries, is sorted by path; a larger listing is not sorted as \
            a whole, so that it never has to be held in memory.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "What to list.")
    var remote: String?

    @Flag(help: "List everything below it.")
    var recursive = false

    @Flag(help: "Also show size, time and revision.")
    var long = false

    @Flag(help: "Print the listing as JSON.")
    var json = false

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.loadAsOwner()
            let log = LogOutput(config.log, config: common.config)
            let connection = Connection(config, calls: .oneShot, logger: log.logger())
            let path = RemotePath.absolute(remote ?? config.mirror.remoteRoot)
            do {
                let client = try await connection.wholeAccount(config)
                var lister = AccountLister(
                    client: client, marks: MirrorMarks(config), text: ListingText(isJSON: json, isLong: long))
                let code = try await lister.list(path, isRecursive: recursive)
                await connection.stop()
                return code
            } catch let error as DropboxError {
                throw error.failure(about: path.isEmpty ? "/" : path)
            } catch is NobodyReads {
                return .done
            }
        }
    }
}

/// Nobody is left who could read the listing.
private struct NobodyReads: Error {}

/// Prints what the account holds, page by page.
private struct AccountLister {
    let client: DropboxClient
    var marks: MirrorMarks
    var text: ListingText

    /// Lists the folder, or the one file, at an absolute path or an `id:`; "" is the top of the account.
    mutating func list(_ path: String, isRecursive: Bool) async throws -> ExitCode {
        if path.isEmpty { return try await folder("", key: "", isRecursive: isRecursive) }
        let entry = try await client.metadata(of: path)
        if case .folder = entry.node {
            return try await folder(entry.pathDisplay, key: entry.pathLower, isRecursive: isRecursive)
        }
        try await write(text.head(entry.pathDisplay))
        try await write([(key: entry.pathLower, node: entry.node, path: entry.pathDisplay)]) { $0.nameOfPath }
        try await write(text.tail)
        return .done
    }

    /// - Parameter key: the `path_lower` of the folder.
    private mutating func folder(_ path: String, key: String, isRecursive: Bool) async throws -> ExitCode {
        var isBegun = false
        try await client.list(below: path, isRecursive: isRecursive) { page in
            if !isBegun { try await write(text.head(path)) }
            isBegun = true
            var found: [(key: String, node: RemoteNode, path: String)] = []
            for case .put(let below, let node, let parents) in page.changes {
                let names = (parents + [node.name]).map { "/" + $0.text }.joined()
                found.append((key + below.text, node, path + names))
            }
            // By bytes; Dropbox says nothing of the order of what it lists.
            found.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            try await write(found) { String(Substring($0.utf8.dropFirst(path.utf8.count + 1))) }
            for entry in page.unread { note("\(entry.what): cannot be read: \(entry.reason)") }
        }
        try await write(text.tail)
        return text.unread == 0 ? .done : .incomplete
    }

    private mutating func note(_ problem: String) {
        text.unread += 1
        Terminal.standardError.write(line: "dbxsync: " + escapingControls(problem))
    }

    private mutating func write(
        _ found: [(key: String, node: RemoteNode, path: String)], name: (String) -> String
    ) async throws {
        let marked = await marks.of(found.map { (key: $0.key, node: $0.node) })
        var lines = ""
        for (entry, (mark, reason)) in zip(found, marked) {
            let listed = ListedEntry(entry.node, path: entry.path, mark: mark, reason: reason)
            lines += text.entry(listed, name: name(entry.path))
        }
        try await write(lines)
    }

    private func write(_ text: String) async throws {
        guard try await TextOutput.standard.write(text) else { throw NobodyReads() }
    }
}

/// Tells what stands in the mirror, by short looks at the state.
private struct MirrorMarks {
    private let stateFile: String
    /// The key of the mirrored folder in the account.
    private let root: RemoteKey
    private var judge: Selection.Judge
    private let exports: ExportSettings
    private var isUnknown = false

    init(_ config: Config) {
        stateFile = config.stateFile
        root = RemoteKey(written: config.mirror.remoteRoot)
        judge = Selection.Judge(config.selection)
        exports = config.selection.exports
    }

    /// The marks of entries of the account, and why they are failing or parked.
    ///
    /// - Parameter entries: what stands there, by the account's `path_lower`.
    mutating func of(_ entries: [(key: String, node: RemoteNode)]) async -> [(mark: MirrorMark, reason: String?)] {
        let keys = entries.map { belowRoot(RemoteKey($0.key)) }
        let entries = zip(keys, entries).map { key, entry in key.map { file(of: entry.node, at: $0) } }
        var standings = await standings(entries.map { $0?.key ?? .root })
        await preferDocuments(among: keys, entries, &standings)
        var marks: [(mark: MirrorMark, reason: String?)] = []
        for (index, entry) in entries.enumerated() {
            guard let (key, wanted) = entry else {
                marks.append((.excluded, nil))
                continue
            }
            let standing = standings?[index]
            let node = standing.map { wanted.known(by: $0) } ?? wanted
            marks.append((MirrorMark(node, standing, match(of: node, at: key)), standing?.reason))
        }
        return marks
    }

    private mutating func match(of node: RemoteNode, at key: RemoteKey) -> Selection.Match {
        if case .export(_, let file) = node, file.source != key {
            return judge.selection.match(of: key, madeOf: file.source, size: node.version?.size)
        }
        let isFolder = if case .folder = node { true } else { false }
        return judge.match(of: key, isFolder: isFolder, size: node.version?.size)
    }

    /// What is said of a document itself counts: something else has the name that its file would have.
    private mutating func preferDocuments(
        among keys: [RemoteKey?], _ entries: [(key: RemoteKey, node: RemoteNode)?], _ standings: inout [Standing]?
    ) async {
        let moved = entries.indices.filter { entries[$0].map { $0.key } != keys[$0] }
        if moved.isEmpty { return }
        guard let own = await self.standings(moved.map { keys[$0] ?? .root }) else { return }
        for (index, standing) in zip(moved, own) where standing.isParked { standings?[index] = standing }
    }

    /// What comes into the mirror for an entry: of an online document the file that it becomes.
    private func file(of entry: RemoteNode, at key: RemoteKey) -> (key: RemoteKey, node: RemoteNode) {
        let node = entry.decidingLinks(at: key, isCreated: judge.selection.symlinks)
        guard case .unavailable(_, .document(let document, _), _) = node,
            let (name, target, file) = exports.file(of: document, at: key)
        else { return (key, node) }
        return (target, .export(name: name, file))
    }

    /// The key below the mirrored folder; nil for what is not in it.
    private func belowRoot(_ key: RemoteKey) -> RemoteKey? {
        guard key.lies(in: root) else { return nil }
        return RemoteKey(String(Substring(key.text.utf8.dropFirst(root.text.utf8.count))))
    }

    /// Nil where the state cannot be read, which is told once.
    private mutating func standings(_ keys: [RemoteKey]) async -> [Standing]? {
        if isUnknown { return nil }
        do {
            let found = try await StateStore.look(at: stateFile) { try await $0.standing(at: keys) }
            return found ?? keys.map { _ in Standing() }
        } catch {
            isUnknown = true
            Terminal.standardError.write(
                line: "dbxsync: "
                    + escapingControls("what stands in the mirror is not known: \(Failure.of(error).message)"))
            return nil
        }
    }
}
