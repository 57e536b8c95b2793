extension AccountState {
    mutating func commit(_ commit: Commit, _ content: Content, size: Int64, digest: Digest?) throws(AccountError)
        -> Int32
    {
        let path = try writable(commit.path)
        if let node = find(path) {
            if let same = try unchanged(node, commit, digest) { return same }
            let isFree = try mayReplace(node, commit)
            guard isFree else { return try self.commit(evading(commit, path), content, size: size, digest: digest) }
            try checkSpace(for: size - revisions[Int(nodes[Int(node)].revision)].size)
            let revision = addRevision(node, commit, content, size: size, digest: digest)
            record(node)
            return revision
        }
        if case .update = commit.mode, commit.isStrict { throw .write(["conflict", "file"]) }
        try checkSpace(for: size)
        var made: [NodeIndex] = []
        let names = Names.components(path)
        let parent = try ensureFolders(names.dropLast(), &made)
        let node = addNode(names[names.count - 1], in: parent, revision: Int32(revisions.count))
        let revision = addRevision(node, commit, content, size: size, digest: digest)
        recordAll(made + [node])
        return revision
    }

    /// The path of an address that may be written to.
    func writable(_ address: String) throws(AccountError) -> String {
        let path: String
        guard base >= 0 else { throw .write(["no_write_permission"]) }
        do { path = try self.path(of: address) } catch { throw .write(["malformed_path"]) }
        guard !Names.isMalformed(path), path.utf8.count > 1 else { throw .write(["malformed_path"]) }
        guard !isSeeding else { return path }
        let names = Names.components(path)
        let refused = Names.lower(settings.disallowedName)
        guard !names.contains(where: { Names.isDisallowed($0) || (!refused.isEmpty && Names.lower($0) == refused) })
        else { throw .write(["disallowed_name"]) }
        let closed = Names.components(settings.readOnlyFolder).map(Names.lower)
        guard closed.isEmpty || !names.map(Names.lower).starts(with: closed) else {
            throw .write(["no_write_permission"])
        }
        guard !isClosed(path) else { throw .write(["no_write_permission"]) }
        return path
    }

    /// Refuses more bytes than there is room for.
    private func checkSpace(for size: Int64) throws(AccountError) {
        guard settings.quota == 0 || isSeeding || usedBytes + size <= settings.quota else {
            throw .write(["insufficient_space"])
        }
    }

    /// The current revision, when the content is the same and so nothing is written.
    private func unchanged(_ node: NodeIndex, _ commit: Commit, _ digest: Digest?) throws(AccountError) -> Int32? {
        let current = nodes[Int(node)].revision
        guard current >= 0, !commit.isStrict, let digest else { return nil }
        let old = revisions[Int(current)]
        let oldDigest = old.digest ?? old.content.computeHash()
        guard oldDigest == digest, (old.traits?.traits ?? FileTraits()) == commit.traits else { return nil }
        return current
    }

    /// True: write here; false: write under another name.
    private func mayReplace(_ node: NodeIndex, _ commit: Commit) throws(AccountError) -> Bool {
        let current = nodes[Int(node)].revision
        guard current >= 0 else {
            guard commit.autorename else { throw .write(["conflict", "folder"]) }
            return false
        }
        switch commit.mode {
        case .overwrite: return true
        case .update(let rev) where rev == revText(current): return true
        case .add, .update:
            guard commit.autorename else { throw .write(["conflict", "file"]) }
            return false
        }
    }

    private func evading(_ commit: Commit, _ path: String) -> Commit {
        var commit = commit
        if case .update = commit.mode {
            commit.path = freeName(for: path, mark: "conflicted copy")
        } else {
            commit.path = freeName(for: path, mark: "1")
        }
        return commit
    }

    /// A free path beside `path`, numbered before the extension.
    func freeName(for path: String, mark: String) -> String {
        let folder = path.dropLast(path.lastComponent.count)
        var candidate = folder + Names.marked(path.lastComponent, mark)
        var number = 2
        while find(String(candidate)) != nil {
            let next = Int(mark) == nil ? "\(mark) \(number)" : "\(number)"
            candidate = folder + Names.marked(path.lastComponent, next)
            number += 1
        }
        return String(candidate)
    }

    mutating func addRevision(
        _ node: NodeIndex, _ commit: Commit, _ content: Content, size: Int64, digest: Digest?
    ) -> Int32 {
        let now = Timestamp.now
        let traits = commit.traits == FileTraits() ? nil : TraitsBox(commit.traits)
        let old = nodes[Int(node)].revision
        count(size - (old >= 0 && old < revisions.count ? revisions[Int(old)].size : 0), at: node)
        let revision = Int32(revisions.count)
        revisions.append(
            Revision(
                node: node, content: content, size: size, clientModified: commit.clientModified ?? now,
                serverModified: now, digest: digest, traits: traits))
        nodes[Int(node)].revision = revision
        return revision
    }

    /// A new revision of the same bytes.
    mutating func renewRevision(_ node: NodeIndex) {
        let current = nodes[Int(node)].revision
        guard current >= 0 else { return }
        var revision = revisions[Int(current)]
        revision.node = node
        nodes[Int(node)].revision = Int32(revisions.count)
        revisions.append(revision)
    }

    /// The folder that `names` lead to; those that were missing are added to `made`, top first.
    mutating func ensureFolders(_ names: some Collection<String>, _ made: inout [NodeIndex]) throws(AccountError)
        -> NodeIndex
    {
        var folder = base
        for name in names {
            if let next = child(of: folder, named: Names.lower(name)) {
                guard nodes[Int(next)].isFolder else { throw .write(["conflict", "file_ancestor"]) }
                folder = next
            } else {
                folder = addNode(name, in: folder, revision: -1)
                made.append(folder)
            }
        }
        return folder
    }

    mutating func makeFolder(_ address: String, autorename: Bool) throws(AccountError) -> NodeIndex {
        var path = try writable(address)
        if let node = find(path) {
            guard autorename else {
                throw .write(["conflict", nodes[Int(node)].isFolder ? "folder" : "file"])
            }
            path = freeName(for: path, mark: "1")
        }
        var made: [NodeIndex] = []
        let node = try ensureFolders(Names.components(path), &made)
        recordAll(made)
        return node
    }

    /// Records new entries, given top first.
    mutating func recordAll(_ made: [NodeIndex]) {
        for node in settings.childrenBeforeParents ? made.reversed() : made { record(node) }
    }

    mutating func remove(_ node: NodeIndex) {
        let below = subtree(node)
        let paths = below.map { absolutePath($0) }
        let sight = sight(of: node)
        count(-bytes(below), at: node)
        unlink(node)
        for each in below {
            let row = nodes[Int(each)]
            nodes[Int(each)].isGone = true
            index[ChildKey(parent: row.parent, name: Exact(text: row.lower))] = nil
            if let id = mounts.removeValue(forKey: each) { shares[id] = nil }
        }
        recordDeletions(paths, sight)
    }

    /// The free place that a move or copy may use.
    private mutating func target(
        _ address: String, for source: NodeIndex, autorename: Bool, _ made: inout [NodeIndex]
    ) throws(AccountError) -> (parent: NodeIndex, name: String) {
        var path: String
        do { path = try writable(address) } catch .write(let tags) { throw .to(tags) } catch { throw error }
        if let there = find(path) {
            guard there != source else { throw .relocation("duplicated_or_nested_paths") }
            guard autorename else { throw .to(["conflict", nodes[Int(there)].isFolder ? "folder" : "file"]) }
            path = freeName(for: path, mark: "1")
        }
        let names = Names.components(path)
        do {
            return (try ensureFolders(names.dropLast(), &made), names[names.count - 1])
        } catch .write(let tags) { throw .to(tags) } catch { throw error }
    }

    private func source(_ address: String, _ target: String) throws(AccountError) -> NodeIndex {
        let node: NodeIndex
        do { node = try resolve(address) } catch .lookup(let tag) { throw .fromLookup(tag) } catch { throw error }
        guard node != base else { throw .fromLookup("malformed_path") }
        let prefix = Names.lower(truePath(node)) + "/"
        guard !Names.lower(target).hasPrefix(prefix) else { throw .relocation("cant_move_folder_into_itself") }
        return node
    }

    mutating func move(_ from: String, _ address: String, autorename: Bool) throws(AccountError) -> NodeIndex {
        let node = try source(from, address)
        var made: [NodeIndex] = []
        let (parent, name) = try target(address, for: node, autorename: autorename, &made)
        let oldPaths = subtree(node).map { absolutePath($0) }
        let oldSight = sight(of: node)
        unlink(node)
        nodes[Int(node)].name = name
        nodes[Int(node)].lower = Names.lower(name)
        link(node, into: parent)
        if !settings.movesAddFirst { recordDeletions(oldPaths, oldSight) }
        for each in made { record(each) }
        for each in subtree(node, bottomUp: settings.childrenBeforeParents) {
            // For the other members of a shared folder nothing happens in it.
            let share = outermostShare(of: each, below: node)
            if settings.movesMakeRevisions, share == nil { renewRevision(each) }
            record(each, share.map { sight(of: $0) })
        }
        if settings.movesAddFirst { recordDeletions(oldPaths, oldSight) }
        return node
    }

    mutating func copy(_ from: String, _ address: String, autorename: Bool) throws(AccountError) -> NodeIndex {
        let node = try source(from, address)
        var made: [NodeIndex] = []
        let (parent, name) = try target(address, for: node, autorename: autorename, &made)
        let top = copyRow(node, into: parent, name: name)
        var pairs = [(node, top)]
        while let (old, new) = pairs.popLast() {
            made.append(new)
            for child in children(old) {
                pairs.append((child, copyRow(child, into: new, name: nodes[Int(child)].name)))
            }
        }
        recordAll(made)
        return top
    }

    private mutating func copyRow(_ node: NodeIndex, into parent: NodeIndex, name: String) -> NodeIndex {
        let old = nodes[Int(node)].revision
        let new = addNode(name, in: parent, revision: old)
        if old >= 0 {
            renewRevision(new)
            count(revisions[Int(old)].size, at: new)
        }
        return new
    }
}
