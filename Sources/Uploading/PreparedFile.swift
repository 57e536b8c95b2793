public import Dropbox
public import SyncModel

/// A file whose content is known before anything of it is sent.
///
/// What is sent is what was hashed: a small file is held in memory, the blocks of a large one are checked by the server.
public struct PreparedFile: Sendable {
    let file: LocalFile
    /// The content.
    public let hash: ContentHash
    fileprivate let body: Body

    fileprivate enum Body: Sendable {
        case bytes([UInt8])
        case blocks(Digests)
    }
}

extension FileUpload {
    /// Reads a file and says what its content is; other tasks get a turn meanwhile.
    ///
    /// Throws `FileChanged` when it is written meanwhile.
    public func prepare(_ file: LocalFile) async throws -> PreparedFile {
        if file.size <= Self.threshold {
            let bytes = try file.snapshot()
            return PreparedFile(file: file, hash: ContentHash(of: bytes), body: .bytes(bytes))
        }
        let digests = Digests(file)
        for index in 0..<digests.pieces.count {
            _ = try digests.of(index)
            try Task.checkCancellation()
            await Task.yield()
        }
        try file.checkUnchanged()
        return PreparedFile(file: file, hash: try digests.whole(), body: .blocks(digests))
    }

    /// Uploads a prepared file; its modification time is kept unless `commit` has another.
    ///
    /// Throws `FileChanged` when it was written meanwhile, `UploadError` and `DropboxError`.
    public func put(_ prepared: PreparedFile, as commit: CommitInfo) async throws -> Outcome {
        var commit = commit
        commit.modified = commit.modified ?? prepared.file.modified
        switch prepared.body {
        case .bytes(let bytes): return try await put(bytes, commit)
        case .blocks(let digests): return try await put(digests, commit)
        }
    }
}
