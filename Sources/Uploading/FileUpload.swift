public import Dropbox
public import Logging
public import SyncModel
import Transport

/// Uploads files, each whole or not at all.
public struct FileUpload: Sendable {
    /// The largest file that goes up in one request.
    static let threshold: Int64 = 8 << 20
    /// The largest file whose pieces go up one after the other.
    static let inOrderLimit: Int64 = 32 << 20
    /// How often an upload begins anew because its file was changed meanwhile.
    private static let attempts = 4

    let uploader: DropboxUploader
    private let finishes: FinishQueue
    let client: DropboxClient
    let journal: SessionJournal
    /// Names the server in the journal.
    let server: String
    /// Where progress is told.
    public let meter: UploadMeter
    let logger: Logger

    /// What became of a file.
    public struct Outcome: Hashable, Sendable {
        /// The file in the account.
        public var file: UploadedFile
        /// True when it was there already, with the same bytes.
        public var wasThere: Bool
    }

    /// Makes uploads with the sign-in of `client`; progress across processes is kept in `journal`.
    public init(client: DropboxClient, journal: SessionJournal, server: String, meter: UploadMeter, logger: Logger) {
        uploader = DropboxUploader(client)
        finishes = FinishQueue(uploader)
        self.client = client
        self.journal = journal
        self.server = server
        self.meter = meter
        self.logger = logger
    }

    /// Uploads the file at `path`, which is absolute; its modification time is kept unless `commit` has another.
    ///
    /// A file that is changed meanwhile is uploaded anew. Throws `UploadError` and `DropboxError`.
    public func put(_ path: String, as commit: CommitInfo) async throws -> Outcome {
        for attempt in 1...Self.attempts {
            let file = try LocalFile(path)
            let before = meter.now
            do {
                return try await put(file, commit)
            } catch is FileChanged {
                meter.add(before - meter.now)
                guard attempt < Self.attempts else { break }
                logger.notice("changed during its upload, which begins again", metadata: ["path": "\(path)"])
                try await Task.sleep(for: .seconds(attempt))
            }
        }
        throw UploadError(.restless, path, "is being written all the time; nothing was uploaded: try again later")
    }

    private func put(_ file: LocalFile, _ commit: CommitInfo) async throws -> Outcome {
        var commit = commit
        commit.modified = commit.modified ?? file.modified
        if file.size <= Self.threshold { return try await put(try file.snapshot(), commit) }
        return try await put(Digests(file), commit)
    }

    /// Uploads a large file.
    func put(_ digests: Digests, _ commit: CommitInfo) async throws -> Outcome {
        let upload = SessionUpload(self, digests: digests, commit: commit)
        if let there = try await upload.identical() {
            meter.add(digests.file.size)
            return Outcome(file: there, wasThere: true)
        }
        return Outcome(file: try await upload.run(), wasThere: false)
    }

    /// Uploads a few bytes.
    func put(_ bytes: [UInt8], _ commit: CommitInfo) async throws -> Outcome {
        let part = UploadPart(.bytes(bytes), hash: ContentHash(of: bytes))
        let done: UploadedFile
        if commit.autorename {
            // A single request that is carried out twice would leave two files.
            let session = try await uploader.start(.sequential, with: part, close: true)
            done = try await finish(SessionFinish(session, size: Int64(bytes.count), commit: commit), part.hash)
        } else {
            done = try await uploader.upload(part, as: commit)
        }
        try check(done, hash: part.hash, size: Int64(bytes.count))
        meter.add(Int64(bytes.count))
        return Outcome(file: done, wasThere: false)
    }

    // MARK: Finishing

    /// Makes a file of a session; when the session is gone it is looked for, because a lost answer looks the same.
    func finish(_ request: SessionFinish, _ hash: ContentHash) async throws -> UploadedFile {
        do {
            return try await finishes.finish(request)
        } catch let error as DropboxError where error.uploadRefusal == .sessionNotFound {
            guard let there = try await find(request.commit, hash) else { throw error }
            return there
        }
    }

    func check(_ done: UploadedFile, hash: ContentHash, size: Int64) throws {
        guard done.version.hash == hash, done.version.size == size else {
            throw UploadError(
                .differs, done.path, "Dropbox holds other bytes than were sent: \(done.version.hash), not \(hash)")
        }
    }

    /// The file of that content which the commit would have made, if it is there.
    public func find(_ commit: CommitInfo, _ hash: ContentHash) async throws -> UploadedFile? {
        if let there = try await look(commit.path), there.version.hash == hash { return there }
        guard commit.autorename else { return nil }
        if let there = try await look(Renamed.conflictedCopy(of: commit.path)), there.version.hash == hash {
            return there
        }
        // Numbers are given out in order: the first that is free ends the search.
        for name in Renamed.names(for: commit.path) {
            guard let there = try await look(name) else { return nil }
            if there.version.hash == hash { return there }
        }
        return nil
    }

    /// The file at a path of the account; `nil` if there is none.
    public func look(_ path: String) async throws -> UploadedFile? {
        do {
            let entry = try await client.metadata(of: path)
            guard case .file(_, let version) = entry.node else { return nil }
            return UploadedFile(
                path: entry.pathDisplay, pathLower: entry.pathLower, id: entry.id, version: version)
        } catch let error as DropboxError where error.code == .refused {
            return nil
        }
    }
}

/// The names that Dropbox gives instead of one that is taken; pure.
enum Renamed {
    /// `a (1).txt`, `a (2).txt` and so on, as many as are worth asking for.
    static func names(for path: String) -> [String] { (1...20).map { name(path, marked: "\($0)") } }

    /// `a (conflicted copy).txt`.
    static func conflictedCopy(of path: String) -> String { name(path, marked: "conflicted copy") }

    private static func name(_ path: String, marked mark: String) -> String {
        let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let dot = path[start...].lastIndex(of: ".").flatMap { $0 > start ? $0 : nil } ?? path.endIndex
        return "\(path[..<dot]) (\(mark))\(path[dot...])"
    }
}
