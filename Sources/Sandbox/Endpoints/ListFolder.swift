extension Service {
    /// Listing: docs/dropbox-api.md#2-the-list_folder-family.
    static let folders: [Route] = [
        Route(name: "files/list_folder", style: .rpc, scope: "files.metadata.read") { service, call in
            let options = try listOptions(&call.argument)
            return try service.page("path", since: nil) { try service.account.list(options) }
        },
        Route(name: "files/list_folder/continue", style: .rpc, scope: "files.metadata.read") { service, call in
            let cursor = try call.argument.string("cursor")
            try call.argument.finish()
            return try service.page("path", since: cursor) { try service.account.continueList(cursor) }
        },
        Route(name: "files/list_folder/get_latest_cursor", style: .rpc, scope: "files.metadata.read") {
            service, call in
            let options = try listOptions(&call.argument)
            let cursor = try refusing(lookup: "path") { try service.account.latestCursor(options) }
            return .json(["cursor": .string(cursor)])
        },
        Route(name: "files/list_folder/longpoll", style: .noAuth, scope: nil) { service, call in
            try await service.longpoll(&call.argument)
        },
    ]

    private static func listOptions(_ argument: inout Argument) throws(Refusal) -> ListOptions {
        var options = ListOptions(path: try argument.path("path", .pathOrID))
        options.isRecursive = try argument.bool("recursive", default: false)
        options.includesMediaInfo = try argument.bool("include_media_info", default: false)
        options.includesDeleted = try argument.bool("include_deleted", default: false)
        options.includesNonDownloadable = try argument.bool("include_non_downloadable_files", default: true)
        options.limit = try argument.optionalInt("limit", in: 1...2000).map { Int($0) }
        // Known, and without a meaning in an account that shares nothing.
        for key in ["include_has_explicit_shared_members", "include_mounted_folders", "include_restorable_info"] {
            _ = try argument.bool(key, default: true)
        }
        _ = argument.take("include_property_groups")
        guard argument.take("shared_link") == nil else {
            throw .tags(["path", "not_found"])
        }
        try argument.finish()
        return options
    }

    private func page(_ lookup: String, since cursor: String?, _ body: () throws -> Page) throws -> Answer {
        let page = try Self.refusing(lookup: lookup, body)
        let metadata = MetadataJSON(extraFields: account.settings.extraFields)
        if let entries = rawEntries.entries(of: page, since: cursor, metadata) {
            let end = #"],"cursor":\#(JSON.string(page.cursor).text()),"has_more":\#(page.hasMore)}"#
            let body = Array(#"{"entries":["#.utf8) + entries.joined(separator: ",".utf8) + Array(end.utf8)
            return Answer([("Content-Type", "application/json")], body: .bytes(body))
        }
        return .json([
            "entries": .array(page.entries.map(metadata.entry)), "cursor": .string(page.cursor),
            "has_more": .bool(page.hasMore),
        ])
    }

    /// Waits for news, as long as the caller asks and some random time more.
    private func longpoll(_ argument: inout Argument) async throws -> Answer {
        let cursor = try argument.string("cursor")
        let seconds = try argument.optionalInt("timeout", in: 30...480) ?? 30
        try argument.finish()
        let settings = account.settings
        let jitter = settings.longpollJitter > 0 ? Int.random(in: 0...settings.longpollJitter) : 0
        let limit = Duration.seconds(Double(seconds + Int64(jitter)) * settings.longpollScale)
        let hasChanges: Bool
        do {
            hasChanges =
                try await account.awaitChange(after: cursor, for: settings.longpollIsSpurious ? .zero : limit)
                || settings.longpollIsSpurious
        } catch AccountError.badCursor {
            throw Refusal.bad("request body: cursor: unsupported cursor type")
        } catch AccountError.reset {
            throw Refusal.tags(["reset"])
        }
        var members: [JSON.Member] = [.init("changes", .bool(hasChanges))]
        if let backoff = settings.longpollBackoff { members.append(.init("backoff", .int(Int64(backoff)))) }
        return .json(.object(members))
    }

    /// Runs `body` and says what it throws in the words of a route whose LookupError stands under `lookup`.
    static func refusing<Value>(lookup: String, write: String = "path", _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as AccountError {
            switch error {
            case .lookup(let tag): throw Refusal.tags([lookup, tag])
            case .write(let tags): throw Refusal.tags([write] + tags)
            case .relocation(let tag): throw Refusal.tags([tag])
            case .fromLookup(let tag): throw Refusal.tags(["from_lookup", tag])
            case .to(let tags): throw Refusal.tags(["to"] + tags)
            case .reset: throw Refusal.tags(["reset"])
            case .badCursor: throw Refusal.bad("Invalid \"cursor\" parameter: it is not a cursor")
            case .archive(let tag), .revisions(let tag), .export(let tag): throw Refusal.tags([tag])
            case .unsupportedFile: throw Refusal.tags(["unsupported_file"])
            }
        }
    }
}
