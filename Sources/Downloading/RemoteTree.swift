package import Dropbox
package import SyncModel

/// A folder of the account as it was listed.
package struct RemoteTree: Sendable {
    /// A file and where it goes, relative to the folder.
    package struct File: Sendable {
        /// Where it goes.
        package var path: MirrorPath
        /// What it is, or, of an online document, what stands for it before it was exported.
        package var version: FileVersion
        /// The online document that it is made of; nil if it is not.
        package var export: ExportedFile?
    }

    /// The folder's absolute path.
    package let folder: String
    /// Folders, those above before those below.
    package private(set) var folders: [MirrorPath] = []
    /// Files that can be downloaded.
    package private(set) var files: [File] = []
    /// Paths that cannot, and why.
    package private(set) var unavailable: [(path: String, reason: String)] = []

    /// The sum of all files.
    package var bytes: Int64 { files.reduce(0) { $0.saturatingSum($1.version.size) } }

    /// Lists the folder at an absolute path.
    ///
    /// - Parameters:
    ///   - client: the account.
    ///   - folder: the path.
    ///   - exports: in which form online documents come.
    package init(_ client: DropboxClient, _ folder: String, exports: ExportSettings) async throws {
        self.folder = folder
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
                let place = try names.reduce(MirrorPath.root) { try $0.appending($1) }
                try add(entry.node, at: key, in: place, exports, isTaken: { nodes[$0] != nil })
            } catch let problem as NameProblem {
                unavailable.append((key.text, problem.description))
            }
        }
        folders.sort { $0.components.count < $1.components.count }
    }

    private mutating func add(
        _ node: RemoteNode, at key: RemoteKey, in folder: MirrorPath, _ exports: ExportSettings,
        isTaken: (RemoteKey) -> Bool
    ) throws(NameProblem) {
        let path = try folder.appending(node.name)
        switch node {
        case .unavailable(_, .document(let document, _), _):
            guard let (name, target, file) = exports.file(of: document, at: key) else {
                let why = "an online document that comes in no format; dbxsync get --format link writes its web address"
                return unavailable.append((path.text, why))
            }
            if target != key && isTaken(target) {
                return unavailable.append((path.text, Unavailable.document(document, .nameTaken(name)).description))
            }
            files.append(File(path: try folder.appending(name), version: file.placedVersion, export: file))
        case .folder: folders.append(path)
        case .file(_, let version):
            files.append(File(path: path, version: version))
        case .export, .link: break  // is in no listing
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
