/// Metadata as the API writes it (docs/dropbox-api.md#31-fields).
struct MetadataJSON {
    /// Whether members appear that no specification knows, and `is_downloadable` where it says nothing.
    var extraFields: Bool

    /// An entry of a listing: the static type is the union, so the tag is there.
    func entry(_ entry: Entry) -> JSON {
        switch entry {
        case .file(let file): return .object([.init(".tag", "file")] + members(file))
        case .folder(let folder): return .object([.init(".tag", "folder")] + members(folder))
        case .deleted(let gone):
            return .object(
                [.init(".tag", "deleted")] + names(gone.name, lower: gone.pathLower, display: gone.pathDisplay))
        }
    }

    /// FileMetadata where nothing else can stand: without a tag.
    func file(_ file: FileMetadata) -> JSON { .object(members(file)) }

    /// FolderMetadata where nothing else can stand: without a tag.
    func folder(_ folder: FolderMetadata) -> JSON { .object(members(folder)) }

    private func names(_ name: String, lower: String, display: String) -> [JSON.Member] {
        [
            .init("name", .string(name)), .init("path_lower", .string(lower)),
            .init("path_display", .string(display)),
        ]
    }

    private func members(_ folder: FolderMetadata) -> [JSON.Member] {
        names(folder.name, lower: folder.pathLower, display: folder.pathDisplay) + [.init("id", .string(folder.id))]
            + sharing(folder.sharing)
    }

    /// `sharing_info`, and the same in members that are deprecated.
    private func sharing(_ sharing: Sharing?) -> [JSON.Member] {
        guard let sharing else { return [] }
        let ids = [("parent_shared_folder_id", sharing.parent), ("shared_folder_id", sharing.id)].compactMap {
            key, id in
            id.map { JSON.Member(key, .string($0)) }
        }
        var info: [JSON.Member] = [.init("read_only", .bool(sharing.isReadOnly))] + ids
        if sharing.isTraverseOnly || extraFields { info.append(.init("traverse_only", .bool(sharing.isTraverseOnly))) }
        if sharing.isForbidden || extraFields { info.append(.init("no_access", .bool(sharing.isForbidden))) }
        return [.init("sharing_info", .object(info))] + (extraFields ? ids : [])
    }

    private func exportInfo(_ document: OnlineDocument) -> [JSON.Member] {
        var members: [JSON.Member] = []
        if let format = document.exportAs { members.append(.init("export_as", .string(format))) }
        if let options = document.options { members.append(.init("export_options", .array(options.map(JSON.string)))) }
        return members.isEmpty ? [] : [.init("export_info", .object(members))]
    }

    private func members(_ file: FileMetadata) -> [JSON.Member] {
        var members = names(file.name, lower: file.pathLower, display: file.pathDisplay)
        members.append(.init("id", .string(file.id)))
        members.append(.init("client_modified", .string(Timestamp.text(file.clientModified))))
        members.append(.init("server_modified", .string(Timestamp.text(file.serverModified))))
        members.append(.init("rev", .string(file.rev)))
        members.append(.init("size", .int(file.size)))
        if let hash = file.contentHash { members.append(.init("content_hash", .string(hash))) }
        if let target = file.traits.symlinkTarget {
            members.append(.init("symlink_info", ["target": .string(target)]))
        }
        let isOdd = extraFields && file.size % 2 == 1
        if !file.traits.isDownloadable || isOdd {
            members.append(.init("is_downloadable", .bool(file.traits.isDownloadable)))
        }
        if let sharing = file.sharing {
            var info: [JSON.Member] = [.init("read_only", .bool(sharing.isReadOnly))]
            if let parent = sharing.parent { info.append(.init("parent_shared_folder_id", .string(parent))) }
            if extraFields { info.append(.init("modified_by", "dbid:AAFakeFakeFakeFakeFakeFakeFakeFake1")) }
            members.append(.init("sharing_info", .object(info)))
        }
        if let document = file.traits.document { members += exportInfo(document) }
        if extraFields, file.size % 3 == 0 { members.append(.init("sandbox_future_field", ["of": ["no", "use"]])) }
        return members
    }
}
