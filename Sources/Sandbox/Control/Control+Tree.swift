extension Control {
    /// Changes of the account, as if made by another client, and the account as it is.
    static let treeCommands: [Command] = [
        Command(
            method: "POST", name: "put",
            help: "writes a file: path, and text, base64, file (a path of this machine) or size (made-up bytes, seed); "
                + "client_modified in seconds, symlink, downloadable, hide_hash, restricted"
        ) { control, json in try control.put(json) },
        Command(method: "POST", name: "folder", help: "makes a folder: path") { control, json in
            let folder = try control.account.makeFolder(try json.text(of: "path"))
            return ["path_lower": .string(folder.pathLower), "id": .string(folder.id)]
        },
        Command(method: "POST", name: "delete", help: "removes a file or a folder with all in it: path") {
            control, json in
            try control.account.delete(try json.text(of: "path"))
            return [:]
        },
        Command(method: "POST", name: "move", help: "moves or renames: from, to") { control, json in
            try control.account.move(try json.text(of: "from"), try json.text(of: "to"))
            return [:]
        },
        Command(method: "POST", name: "copy", help: "copies: from, to") { control, json in
            try control.account.copy(try json.text(of: "from"), try json.text(of: "to"))
            return [:]
        },
        Command(
            method: "POST", name: "rename-case",
            help: "spells the last component anew: path, name, journal (true: cursors hear of it)"
        ) { control, json in
            try control.account.renameCase(
                try json.text(of: "path"), to: try json.text(of: "name"), isJournaled: json["journal"]?.bool ?? false)
            return [:]
        },
        Command(method: "POST", name: "reshare", help: "reports a tree as deleted and there again: path") {
            control, json in
            try control.account.reshare(try json.text(of: "path"))
            return [:]
        },
        Command(
            method: "POST", name: "fill",
            help: "adds made-up files: files, min_size, max_size, depth, files_per_folder, large_files, large_size, "
                + "documents (online ones, of every kind in turn), random, into (a folder), "
                + "journal (false: cursors do not hear of it)"
        ) { control, json in try control.fill(json) },
        Command(method: "GET", name: "tree", help: "all files and folders, true names, sizes, hashes and times") {
            control, _ in
            .array(control.account.tree().map(treeJSON))
        },
        Command(method: "GET", name: "state", help: "how many entries and bytes there are") { control, _ in
            ["entries": .int(Int64(control.account.entryCount)), "bytes": .int(control.account.usedBytes)]
        },
    ]

    private func put(_ json: JSON) throws -> JSON {
        let content = try Content(json: json)
        var traits = FileTraits()
        traits.symlinkTarget = json["symlink"]?.string
        traits.isDownloadable = json["downloadable"]?.bool ?? true
        traits.hidesHash = json["hide_hash"]?.bool ?? false
        traits.isRestricted = json["restricted"]?.bool ?? false
        let file = try account.put(
            try json.text(of: "path"), content, clientModified: try json.whole("client_modified"), traits: traits)
        return MetadataJSON(extraFields: false).file(file)
    }

    private func fill(_ json: JSON) throws -> JSON {
        guard let files = try json.whole("files"), files >= 0 else { throw ControlError("files must be there") }
        var seed = Seed(
            files: Int(files), minSize: try json.whole("min_size") ?? 1 << 10,
            maxSize: try json.whole("max_size") ?? 16 << 10, depth: Int(try json.whole("depth") ?? 4),
            filesPerFolder: Int(try json.whole("files_per_folder") ?? 40),
            largeFiles: Int(try json.whole("large_files") ?? 0), largeSize: try json.whole("large_size") ?? 64 << 20,
            random: UInt64(bitPattern: try json.whole("random") ?? 1))
        seed.documents = Int(try json.whole("documents") ?? 0)
        try account.fill(seed, into: json["into"]?.string ?? "", isJournaled: json["journal"]?.bool ?? true)
        return ["entries": .int(Int64(account.entryCount))]
    }

    private static func treeJSON(_ entry: TreeEntry) -> JSON {
        var members: [JSON.Member] = [
            .init("path", .string(entry.path)), .init("path_lower", .string(entry.pathLower)),
            .init("kind", entry.isFile ? "file" : "folder"), .init("id", .string(entry.id)),
        ]
        if let sharing = entry.sharing {
            members.append(.init("shared_folder", .string(sharing.id ?? sharing.parent ?? "")))
        }
        guard entry.isFile else { return .object(members) }
        members.append(.init("size", .int(entry.size)))
        members.append(.init("content_hash", entry.contentHash.map(JSON.string) ?? .null))
        members.append(.init("client_modified", .int(entry.clientModified)))
        members.append(.init("rev", entry.rev.map(JSON.string) ?? .null))
        if !entry.traits.isDownloadable { members.append(.init("downloadable", false)) }
        if let document = entry.traits.document { members.append(.init("document", .string(document.kind.rawValue))) }
        if entry.traits.isRestricted { members.append(.init("restricted", true)) }
        if let target = entry.traits.symlinkTarget { members.append(.init("symlink", .string(target))) }
        return .object(members)
    }
}
