import SyncModel

/// One entry of a listing as the API writes it: FileMetadata, FolderMetadata or DeletedMetadata (files.stone).
struct EntryJSON: Decodable {
    /// What the entry is.
    enum Kind {
        case present(RemoteNode)
        case deleted
        case unknown(tag: String)
    }

    let kind: Kind
    /// `path_lower`; `nil` for what is not mounted.
    let pathLower: String?
    let pathDisplay: String?
    /// `id:…`; survives renames.
    let id: String?

    private enum Keys: String, CodingKey {
        case tag = ".tag"
        case name, rev, size, id
        case pathLower = "path_lower"
        case pathDisplay = "path_display"
        case clientModified = "client_modified"
        case contentHash = "content_hash"
        case isDownloadable = "is_downloadable"
        case symlinkInfo = "symlink_info"
        case sharingInfo = "sharing_info"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        let tag = try fields.decode(String.self, forKey: .tag)
        switch tag {
        case "file": kind = .present(try EntryJSON.file(fields))
        case "folder": kind = .present(try EntryJSON.folder(fields))
        case "deleted": kind = .deleted
        default:
            (kind, pathLower, pathDisplay, id) = (.unknown(tag: tag), nil, nil, nil)
            return
        }
        // Absent is a broken answer: a listing by path holds mounted entries only. Null is the API's "not mounted".
        guard fields.contains(.pathLower) else {
            throw DecodingError.keyNotFound(
                Keys.pathLower, .init(codingPath: decoder.codingPath, debugDescription: "no path_lower"))
        }
        pathLower = try fields.decodeIfPresent(String.self, forKey: .pathLower)
        pathDisplay = try fields.decodeIfPresent(String.self, forKey: .pathDisplay)
        id = try fields.decodeIfPresent(String.self, forKey: .id)
    }

    private static func file(_ fields: KeyedDecodingContainer<Keys>) throws -> RemoteNode {
        struct Symlink: Decodable { let target: String }
        let name = FileName(try fields.decode(String.self, forKey: .name))
        let rev = Rev(try fields.decode(String.self, forKey: .rev))
        let size = try fields.decode(Int64.self, forKey: .size)
        guard size >= 0 else { throw invalid(.size, fields) }
        let time = try fields.decode(String.self, forKey: .clientModified)
        guard let modified = TimestampText.parse(time) else { throw invalid(.clientModified, fields) }
        if try fields.decodeIfPresent(Bool.self, forKey: .isDownloadable) == false {
            return .unavailable(name: name, .notDownloadable, rev: rev)
        }
        if let link = try fields.decodeIfPresent(Symlink.self, forKey: .symlinkInfo) {
            return .unavailable(name: name, .symbolicLink(target: link.target), rev: rev)
        }
        guard let hex = try fields.decodeIfPresent(String.self, forKey: .contentHash) else {
            return .unavailable(name: name, .noContentHash, rev: rev)
        }
        guard let hash = ContentHash(hex: hex) else { throw invalid(.contentHash, fields) }
        return .file(name: name, FileVersion(rev: rev, size: size, hash: hash, modified: modified))
    }

    private static func folder(_ fields: KeyedDecodingContainer<Keys>) throws -> RemoteNode {
        struct Sharing: Decodable { let no_access: Bool? }
        let name = FileName(try fields.decode(String.self, forKey: .name))
        let sharing = try fields.decodeIfPresent(Sharing.self, forKey: .sharingInfo)
        if sharing?.no_access == true { return .unavailable(name: name, .noAccess, rev: nil) }
        return .folder(name: name)
    }

    private static func invalid(_ key: Keys, _ fields: KeyedDecodingContainer<Keys>) -> DecodingError {
        .dataCorrupted(.init(codingPath: fields.codingPath + [key], debugDescription: "not valid"))
    }
}

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

    /// What an entry says of the mirrored folder itself; `nil` if it says nothing of it, or that it is there.
    func rootNews(of entry: EntryJSON) -> RootNews? {
        guard let path = entry.pathLower, path.isEmpty || path.utf8.first == UInt8(ascii: "/") else { return nil }
        if path.utf8.count(where: { $0 == UInt8(ascii: "/") }) > rootDepth {
            guard let rootKey else { return nil }
            return path.utf8.starts(with: (rootKey + "/").utf8) ? nil : .strayed
        }
        switch entry.kind {
        case .deleted, .present(.file), .present(.unavailable): return .gone
        case .present(.folder), .unknown: return nil
        }
    }

    /// The change that an entry means; `nil` for the mirrored folder itself.
    ///
    /// - Throws: why the entry cannot be taken as a change.
    func change(for entry: EntryJSON) throws(PassedOver) -> RemoteChange? {
        if case .unknown(let tag) = entry.kind { throw PassedOver(reason: "an entry of the unknown kind \"\(tag)\"") }
        guard let pathLower = entry.pathLower else { throw PassedOver(reason: "an entry that is not mounted") }
        let components = pathLower.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .dropFirst()
        guard pathLower.isEmpty || pathLower.utf8.first == UInt8(ascii: "/"), !components.contains(where: \.isEmpty)
        else { throw PassedOver(reason: "an entry with the path \"\(pathLower)\", which is none") }
        if components.count == rootDepth { return nil }
        guard components.count > rootDepth, rootNews(of: entry) != .strayed else {
            throw PassedOver(reason: "an entry outside the mirrored folder: \(pathLower)")
        }
        let key = RemoteKey(components.dropFirst(rootDepth).reduce(into: "") { $0 += "/" + String(Substring($1)) })
        switch entry.kind {
        case .present(let node):
            return .put(key, node, parents: parents(of: entry.pathDisplay ?? pathLower, count: key.depth - 1))
        default: return .deleted(key)
        }
    }

    private func parents(of path: String, count: Int) -> [FileName] {
        let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        return components.dropFirst(rootDepth).prefix(count).map { FileName(String(Substring($0))) }
    }
}

/// Why an entry was passed over.
struct PassedOver: Error {
    let reason: String
}
