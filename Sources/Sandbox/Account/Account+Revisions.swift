/// What `files/list_revisions` answers.
public struct RevisionPage: Hashable, Sendable {
    /// Whether no file stands there now.
    public var isDeleted: Bool
    /// The revisions, newest first.
    public var entries: [FileMetadata]
    /// Whether there are older ones.
    public var hasMore: Bool
}

extension Account {
    /// What `files/list_revisions` answers.
    ///
    /// - Parameters:
    ///   - address: a path or `id:…`, of a file that may be gone.
    ///   - byID: all revisions of the file, wherever it stood, rather than of whatever stood at the path.
    ///   - limit: the maximum number of entries.
    ///   - before: only revisions older than this one of them.
    /// - Throws: `AccountError`, as the service refuses it.
    public func revisions(of address: String, byID: Bool = false, limit: Int = 10, before: String? = nil) throws
        -> RevisionPage
    {
        try withHashes { state, missing in
            guard before == nil || !byID else { throw AccountError.revisions("before_rev_not_supported") }
            let path = try state.path(of: address)
            guard !Names.isMalformed(path) else { throw AccountError.lookup("malformed_path") }
            let there = state.find(path)
            if let there, state.nodes[Int(there)].isFolder { throw AccountError.lookup("not_file") }
            var numbers = Array(state.revisionsHeld(at: Names.lower(path)).reversed())
            if byID {
                let node = there ?? numbers.first.map { state.revisions[Int($0)].node }
                numbers = state.revisions.indices.reversed().map { Int32($0) }
                    .filter { state.revisions[Int($0)].node == node }
            }
            guard !numbers.isEmpty else { throw AccountError.lookup("not_found") }
            if let before {
                guard let place = numbers.firstIndex(where: { state.revText($0) == before }) else {
                    throw AccountError.revisions("invalid_before_rev")
                }
                numbers.removeFirst(place + 1)
            }
            let shown = there.map { state.truePath($0) } ?? state.gonePath(path) ?? path
            let entries = numbers.prefix(limit).map { state.fileMetadata($0, path: shown, &missing) }
            return RevisionPage(isDeleted: there == nil, entries: entries, hasMore: numbers.count > limit)
        }
    }
}

extension AccountState {
    /// The revisions that ever stood at a lower-case path, oldest first.
    fileprivate func revisionsHeld(at path: String) -> [Int32] {
        var found: Set<Int32> = []
        for event in journal where event.revision >= 0 {
            let shown = (sights[event.sight] ?? .everywhere).path(event.path, in: space)
            if let shown, Names.lower(shown).utf8.elementsEqual(path.utf8) { found.insert(event.revision) }
        }
        // What was there from the beginning is in no journal.
        for (number, revision) in revisions.enumerated() {
            guard isVisible(revision.node), Names.lower(truePath(revision.node)).utf8.elementsEqual(path.utf8) else {
                continue
            }
            let isCurrent = nodes[Int(revision.node)].revision == Int32(number)
            if isCurrent { found.insert(Int32(number)) }
        }
        return found.sorted()
    }
}
