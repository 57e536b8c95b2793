internal import Synchronization

extension Account {
    /// Everything in the account, sorted by path, with the true name of every component.
    public func tree() -> [TreeEntry] {
        withHashes { state, missing in
            state.base < 0 ? [] : state.subtree(state.base).dropFirst().map { state.treeEntry($0, &missing) }
        }.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// The bytes that `address` – a path, `id:…` or `rev:…` – stands for.
    public func content(of address: String) throws -> Content { try download(address).content }

    /// What `files/download` answers: metadata and the bytes to go with it.
    public func download(_ address: String) throws -> (metadata: FileMetadata, content: Content) {
        let found: (file: FileMetadata, content: Content) = try withHashes { state, missing in
            let number = try state.revisionIndex(address)
            let content = state.revisions[Int(number)].content
            return (state.fileMetadata(number, viaRevision: address.hasPrefix("rev:"), &missing), content)
        }
        guard !found.file.traits.isRestricted else { throw AccountError.lookup("restricted_content") }
        guard found.file.traits.isDownloadable else { throw AccountError.unsupportedFile }
        return (found.file, found.content)
    }

    /// What `files/download_zip` answers: a folder, and it with everything in it that can be downloaded.
    public func archive(of address: String) throws -> (metadata: FolderMetadata, archive: ZipArchive) {
        try state.withLock { state in
            let top = try state.resolve(address)
            guard state.nodes[Int(top)].isFolder else { throw AccountError.lookup("not_folder") }
            let path = state.truePath(top)
            return (state.folderMetadata(top, path: path), ZipArchive(try state.archiveMembers(top, path)))
        }
    }

    /// The lower-case path that a path, `id:…`, `rev:…` or cursor is about; `nil` when it is about none.
    func subject(of text: String) -> String? {
        state.withLock { state in
            if text.hasPrefix("AAH") { return (try? Cursor(text, salt: state.salt))?.path }
            if text.hasPrefix("rev:") {
                return (try? state.revisionIndex(text)).map {
                    Names.lower(state.truePath(state.revisions[Int($0)].node))
                }
            }
            return (try? state.path(of: text)).map(Names.lower)
        }
    }

    /// What `files/get_metadata` answers.
    public func metadata(_ address: String, includeDeleted: Bool = false) throws -> Entry {
        try withHashes { state, missing in
            if address.hasPrefix("rev:") {
                return .file(state.fileMetadata(try state.revisionIndex(address), viaRevision: true, &missing))
            }
            do {
                return state.entry(try state.resolve(address), &missing)
            } catch AccountError.lookup("not_found") {
                let path = try state.path(of: address)
                guard includeDeleted, let old = state.gonePath(path) else {
                    throw AccountError.lookup("not_found")
                }
                return .deleted(state.deletedMetadata(old))
            }
        }
    }

    /// Computes every content hash that has not been asked for yet, so that the first listing need not.
    public func computeHashes() {
        withHashes { state, missing in
            for number in state.revisions.indices where state.revisions[number].digest == nil {
                missing.append(Int32(number))
            }
        }
    }

    /// Runs `body` under the lock; hashes that it finds missing are computed without the lock, and it runs again.
    func withHashes<Value>(
        _ body: (inout AccountState, _ missing: inout [Int32]) throws -> sending Value
    ) rethrows -> Value {
        while true {
            var missing: [Int32] = []
            var work: [(Int32, Content)] = []
            let value = try state.withLock { state in
                let value = try body(&state, &missing)
                work = missing.map { ($0, state.revisions[Int($0)].content) }
                return value
            }
            guard !work.isEmpty else { return value }
            let digests = work.map { ($0.0, $0.1.computeHash()) }
            state.withLock { state in
                for (number, digest) in digests { state.revisions[Int(number)].digest = digest }
            }
        }
    }
}

extension AccountState {
    /// A folder and what is in it, folders before their children, with paths that begin with the folder's own name.
    func archiveMembers(_ top: NodeIndex, _ path: String) throws(AccountError) -> [ZipArchive.Member] {
        let cut = path.utf8.count - path.lastComponent.utf8.count
        var members: [ZipArchive.Member] = []
        var total: Int64 = 0
        for node in subtree(top) {
            let row = nodes[Int(node)]
            let name = String(Substring(truePath(node).utf8.dropFirst(cut)))
            guard !row.isFolder else {
                members.append(ZipArchive.Member(path: name + "/", content: nil, size: 0, modified: 0))
                continue
            }
            let revision = revisions[Int(row.revision)]
            let traits = revision.traits?.traits ?? FileTraits()
            guard traits.isDownloadable, !traits.isRestricted else { continue }
            total += revision.size
            guard revision.size < settings.zipFileLimit, total < settings.zipSizeLimit else {
                throw .archive("too_large")
            }
            members.append(
                ZipArchive.Member(
                    path: name, content: revision.content, size: revision.size, modified: revision.clientModified))
        }
        guard members.count < settings.zipEntryLimit else { throw .archive("too_many_files") }
        return members
    }

    func revisionIndex(_ address: String) throws(AccountError) -> Int32 {
        if address.hasPrefix("rev:") {
            guard let number = revision(ofText: String(address.dropFirst(4))), isVisible(revisions[Int(number)].node)
            else { throw .lookup("not_found") }
            return number
        }
        let node = nodes[Int(try resolve(address))]
        guard !node.isFolder else { throw .lookup("not_file") }
        return node.revision
    }

    /// Metadata of a revision; by `rev:` it loses its symlink_info, as on the server.
    func fileMetadata(_ number: Int32, path: String? = nil, viaRevision: Bool = false, _ missing: inout [Int32])
        -> FileMetadata
    {
        let revision = revisions[Int(number)]
        let path = path ?? truePath(revision.node)
        var traits = revision.traits?.traits ?? FileTraits()
        if viaRevision { traits.symlinkTarget = nil }
        if revision.digest == nil { missing.append(number) }
        return FileMetadata(
            name: path.lastComponent, pathLower: Names.lower(path), pathDisplay: display(path, revision.node),
            id: idText(revision.node), rev: revText(number), size: revision.size,
            contentHash: traits.hidesHash ? nil : revision.digest?.hex, clientModified: revision.clientModified,
            serverModified: revision.serverModified, traits: traits, sharing: sharing(of: revision.node))
    }

    func folderMetadata(_ node: NodeIndex, path: String) -> FolderMetadata {
        FolderMetadata(
            name: path.lastComponent, pathLower: Names.lower(path), pathDisplay: display(path, node), id: idText(node),
            sharing: sharing(of: node))
    }

    /// How a path was spelled that once was.
    func gonePath(_ path: String) -> String? {
        guard base >= 0 else { return nil }
        let prefix = absolutePath(base)
        return gone[Exact(text: Names.lower(prefix + path))]
            .map { String(Substring($0.utf8.dropFirst(prefix.utf8.count))) }
    }

    func deletedMetadata(_ path: String) -> DeletedMetadata {
        DeletedMetadata(name: path.lastComponent, pathLower: Names.lower(path), pathDisplay: display(path, 0))
    }

    func entry(_ node: NodeIndex, _ missing: inout [Int32]) -> Entry {
        let path = truePath(node)
        let row = nodes[Int(node)]
        guard row.isFolder else { return .file(fileMetadata(row.revision, path: path, &missing)) }
        return .folder(folderMetadata(node, path: path))
    }

    func treeEntry(_ node: NodeIndex, _ missing: inout [Int32]) -> TreeEntry {
        let path = truePath(node)
        let row = nodes[Int(node)]
        var entry = TreeEntry(
            path: path, pathLower: Names.lower(path), isFile: !row.isFolder, size: 0, contentHash: nil,
            clientModified: 0, id: idText(node), rev: nil, traits: FileTraits(), sharing: sharing(of: node))
        guard !row.isFolder else { return entry }
        let revision = revisions[Int(row.revision)]
        if revision.digest == nil { missing.append(row.revision) }
        entry.size = revision.size
        entry.contentHash = revision.digest?.hex
        entry.clientModified = revision.clientModified
        entry.rev = revText(row.revision)
        entry.traits = revision.traits?.traits ?? FileTraits()
        return entry
    }

    /// The path with its folders spelled as the settings say; the last component is always true.
    private func display(_ path: String, _ node: NodeIndex) -> String {
        guard settings.ancestorCase != .exact, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return path
        }
        let folders = String(path[..<slash])
        switch settings.ancestorCase {
        case .exact: return path
        case .lower: return Names.lower(folders) + path[slash...]
        case .varying:
            let ascii = folders.utf8.allSatisfy { $0 < 0x80 }
            let spelled =
                !ascii || node % 3 == 0 ? folders : node % 3 == 1 ? Names.lower(folders) : folders.uppercased()
            return spelled + path[slash...]
        }
    }
}

extension String {
    /// What stands behind the last slash.
    var lastComponent: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return self }
        return String(self[utf8.index(after: slash)...])
    }
}
