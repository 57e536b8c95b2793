import Dropbox
import Glibc
import SyncModel
import TextFormatting

/// Downloads files to places outside the mirror.
struct Download: Sendable {
    let client: DropboxClient
    let meter: DownloadMeter

    /// Makes the file at `target` this version; false when it was so already.
    func get(_ version: FileVersion, to target: String) async throws -> Bool {
        defer { meter.addFile() }
        if PartFile.isThere(target, version) {
            meter.add(version.size)
            return false
        }
        let part = try PartFile(for: target, version.rev, meter: meter)
        for attempt in 1...2 {
            try await client.download(version, into: part)
            if part.isWhole(version) {
                try part.publish(version.modified)
                return true
            }
            if attempt == 1 { try part.restart() }
        }
        part.discard()
        throw Self.wrongContent(target)
    }

    /// Writes this version to standard output.
    func print(_ version: FileVersion) async throws {
        let sink = OutputSink(meter)
        try await client.download(version, into: sink)
        guard sink.isWhole(version) else { throw Self.wrongContent("-") }
    }

    private static func wrongContent(_ target: String) -> Failure {
        Failure(.incomplete, "\(escapingControls(target)): what arrived is not what Dropbox's content hash says")
    }
}

/// A folder of the account as it was listed.
struct RemoteTree {
    /// A file and where it goes, relative to the folder.
    struct File: Sendable {
        var path: MirrorPath
        var version: FileVersion
    }

    /// Folders, those above before those below.
    private(set) var folders: [MirrorPath] = []
    /// Files that can be downloaded.
    private(set) var files: [File] = []
    /// Paths that cannot, and why.
    private(set) var unavailable: [(path: String, reason: String)] = []

    /// The sum of all files.
    var bytes: Int64 { files.reduce(0) { $0.saturatingSum($1.version.size) } }

    /// Lists the folder at an absolute path.
    init(_ client: DropboxClient, _ folder: String) async throws {
        var nodes: [RemoteKey: (node: RemoteNode, parents: [FileName])] = [:]
        try await client.list(below: folder) { page in
            for change in page.changes {
                switch change {
                case .put(let key, let node, let parents): nodes[key] = (node, parents)
                case .deleted(let key): nodes = nodes.filter { $0.key != key && !key.contains($0.key) }
                }
            }
        }
        for (key, entry) in nodes.sorted(by: { $0.key < $1.key }) {
            let names = Self.names(of: key, entry.parents, nodes)
            do {
                add(entry.node, at: try (names + [entry.node.name]).reduce(MirrorPath.root) { try $0.appending($1) })
            } catch let problem as NameProblem {
                unavailable.append((key.text, problem.description))
            }
        }
        folders.sort { $0.components.count < $1.components.count }
    }

    private mutating func add(_ node: RemoteNode, at path: MirrorPath) {
        switch node {
        case .folder: folders.append(path)
        case .file(_, let version):
            files.append(File(path: path, version: version))
        case .unavailable(_, let reason, _): unavailable.append((path.text, reason.description))
        }
    }

    /// The names of the folders above, as their own entries spell them.
    private static func names(
        of key: RemoteKey, _ parents: [FileName], _ nodes: [RemoteKey: (node: RemoteNode, parents: [FileName])]
    ) -> [FileName] {
        zip(key.ancestors.reversed(), parents).map { ancestor, displayed in
            nodes[ancestor]?.node.name ?? displayed
        }
    }
}
