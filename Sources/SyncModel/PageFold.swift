/// One step in bringing the want up to date; steps are executed in order by a store that knows no rules.
public enum TreeEdit: Hashable, Sendable {
    /// The entry is what stands there now; missing parents are made from `parents`, from the top down.
    case put(RemoteKey, RemoteNode, parents: [FileName])
    /// Nothing stands below the key any more.
    case removeChildren(RemoteKey)
    /// Nothing stands at the key nor below it any more.
    case removeSubtree(RemoteKey)
}

/// The three rules of `list_folder` (files.stone, ListFolderResult.entries), as edits in the order of the page.
public enum PageFold {
    /// The edits that a page asks for.
    public static func edits(for changes: [RemoteChange]) -> [TreeEdit] {
        var edits: [TreeEdit] = []
        edits.reserveCapacity(changes.count * 2)
        for change in changes {
            switch change {
            case .deleted(let key):
                edits.append(.removeSubtree(key))
            case .put(let key, let node, let parents):
                // A folder keeps its children; anything else replaces what was there, children included.
                if case .folder = node {} else { edits.append(.removeChildren(key)) }
                edits.append(.put(key, node, parents: parents))
            }
        }
        return edits
    }
}
