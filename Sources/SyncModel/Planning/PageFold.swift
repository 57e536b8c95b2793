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
            switch change.withoutNul {
            case .deleted(let key)?:
                edits.append(.removeSubtree(key))
            case .put(let key, let node, let parents)?:
                // A folder keeps its children; anything else replaces what was there, children included. What cannot
                // be read may be a folder.
                if case .folder = node {} else if !node.isUnreadable { edits.append(.removeChildren(key)) }
                edits.append(.put(key, node, parents: parents))
            case nil: break
            }
        }
        return edits
    }
}

extension RemoteChange {
    /// The change, with an entry whose name holds a NUL byte as something that cannot be mirrored.
    ///
    /// C strings end at a NUL: kept as it is, such a key would be taken for a shorter one, perhaps another entry's.
    /// `nil` for what is below such an entry: that is not mirrored with it.
    fileprivate var withoutNul: RemoteChange? {
        switch self {
        case .deleted(let key):
            if !key.text.hasNul { return self }
            return key.parent?.text.hasNul == true ? nil : .deleted(RemoteKey(key.text.showingNul))
        case .put(let key, let node, let parents):
            if !key.text.hasNul && !node.name.text.hasNul { return self }
            if key.parent?.text.hasNul == true { return nil }
            let name = FileName(node.name.text.showingNul)
            return .put(
                RemoteKey(key.text.showingNul), .unavailable(name: name, .nulInName, rev: nil), parents: parents)
        }
    }
}

extension String {
    fileprivate var hasNul: Bool { utf8.contains(0) }

    /// The text with U+2400, the symbol for NUL, for each NUL.
    fileprivate var showingNul: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{2400}" : $0 }))
    }
}
