extension Service {
    /// A file in one request: docs/dropbox-api.md#61-commitinfo, docs/dropbox-api.md#62-filesupload.
    static let uploads: [Route] = [
        Route(name: "files/upload", style: .upload, scope: "files.content.write") { service, call in
            try service.upload(&call)
        }
    ]

    private func upload(_ call: inout Call) throws -> Answer {
        let commit = try Self.commit(&call.argument)
        let hash = try call.argument.contentHash()
        try call.argument.finish()
        let body = call.request.body
        let digests = try self.digests(ofBody: call.request, hash)
        do {
            let file = try account.commit(commit, .bytes(body), known: contentHash(ofBlocks: digests))
            return .json(metadataJSON.file(file))
        } catch AccountError.write(let tags) {
            // The bytes are kept for another try to name them.
            let (id, session) = sessions.begin()
            try session.append(body, digests, at: 0, close: false)
            let error: JSON = [
                ".tag": "path", "reason": Refusal.union(tags, []), "upload_session_id": .string(id),
            ]
            throw Refusal(status: 409, body: .error(error, tags: ["path"] + tags))
        }
    }

    /// The digests of the body's blocks, when the body is not too large and is what the caller says it is.
    func digests(ofBody request: Request, _ hash: String?) throws(Refusal) -> [Digest] {
        guard !request.isTooLong, request.body.count <= account.settings.uploadLimit else {
            throw .tags(["payload_too_large"])
        }
        let digests = blockDigests(of: request.body)
        guard hash == nil || hash == contentHash(ofBlocks: digests).hex else { throw .tags(["content_hash_mismatch"]) }
        return digests
    }

    /// CommitInfo.
    static func commit(_ argument: inout Argument) throws(Refusal) -> Commit {
        var commit = Commit(path: try argument.path("path", .writePathOrID))
        commit.mode = try mode(&argument)
        commit.autorename = try argument.bool("autorename", default: false)
        commit.clientModified = try argument.timestamp("client_modified")
        _ = try argument.bool("mute", default: false)
        _ = argument.take("property_groups")
        commit.isStrict = try argument.bool("strict_conflict", default: false)
        return commit
    }

    private static func mode(_ argument: inout Argument) throws(Refusal) -> Commit.Mode {
        guard let union = try argument.union("mode") else { return .add }
        var fields = union.fields
        let mode: Commit.Mode
        switch union.tag {
        case "add": mode = .add
        case "overwrite": mode = .overwrite
        case "update":
            guard let revision = try fields.revision("update") else {
                throw argument.complaint("mode", "missing required field 'update'")
            }
            mode = .update(revision)
        default: throw argument.complaint("mode", "unknown tag '\(union.tag)'")
        }
        try fields.finish()
        return mode
    }
}
