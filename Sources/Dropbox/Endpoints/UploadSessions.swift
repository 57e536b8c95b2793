import SyncModel
import Transport

/// Bytes at the server that are no file yet, as the server names them: opaque.
public struct UploadSession: Hashable, Sendable {
    /// How bytes may come in.
    public enum Kind: String, Hashable, Sendable {
        /// In order.
        case sequential
        /// In any order and at once; in multiples of 4 MiB but for the last ones.
        case concurrent
    }

    /// The server's text.
    public let id: String
    /// How bytes may come in.
    public let kind: Kind

    /// Wraps an id that the server gave or a file of ours holds.
    public init(id: String, kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// What a session is to become.
public struct SessionFinish: Hashable, Sendable {
    /// The session.
    public var session: UploadSession
    /// The number of bytes that it has.
    public var size: Int64
    /// The file.
    public var commit: CommitInfo

    /// Names session, size and file.
    public init(_ session: UploadSession, size: Int64, commit: CommitInfo) {
        self.session = session
        self.size = size
        self.commit = commit
    }

    fileprivate var fields: [(key: String, value: APIArgument.Value)] {
        [("cursor", session.cursor(at: size)), ("commit", .object(APIArgument(commit.fields)))]
    }
}

extension UploadSession {
    fileprivate func cursor(at offset: Int64) -> APIArgument.Value {
        .object(APIArgument(["session_id": .text(id), "offset": .number(Int(offset))]))
    }
}

extension DropboxUploader {
    /// The most sessions that are finished by one request (files.stone).
    public static let batchLimit = 1000

    /// How long a finish may take without a sign of life: the server puts the file together.
    private static let finishLimit: Duration = .seconds(300)

    /// Begins a session: `upload_session/start`; a concurrent one takes no bytes yet.
    public func start(
        _ kind: UploadSession.Kind, with part: UploadPart = .empty, close: Bool = false
    ) async throws -> UploadSession {
        var fields: [(key: String, value: APIArgument.Value)] = [("close", .bool(close))]
        if kind == .concurrent {
            fields = [("session_type", .text(kind.rawValue))]
        } else {
            fields.append(("content_hash", .text(part.hash.hex)))
        }
        let call = upload("files/upload_session/start", argument: APIArgument(fields), body: part.body)
        return try await runner.run(call) {
            UploadSession(
                id: try DropboxClient.decode(SessionJSON.self, response: $0, call: call).session_id, kind: kind)
        }
    }

    /// Begins several sessions: `upload_session/start_batch`.
    public func start(_ count: Int, _ kind: UploadSession.Kind) async throws -> [UploadSession] {
        let argument = APIArgument(["num_sessions": .number(count), "session_type": .text(kind.rawValue)])
        let call = Call.rpc(
            "files/upload_session/start_batch", role: .upload, base: endpoints.api, argument: argument)
        return try await runner.run(call) { response in
            let ids = try DropboxClient.decode(SessionsJSON.self, response: response, call: call).session_ids
            guard ids.count == count else {
                throw DropboxError.malformed(call, response: response, complaint: "\(ids.count) sessions")
            }
            return ids.map { UploadSession(id: $0, kind: kind) }
        }
    }

    /// Adds bytes to a session: `upload_session/append_v2`.
    ///
    /// When an answer gets lost the same bytes are sent again, which a sequential session refuses as an incorrect offset.
    ///
    /// - Throws: `DropboxError` if the call fails.
    public func append(_ part: UploadPart, to session: UploadSession, at offset: Int64, close: Bool = false)
        async throws
    {
        let argument = APIArgument([
            "cursor": session.cursor(at: offset), "close": .bool(close), "content_hash": .text(part.hash.hex),
        ])
        let call = upload("files/upload_session/append_v2", argument: argument, body: part.body)
        try await segmentRunner.run(call) { response in
            // A portal's page that comes with status 200 is no promise that the bytes are in.
            guard case .null = try DropboxClient.decode(JSONValue.self, response: response, call: call) else {
                throw DropboxError.malformed(call, response: response, complaint: "not null")
            }
        }
    }

    /// Makes a file of a session: `upload_session/finish`.
    ///
    /// When an answer gets lost the session is gone at the second try: whether the file is there is for the caller to see.
    public func finish(_ request: SessionFinish) async throws -> UploadedFile {
        let argument = APIArgument(request.fields + [("content_hash", .text(UploadPart.empty.hash.hex))])
        let call = upload(
            "files/upload_session/finish", argument: argument, body: UploadPart.empty.body, stallLimit: Self.finishLimit
        )
        return try await runner.run(call) { try DropboxClient.decode(UploadedJSON.self, response: $0, call: call).file }
    }

    /// Makes files of closed sessions, at most `batchLimit`: `upload_session/finish_batch_v2`; the results are in order.
    ///
    /// Those that the account's lock holds up are tried again. One request at a time is what the API asks for.
    public func finish(_ requests: [SessionFinish]) async throws -> [Result<UploadedFile, DropboxError>] {
        var results = try await finishOnce(requests)
        for _ in 1..<max(runner.settings.attempts, 1) {
            let again = results.indices.filter { index in
                guard case .failure(let error) = results[index], case .retry = error.disposition else { return false }
                return true
            }
            if again.isEmpty { break }
            try await runner.time.sleep(runner.settings.firstDelay)
            for (index, result) in zip(again, try await finishOnce(again.map { requests[$0] })) {
                results[index] = result
            }
        }
        return results
    }

    private func finishOnce(_ requests: [SessionFinish]) async throws -> [Result<UploadedFile, DropboxError>] {
        if requests.isEmpty { return [] }
        let argument = APIArgument(["entries": .list(requests.map { APIArgument($0.fields) })])
        let call = Call.rpc(
            "files/upload_session/finish_batch_v2", role: .upload, base: endpoints.api, argument: argument,
            stallLimit: Self.finishLimit)
        return try await runner.run(call) { response in
            let entries = try DropboxClient.decode(BatchJSON.self, response: response, call: call).entries
            guard entries.count == requests.count else {
                throw DropboxError.malformed(
                    call, response: response, complaint: "\(entries.count) results for \(requests.count) files")
            }
            return entries.map { entry in
                switch entry {
                case .success(let file): .success(file)
                case .failure(let error): .failure(.refusal(of: call, error, requestID: response.requestID))
                }
            }
        }
    }
}

/// UploadSessionStartResult.
private struct SessionJSON: Decodable { let session_id: String }

/// UploadSessionStartBatchResult.
private struct SessionsJSON: Decodable { let session_ids: [String] }

/// UploadSessionFinishBatchResult.
private struct BatchJSON: Decodable {
    let entries: [Entry]

    enum Entry: Decodable {
        case success(UploadedFile)
        case failure(JSONValue)

        private enum Keys: String, CodingKey {
            case tag = ".tag"
            case failure
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Keys.self)
            if try fields.decode(String.self, forKey: .tag) == "success" {
                self = .success(try UploadedJSON(from: decoder).file)
            } else {
                self = .failure(try fields.decodeIfPresent(JSONValue.self, forKey: .failure) ?? .null)
            }
        }
    }
}
