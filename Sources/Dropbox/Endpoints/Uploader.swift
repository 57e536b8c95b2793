public import SyncModel
public import Transport

/// Writes files to the account of a client.
///
/// A type of its own, so that whoever is handed a `DropboxClient` has no way to write.
public struct DropboxUploader: Sendable {
    let runner: RequestExecutor
    let contentRunner: RequestExecutor
    let segmentRunner: RequestExecutor
    let endpoints: Endpoints

    /// Uses the sign-in, the connections and the pace of `client`.
    public init(_ client: DropboxClient) {
        runner = client.runner
        contentRunner = client.contentRunner
        segmentRunner = client.segmentRunner
        endpoints = client.endpoints
    }

    /// Writes a file in one request: `upload`.
    ///
    /// May be carried out twice when its answer gets lost, which does no harm but with `autorename`: then use a session.
    public func upload(_ part: UploadPart, as commit: CommitInfo) async throws -> UploadedFile {
        let argument = APIArgument(commit.fields + [("content_hash", .text(part.hash.hex))])
        let call = upload("files/upload", argument: argument, body: part.body)
        return try await contentRunner.run(call) {
            try DropboxClient.decode(UploadedJSON.self, response: $0, call: call).file
        }
    }

    /// Makes a folder, with those above it: `create_folder_v2`; one that is there already is as good.
    ///
    /// - Throws: `DropboxError` if the call fails.
    public func makeFolder(_ path: String) async throws {
        let argument = APIArgument(["path": .text(path)])
        let call = Call.rpc("files/create_folder_v2", role: .upload, base: endpoints.api, argument: argument)
        do {
            try await runner.run(call) { _ = try DropboxClient.decode(JSONValue.self, response: $0, call: call) }
        } catch let error as DropboxError where error.uploadRefusal == .conflict(.folder) {
            return
        }
    }

    /// A call that carries bytes.
    func upload(_ endpoint: String, argument: APIArgument, body: HTTPBody, stallLimit: Duration? = nil) -> Call {
        let request = HTTPRequest(
            .post, "\(endpoints.content)/2/\(endpoint)",
            headers: [.init("Content-Type", "application/octet-stream"), .init("Dropbox-API-Arg", argument.text)],
            body: body, stallLimit: stallLimit ?? runner.settings.stallLimit)
        return Call(endpoint: endpoint, role: .upload, request: request)
    }
}

/// Bytes of one request, with the hash that the server is to check them by.
public struct UploadPart: Sendable {
    /// The bytes.
    public var body: HTTPBody
    /// What they hash to, counted from their own beginning.
    public var hash: ContentHash

    /// Names bytes and hash.
    public init(_ body: HTTPBody, hash: ContentHash) {
        self.body = body
        self.hash = hash
    }

    /// No bytes.
    public static let empty = UploadPart([], hash: .empty)
}

/// What uploaded bytes are to become (files.stone).
public struct CommitInfo: Hashable, Sendable {
    /// What happens when there is a file of another content already.
    public enum Mode: Hashable, Sendable {
        /// A conflict.
        case add
        /// It is replaced.
        case overwrite
        /// It is replaced if this is its revision; else a conflict.
        case update(Rev)
    }

    /// The absolute path, or an `id:`.
    public var path: String
    /// What happens when there is a file already.
    public var mode: Mode
    /// Whether a conflict is evaded by another name.
    public var autorename: Bool
    /// The modification time to keep; `nil` for the server's time.
    public var modified: Timestamp?

    /// Creates commit parameters.
    public init(path: String, mode: Mode = .add, autorename: Bool = false, modified: Timestamp? = nil) {
        self.path = path
        self.mode = mode
        self.autorename = autorename
        self.modified = modified
    }

    /// The fields as the API wants them.
    var fields: [(key: String, value: APIArgument.Value)] {
        var fields: [(key: String, value: APIArgument.Value)] = [("path", .text(path)), ("mode", mode.value)]
        if autorename { fields.append(("autorename", .bool(true))) }
        if let modified, let text = TimestampText.writable(modified) { fields.append(("client_modified", .text(text))) }
        return fields
    }
}

extension CommitInfo.Mode {
    fileprivate var value: APIArgument.Value {
        switch self {
        case .add: .text("add")
        case .overwrite: .text("overwrite")
        case .update(let rev): .object(APIArgument([".tag": .text("update"), "update": .text(rev.text)]))
        }
    }
}

extension TimestampText {
    /// The text of a time that the API's form can hold: the years 1 to 9999.
    fileprivate static func writable(_ timestamp: Timestamp) -> String? {
        let text = text(timestamp)
        return parse(text) == timestamp ? text : nil
    }
}

/// A file as the server holds it after an upload.
public struct UploadedFile: Hashable, Sendable {
    /// Its path for people to read; another than asked for after an `autorename`.
    public var path: String
    /// The server's key for its path; empty where it is not known.
    public var pathLower: String
    /// `id:…`.
    public var id: String
    /// Revision, size, hash and time.
    public var version: FileVersion

    /// Names a file.
    public init(path: String, pathLower: String = "", id: String, version: FileVersion) {
        self.path = path
        self.pathLower = pathLower
        self.id = id
        self.version = version
    }
}

/// FileMetadata where nothing else can stand (files.stone).
struct UploadedJSON: Decodable {
    let name: String
    let path_display: String?
    let path_lower: String?
    let id: String
    let rev: String
    let size: Int64
    let content_hash: String
    let client_modified: String

    var file: UploadedFile {
        get throws {
            guard let hash = ContentHash(hex: content_hash), let time = TimestampText.parse(client_modified) else {
                throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "not valid"))
            }
            return UploadedFile(
                path: path_display ?? name, pathLower: path_lower ?? "", id: id,
                version: FileVersion(rev: Rev(rev), size: size, hash: hash, modified: time))
        }
    }
}
