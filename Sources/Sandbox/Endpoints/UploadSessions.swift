extension Service {
    /// Files in several requests: docs/dropbox-api.md#63-upload-sessions.
    static let sessions: [Route] = [
        upload("start") { service, call in try service.startSession(&call) },
        upload("append_v2") { service, call in try service.append(&call) },
        upload("append") { service, call in try service.appendOld(&call) },
        upload("finish") { service, call in try service.finish(&call) },
        rpc("start_batch") { service, call in try service.startBatch(&call) },
        rpc("finish_batch_v2") { service, call in try service.finishBatch(&call) },
    ]

    private typealias Respond = @Sendable (Service, inout Call) async throws -> Answer

    private static func upload(_ name: String, _ respond: @escaping Respond) -> Route {
        Route(name: "files/upload_session/\(name)", style: .upload, scope: "files.content.write", respond: respond)
    }

    private static func rpc(_ name: String, _ respond: @escaping Respond) -> Route {
        Route(name: "files/upload_session/\(name)", style: .rpc, scope: "files.content.write", respond: respond)
    }

    // MARK: Starting

    private func startSession(_ call: inout Call) throws -> Answer {
        let close = try call.argument.bool("close", default: false)
        let isConcurrent = try Self.isConcurrent(&call.argument)
        let hash = try call.argument.contentHash()
        try call.argument.finish()
        let body = call.request.body
        if isConcurrent {
            guard body.isEmpty, !call.request.isTooLong else {
                throw Refusal.tags(["concurrent_session_data_not_allowed"])
            }
            guard !close else { throw Refusal.tags(["concurrent_session_close_not_allowed"]) }
        }
        let digests = try self.digests(ofBody: call.request, hash)
        let (id, session) = sessions.begin(isConcurrent: isConcurrent)
        if !isConcurrent { try session.append(body, digests, at: 0, close: close) }
        return .json(["session_id": .string(id)])
    }

    private func startBatch(_ call: inout Call) throws -> Answer {
        let count = try call.argument.optionalInt("num_sessions", in: 1...1000)
        let isConcurrent = try Self.isConcurrent(&call.argument)
        try call.argument.finish()
        guard let count else { throw Refusal.bad("request body: missing required field 'num_sessions'") }
        let ids = (0..<count).map { _ in JSON.string(sessions.begin(isConcurrent: isConcurrent).id) }
        return .json(["session_ids": .array(ids)])
    }

    private static func isConcurrent(_ argument: inout Argument) throws(Refusal) -> Bool {
        guard let type = try argument.union("session_type") else { return false }
        try type.fields.finish()
        switch type.tag {
        case "sequential": return false
        case "concurrent": return true
        default: throw argument.complaint("session_type", "unknown tag '\(type.tag)'")
        }
    }

    // MARK: Appending

    private func append(_ call: inout Call) throws -> Answer {
        let cursor = try Self.cursor(&call.argument)
        let close = try call.argument.bool("close", default: false)
        let hash = try call.argument.contentHash()
        try call.argument.finish()
        return try append(call.request, cursor, close: close, hash)
    }

    private func appendOld(_ call: inout Call) throws -> Answer {
        let cursor = try Self.cursorFields(&call.argument)
        try call.argument.finish()
        return try append(call.request, cursor, close: false, nil)
    }

    private func append(_ request: Request, _ cursor: SessionCursor, close: Bool, _ hash: String?) throws -> Answer {
        try Self.refusing([]) {
            let session = try session(cursor)
            let digests = try digests(ofBody: request, hash)
            try session.append(request.body, digests, at: cursor.offset, close: close)
        }
        return .void
    }

    // MARK: Finishing

    private func finish(_ call: inout Call) throws -> Answer {
        let cursor = try Self.cursor(&call.argument)
        var fields = try call.argument.object("commit")
        let commit = try Self.commit(&fields)
        try fields.finish()
        let hash = try call.argument.contentHash()
        try call.argument.finish()
        let request = call.request
        return try Self.refusing(["lookup_failed"]) {
            let digests = try digests(ofBody: request, hash)
            let session = try session(cursor)
            try session.checkFinish(at: cursor.offset, hasBody: !request.body.isEmpty, mustBeClosed: false)
            if !request.body.isEmpty { try session.append(request.body, digests, at: cursor.offset, close: false) }
            return .json(metadataJSON.file(try make(session, cursor.id, commit)))
        }
    }

    /// An entry of `finish_batch_v2`, read but not carried out.
    private struct Entry {
        var cursor: SessionCursor
        var commit: Commit
        var hash: String?
    }

    private func finishBatch(_ call: inout Call) throws -> Answer {
        var entries: [Entry] = []
        for var argument in try call.argument.objects("entries", atMost: 1000) {
            let cursor = try Self.cursor(&argument)
            var fields = try argument.object("commit")
            entries.append(
                Entry(cursor: cursor, commit: try Self.commit(&fields), hash: try argument.contentHash()))
            try fields.finish()
            try argument.finish()
        }
        try call.argument.finish()
        let results = try entries.map { entry in
            do {
                let file = try Self.refusing(["lookup_failed"]) { try finish(entry) }
                return JSON.object([.init(".tag", "success")] + (metadataJSON.file(file).members ?? []))
            } catch let refusal as Refusal {
                guard case .error(let error, _) = refusal.body else { throw refusal }
                return [".tag": "failure", "failure": error]
            }
        }
        return .json(["entries": .array(results)])
    }

    private func finish(_ entry: Entry) throws -> FileMetadata {
        guard entry.hash == nil || entry.hash == contentHash(of: []) else {
            throw Refusal.tags(["content_hash_mismatch"])
        }
        let session = try session(entry.cursor)
        try session.checkFinish(at: entry.cursor.offset, hasBody: false, mustBeClosed: true)
        return try make(session, entry.cursor.id, entry.commit)
    }

    /// Makes the file, after which the session is no more.
    private func make(_ session: UploadSession, _ id: String, _ commit: Commit) throws -> FileMetadata {
        let (content, digest) = session.content()
        let file = try account.commit(commit, content, known: digest)
        sessions.end(id)
        return file
    }

    // MARK: Cursors and refusals

    /// UploadSessionCursor.
    private struct SessionCursor {
        var id: String
        var offset: Int64
    }

    private static func cursor(_ argument: inout Argument) throws(Refusal) -> SessionCursor {
        var fields = try argument.object("cursor")
        let cursor = try cursorFields(&fields)
        try fields.finish()
        return cursor
    }

    private static func cursorFields(_ fields: inout Argument) throws(Refusal) -> SessionCursor {
        let id = try fields.string("session_id")
        guard let offset = try fields.optionalInt("offset", in: 0...Int64.max) else {
            throw fields.complaint("offset", "missing required field")
        }
        return SessionCursor(id: id, offset: offset)
    }

    private func session(_ cursor: SessionCursor) throws -> UploadSession {
        try sessions.find(cursor.id, life: account.settings.sessionLife)
    }

    /// Turns what a session or the account objects to into the endpoint's error; `lookup` are the tags around
    /// UploadSessionLookupError.
    private static func refusing<Value>(_ lookup: [String], _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch UploadSession.Failure.lookup(let tag) {
            throw Refusal.tags(lookup + [tag])
        } catch UploadSession.Failure.incorrectOffset(let correct) {
            throw Refusal.tags(lookup + ["incorrect_offset"], [.init("correct_offset", .int(correct))])
        } catch UploadSession.Failure.finish(let tag) {
            throw Refusal.tags([tag])
        } catch AccountError.write(let tags) {
            throw Refusal.tags(["path"] + tags)
        }
    }
}
