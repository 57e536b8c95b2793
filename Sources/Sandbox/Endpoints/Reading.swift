extension Service {
    /// Metadata and content: docs/dropbox-api.md#4-reading-content.
    static let reading: [Route] = [
        Route(name: "files/get_metadata", style: .rpc, scope: "files.metadata.read") { service, call in
            let path = try call.argument.path("path", .readPath)
            let includeDeleted = try call.argument.bool("include_deleted", default: false)
            _ = try call.argument.bool("include_media_info", default: false)
            _ = try call.argument.bool("include_has_explicit_shared_members", default: false)
            _ = call.argument.take("include_property_groups")
            try call.argument.finish()
            let entry = try refusing(lookup: "path") {
                try service.account.metadata(path, includeDeleted: includeDeleted)
            }
            return .json(service.metadataJSON.entry(entry))
        },
        Route(name: "files/list_revisions", style: .rpc, scope: "files.metadata.read") { service, call in
            try service.listRevisions(&call)
        },
        Route(name: "files/download", style: .download, scope: "files.content.read") { service, call in
            try service.download(&call)
        },
        Route(name: "files/download_zip", style: .download, scope: "files.content.read") { service, call in
            let path = try call.argument.path("path", .readPath)
            try call.argument.finish()
            let (folder, archive) = try refusing(lookup: "path") { try service.account.archive(of: path) }
            var answer = Answer([("Content-Type", "application/zip")], body: .archive(archive))
            answer.result = ["metadata": service.metadataJSON.folder(folder)]
            return answer
        },
    ]

    var metadataJSON: MetadataJSON { MetadataJSON(extraFields: account.settings.extraFields) }

    private func listRevisions(_ call: inout Call) throws -> Answer {
        let path = try call.argument.path("path", .revisionsPath)
        let mode = try call.argument.union("mode")?.tag ?? "path"
        guard ["path", "id"].contains(mode) else { throw call.argument.complaint("mode", "unknown tag '\(mode)'") }
        let limit = try call.argument.optionalInt("limit", in: 1...100) ?? 10
        let before = try call.argument.revision("before_rev")
        let isAskedHow = try call.argument.bool("include_restorable_info", default: false)
        try call.argument.finish()
        let found = try Self.refusing(lookup: "path") {
            try account.revisions(of: path, byID: mode == "id", limit: Int(limit), before: before)
        }
        let entries = found.entries.map { file -> JSON in
            let json = metadataJSON.file(file)
            guard isAskedHow, let members = json.members else { return json }
            return .object(members + [.init("is_restorable", true)])
        }
        return .json([
            "is_deleted": .bool(found.isDeleted), "entries": .array(entries), "has_more": .bool(found.hasMore),
        ])
    }

    private func download(_ call: inout Call) throws -> Answer {
        var path = try call.argument.path("path", .readPath)
        if let revision = try call.argument.revision("rev") { path = "rev:\(revision)" }
        try call.argument.finish()
        let (file, content) = try Self.refusing(lookup: "path") { try account.download(path) }
        let tag = "W/\"\(file.rev)\""
        var headers = [
            ("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes"), ("ETag", tag),
            ("Original-Content-Length", String(file.size)),
        ]
        if call.request.method == "GET", call.request.headers["if-none-match"] == tag {
            return Answer(status: 304, [("ETag", tag)], body: .bytes([]))
        }
        var range = 0..<file.size
        var status = 200
        if let asked = call.request.headers["range"].flatMap(ByteRange.init) {
            range = try satisfiable(asked, size: file.size)
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"))
            status = 206
        }
        var answer = Answer(status: status, headers, body: .content(content, range))
        answer.result = metadataJSON.file(file)
        return answer
    }

    private func satisfiable(_ asked: ByteRange, size: Int64) throws(Refusal) -> Range<Int64> {
        if let range = asked.within(size) { return range }
        guard account.settings.unsatisfiableRange == 416 else { throw .tags(["range", "not_satisfiable"]) }
        throw Refusal(status: 416, headers: [("Content-Range", "bytes */\(size)")], body: .plain(.bytes([])))
    }
}

/// The header `Range` with one range of bytes; others are passed over, as the standard allows.
struct ByteRange: Hashable {
    /// `nil` for the last bytes.
    var first: Int64?
    /// The last byte, or the number of last bytes.
    var last: Int64?

    init?(_ text: String) {
        guard text.hasPrefix("bytes=") else { return nil }
        let bounds = text.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2, bounds.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        first = Int64(bounds[0])
        last = Int64(bounds[1])
        guard first != nil || last != nil, first ?? 0 <= last ?? .max || first == nil else { return nil }
    }

    /// The bytes of a file of `size` that are meant; `nil` when it has none of them.
    func within(_ size: Int64) -> Range<Int64>? {
        guard let first else {
            let count = min(last ?? 0, size)
            return count > 0 ? size - count..<size : nil
        }
        guard first < size else { return nil }
        return first..<min(last.map { $0 + 1 } ?? size, size)
    }
}
