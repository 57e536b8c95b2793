extension Service {
    /// Writes with content: sections 6.1 and 6.2 of the API's description.
    static let uploads: [Route] = [
        Route(name: "files/upload", style: .upload, scope: "files.content.write") { service, call in
            try service.upload(&call)
        }
    ]

    private func upload(_ call: inout Call) throws -> Answer {
        let commit = try Self.commit(&call.argument)
        let hash = try call.argument.optionalString("content_hash")
        try call.argument.finish()
        let body = call.request.body
        guard !call.request.isTooLong, body.count <= account.settings.uploadLimit else {
            throw Refusal.tags(["payload_too_large"])
        }
        guard hash == nil || hash == contentHash(of: body) else { throw Refusal.tags(["content_hash_mismatch"]) }
        do {
            return .json(metadataJSON.file(try account.commit(commit, .bytes(body))))
        } catch AccountError.write(let tags) {
            let session = "pid_upload_session:" + hexText((0..<12).map { _ in UInt8.random(in: .min ... .max) })
            let error: JSON = [
                ".tag": "path", "reason": Refusal.union(tags, []), "upload_session_id": .string(session),
            ]
            throw Refusal(status: 409, body: .error(error, tags: ["path"] + tags))
        }
    }

    /// CommitInfo.
    private static func commit(_ argument: inout Argument) throws(Refusal) -> Commit {
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
