import SyncModel

/// Turns the server's absolute paths into keys below the mirrored folder.
struct RootedPaths {
    /// The number of components of the mirrored folder's path.
    let rootDepth: Int
    /// Its `path_lower`, where that is known.
    let rootKey: String?
    /// The folder of the entry before, which the next one mostly lies in, too.
    private var before: (folder: Substring, names: [FileName]) = ("", [])

    init(rootDepth: Int, rootKey: String? = nil) {
        self.rootDepth = rootDepth
        self.rootKey = rootKey
    }

    /// What becomes of an entry.
    enum Reading {
        /// A change of what stands below the mirrored folder.
        case change(RemoteChange)
        /// Nothing: it is about the mirrored folder itself.
        case root
        /// Something that cannot be read and has no path to be kept under.
        case unread(UnreadEntry)
        /// Something that is none of ours, and why.
        case skipped(String)
    }

    /// What an entry says of the mirrored folder itself; `nil` if it says nothing of it, or that it is there.
    func rootChange(of entry: EntryJSON) -> RootChange? {
        guard case .known(let path) = entry.path, entry.unreadable == nil,
            path.utf8.first == UInt8(ascii: "/") || path.isEmpty && rootDepth > 0
        else { return nil }
        if path.utf8.count(where: { $0 == UInt8(ascii: "/") }) > rootDepth {
            guard let rootKey else { return nil }
            return path.utf8.starts(with: (rootKey + "/").utf8) ? nil : .strayed
        }
        switch entry.kind {
        case .deleted, .present(.file), .present(.export), .present(.link), .present(.unavailable): return .gone
        case .present(.folder): return nil
        }
    }

    /// What an entry means.
    mutating func read(_ entry: EntryJSON) -> Reading {
        switch entry.path {
        case .unknown(let why, let beginning):
            return .unread(unread(entry, entry.unreadable ?? why, beginning: beginning))
        case .known(let path):
            guard let (depth, start) = measure(path) else {
                return .unread(unread(entry, "the field path_lower is not a path"))
            }
            if depth == rootDepth {
                // The top of an account is in no listing of it.
                if rootDepth == 0 { return .unread(unread(entry, "the field path_lower is empty")) }
                return entry.unreadable.map { .unread(UnreadEntry(what: entry.label, reason: $0, beginning: nil)) }
                    ?? .root
            }
            let isOurs = rootKey.map { path.utf8.starts(with: ($0 + "/").utf8) } ?? true
            guard depth > rootDepth, isOurs else {
                return .skipped("an entry outside the mirrored folder: \(path)")
            }
            let key = RemoteKey(String(path[start...]))
            switch entry.kind {
            case .present(let node):
                let parents = parents(of: entry.pathDisplay ?? path, count: depth - rootDepth - 1)
                return .change(.put(key, node, parents: parents))
            case .deleted: return .change(.deleted(key))
            }
        }
    }

    /// The number of a path's components, and where those below the mirrored folder begin; `nil` if it is no path.
    private func measure(_ path: String) -> (depth: Int, start: String.Index)? {
        if path.isEmpty { return (0, path.endIndex) }
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.last != UInt8(ascii: "/") else { return nil }
        var (depth, start, wasSlash) = (0, path.endIndex, false)
        for index in path.utf8.indices {
            let isSlash = path.utf8[index] == UInt8(ascii: "/")
            if isSlash {
                if wasSlash { return nil }
                depth += 1
                if depth == rootDepth + 1 { start = index }
            }
            wasSlash = isSlash
        }
        return (depth, start)
    }

    /// - Parameter beginning: what is known of its path.
    private func unread(_ entry: EntryJSON, _ reason: String, beginning: String = "") -> UnreadEntry {
        let components = beginning.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst(1 + rootDepth)
        let isPath = beginning.utf8.first == UInt8(ascii: "/")
        let key = components.reduce(into: "") { $0 += "/" + String(Substring($1)) }
        return UnreadEntry(what: entry.label, reason: reason, beginning: RemoteKey(isPath ? key : ""))
    }

    private mutating func parents(of path: String, count: Int) -> [FileName] {
        let folder = path[..<(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
        if before.names.count == count, before.folder.utf8.elementsEqual(folder.utf8) { return before.names }
        let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        before = (folder, components.dropFirst(rootDepth).prefix(count).map { FileName(String(Substring($0))) })
        return before.names
    }
}
