import SyncModel

/// Turns the server's absolute paths into keys below the mirrored folder.
struct RootedPaths {
    /// The number of components of the mirrored folder's path.
    let rootDepth: Int
    /// Its `path_lower`, where that is known.
    let rootKey: String?

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
        case .deleted, .present(.file), .present(.unavailable): return .gone
        case .present(.folder): return nil
        }
    }

    /// What an entry means.
    func read(_ entry: EntryJSON) -> Reading {
        switch entry.path {
        case .unknown(let why, let beginning):
            return .unread(unread(entry, entry.unreadable ?? why, beginning: beginning))
        case .known(let path):
            let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
            guard path.isEmpty || path.utf8.first == UInt8(ascii: "/"), !components.contains(where: \.isEmpty) else {
                return .unread(unread(entry, "the field path_lower is not a path"))
            }
            if components.count == rootDepth {
                // The top of an account is in no listing of it.
                if rootDepth == 0 { return .unread(unread(entry, "the field path_lower is empty")) }
                return entry.unreadable.map { .unread(UnreadEntry(what: entry.label, reason: $0, beginning: nil)) }
                    ?? .root
            }
            let isOurs = rootKey.map { path.utf8.starts(with: ($0 + "/").utf8) } ?? true
            guard components.count > rootDepth, isOurs else {
                return .skipped("an entry outside the mirrored folder: \(path)")
            }
            return .change(change(entry, path: path, components: components.dropFirst(rootDepth)))
        }
    }

    private func change(
        _ entry: EntryJSON, path: String, components: ArraySlice<Substring.UTF8View>
    ) -> RemoteChange {
        let key = RemoteKey(components.reduce(into: "") { $0 += "/" + String(Substring($1)) })
        switch entry.kind {
        case .present(let node):
            return .put(key, node, parents: parents(of: entry.pathDisplay ?? path, count: key.depth - 1))
        case .deleted: return .deleted(key)
        }
    }

    /// - Parameter beginning: what is known of its path.
    private func unread(_ entry: EntryJSON, _ reason: String, beginning: String = "") -> UnreadEntry {
        let components = beginning.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst(1 + rootDepth)
        let isPath = beginning.utf8.first == UInt8(ascii: "/")
        let key = components.reduce(into: "") { $0 += "/" + String(Substring($1)) }
        return UnreadEntry(what: entry.label, reason: reason, beginning: RemoteKey(isPath ? key : ""))
    }

    private func parents(of path: String, count: Int) -> [FileName] {
        let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        return components.dropFirst(rootDepth).prefix(count).map { FileName(String(Substring($0))) }
    }
}
