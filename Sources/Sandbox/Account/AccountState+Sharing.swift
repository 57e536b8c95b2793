extension AccountState {
    /// The shared folder that is mounted at `path`.
    func mountPoint(_ path: String) throws(AccountError) -> (id: String, top: NodeIndex) {
        let top = try resolve(path)
        guard let id = mounts[top] else { throw .lookup("not_found") }
        return (id, top)
    }

    /// `sharing_info` of a node.
    func sharing(of node: NodeIndex) -> Sharing? {
        guard !mounts.isEmpty else { return nil }
        let parent = enclosingShare(of: node)
        guard let id = mounts[node], let share = shares[id] else {
            return parent.map { Sharing(isReadOnly: shares[$0]?.isReadOnly ?? false, parent: $0) }
        }
        return Sharing(
            isReadOnly: share.isReadOnly, parent: parent, id: id, isTraverseOnly: share.access == .traverseOnly,
            isForbidden: share.access == .none)
    }

    /// The innermost shared folder that a node is in.
    private func enclosingShare(of node: NodeIndex) -> String? {
        var current = nodes[Int(node)].parent
        while current >= 0 {
            if let id = mounts[current] { return id }
            current = nodes[Int(current)].parent
        }
        return nil
    }

    /// Whether the member may write what stands, or would stand, at `path`.
    func isClosed(_ path: String) -> Bool {
        guard actsAsMember, !mounts.isEmpty else { return false }
        var node = base
        var isClosed = false
        for name in Names.components(path).dropLast() {
            if let share = mounts[node].flatMap({ shares[$0] }) { isClosed = share.isReadOnly || share.access != .all }
            guard let next = child(of: node, named: Names.lower(name)) else { return isClosed }
            node = next
        }
        if let share = mounts[node].flatMap({ shares[$0] }) { isClosed = share.isReadOnly || share.access != .all }
        return isClosed
    }

    /// The number of bytes in files.
    func bytes(_ nodes: [NodeIndex]) -> Int64 {
        nodes.reduce(0) { sum, node in
            let row = self.nodes[Int(node)]
            return sum + (row.isFolder ? 0 : revisions[Int(row.revision)].size)
        }
    }

    /// Counts bytes that come or go, unless the member does not see them.
    mutating func count(_ bytes: Int64, at node: NodeIndex) {
        if mounts.isEmpty || isInside(node, 0) { usedBytes += bytes }
    }

    /// Removes a node; a member who removes a shared folder leaves it.
    mutating func removeOrLeave(_ node: NodeIndex) throws(AccountError) {
        guard actsAsMember else { return remove(node) }
        if let share = mounts[node].flatMap({ shares[$0] }) {
            guard !share.isTeamOwned else { throw .write(["team_folder"]) }
            return unmount(node)
        }
        guard !isClosed(truePath(node)) else { throw .write(["no_write_permission"]) }
        remove(node)
    }

    mutating func unmount(_ top: NodeIndex) {
        guard let id = mounts[top] else { return }
        let sight = sight(of: top)
        let leaving = subtree(top)
        let paths = leaving.map { absolutePath($0) }
        count(-bytes(leaving), at: top)
        unlink(top)
        nodes[Int(top)].parent = -1
        shares[id]?.isMounted = false
        recordDeletions(paths, sight)
    }

    mutating func setAccess(_ access: SharedFolder.Access, of path: String, showing names: [String])
        throws(AccountError)
    {
        let (id, top) = try mountPoint(path)
        let sight = sight(of: top)
        let shown = Set(names.map { Exact(text: Names.lower($0)) })
        let leaving = children(top).filter { !shown.contains(Exact(text: nodes[Int($0)].lower)) }
        shares[id]?.access = access
        let paths = leaving.map { node in subtree(node).map { absolutePath($0) } }
        let hidden = shares[id]?.hidden ?? addTop(mountOf: id)
        for node in leaving {
            count(-bytes(subtree(node)), at: node)
            unlink(node)
            link(node, into: hidden)
        }
        if !settings.childrenBeforeParents { record(top) }
        for paths in paths { recordDeletions(paths, sight) }
        if settings.childrenBeforeParents { record(top) }
    }

    /// The top of a tree of its own for what is not seen of a shared folder.
    private mutating func addTop(mountOf id: String) -> NodeIndex {
        let top = NodeIndex(nodes.count)
        nodes.append(Node(name: "", lower: "", parent: -1, revision: -1))
        shares[id]?.hidden = top
        mounts[top] = id
        return top
    }

    mutating func regainAccess(_ path: String) throws(AccountError) {
        let (id, top) = try mountPoint(path)
        let sight = sight(of: top)
        shares[id]?.access = .all
        var back: [NodeIndex] = []
        if let hidden = shares[id]?.hidden {
            for node in children(hidden) where child(of: top, named: nodes[Int(node)].lower) == nil {
                unlink(node)
                link(node, into: top)
                count(bytes(subtree(node)), at: node)
                back.append(node)
            }
            mounts[hidden] = nil
            shares[id]?.hidden = nil
        }
        if !settings.childrenBeforeParents { record(top) }
        for node in back {
            for each in subtree(node, bottomUp: settings.childrenBeforeParents) { record(each, sight) }
        }
        if settings.childrenBeforeParents { record(top) }
    }

    /// Records that a tree is gone, whose paths are given from its top down.
    mutating func recordDeletions(_ paths: [String], _ sight: Sight) {
        for path in paths where !isSeeding { gone[Exact(text: Names.lower(path))] = path }
        for path in settings.deletesListChildren ? paths[...] : paths.prefix(1) { recordDeletion(path, sight) }
    }

    /// The outermost shared folder, from `top` downwards, that a node is in or is.
    func outermostShare(of node: NodeIndex, below top: NodeIndex) -> NodeIndex? {
        guard !mounts.isEmpty else { return nil }
        var found: NodeIndex?
        var current = node
        while current >= 0 {
            if mounts[current] != nil { found = current }
            if current == top { break }
            current = nodes[Int(current)].parent
        }
        return found
    }
}
