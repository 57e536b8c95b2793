public import Dropbox
import SyncModel
import Transport

/// Uploads a directory: small files by sessions that one request finishes together, large ones each by itself.
public struct TreeUpload: Sendable {
    /// Files that are finished together at most, and their bytes.
    private static let batch = 500
    private static let batchBytes: Int64 = 256 << 20
    /// Small files on their way at a time.
    private static let width = 8

    private let upload: FileUpload
    /// What all files have in common.
    private let wish: CommitInfo

    /// What became of one thing in the directory; the paths are relative to it.
    public enum Event: Sendable {
        /// A file went up, or was there already.
        case done(String, FileUpload.Outcome)
        /// A file or folder did not.
        case failed(String, any Error)
        /// Something does not go up, and why.
        case leftOut(String, String)
        /// A folder was made that has nothing in it.
        case folder(String)
    }

    /// Uploads into the folder that `wish` names.
    public init(_ upload: FileUpload, into wish: CommitInfo) {
        self.upload = upload
        self.wish = wish
    }

    /// The number of files in a directory and of their bytes.
    public static func measure(_ directory: String) throws -> (files: Int, bytes: Int64) {
        var tree = LocalTree(directory)
        var (files, bytes) = (0, Int64(0))
        while let items = try tree.next() {
            for case .file(_, let size) in items { (files, bytes) = (files + 1, bytes.saturatingSum(size)) }
        }
        return (files, bytes)
    }

    /// Uploads everything in `directory`; what fails is told and the rest goes on.
    ///
    /// Throws what concerns all of it: no sign-in, no network.
    ///
    /// - Throws: `Classified` errors that end the whole upload; those of single files are reported.
    public func run(_ directory: String, _ report: (Event) -> Void) async throws {
        let present = try await RemoteFiles(upload.client, wish.path)
        var tree = LocalTree(directory)
        var small: [Small] = []
        var bytes: Int64 = 0
        while let items = try tree.next() {
            for item in items {
                switch item {
                case .file(let path, let size) where size <= FileUpload.threshold:
                    small.append(Small(path: path, local: "\(directory)/\(path)", commit: commit(path)))
                    bytes += size
                    guard small.count >= Self.batch || bytes >= Self.batchBytes else { continue }
                    try await put(small, present: present, report: report)
                    (small, bytes) = ([], 0)
                case .file(let path, _):
                    try await reporting(path, report: report) {
                        .done(path, try await upload.put("\(directory)/\(path)", as: commit(path)))
                    }
                case .emptyFolder(let path) where commit(path).path.isEmpty: continue
                case .emptyFolder(let path):
                    try await reporting(path, report: report) {
                        try await upload.uploader.makeFolder(commit(path).path)
                        return .folder(path)
                    }
                case .leftOut(let path, let why): report(.leftOut(path, why))
                }
            }
        }
        try await put(small, present: present, report: report)
    }

    private func commit(_ path: String) -> CommitInfo {
        var commit = wish
        if !path.isEmpty { commit.path = "\(wish.path)/\(path)" }
        return commit
    }

    /// Tells the outcome; an error that concerns only this path is one.
    private func reporting(_ path: String, report: (Event) -> Void, work: () async throws -> Event) async throws {
        do {
            report(try await work())
        } catch let error as any Classified where error.disposition == .skipItem {
            report(.failed(path, error))
        }
    }

    // MARK: Small files

    private struct Small: Sendable {
        var path, local: String
        var commit: CommitInfo
    }

    /// A small file after its bytes went up.
    private enum Sent: Sendable {
        case session(SessionFinish, ContentHash)
        case there(FileUpload.Outcome)
        case failed(any Error)
    }

    private struct SentFile: Sendable {
        var file: Small
        var sent: Sent
    }

    private func put(_ files: [Small], present: RemoteFiles, report: (Event) -> Void) async throws {
        var ready: [(file: Small, wish: SessionFinish, hash: ContentHash)] = []
        try await withThrowingTaskGroup(of: SentFile.self) { group in
            var waiting = files.makeIterator()
            for _ in 0..<Self.width {
                if let next = waiting.next() {
                    group.addTask { SentFile(file: next, sent: try await send(next, present)) }
                }
            }
            while let done = try await group.next() {
                if let next = waiting.next() {
                    group.addTask { SentFile(file: next, sent: try await send(next, present)) }
                }
                switch done.sent {
                case .session(let wish, let hash): ready.append((done.file, wish, hash))
                case .there(let outcome): report(.done(done.file.path, outcome))
                case .failed(let error): report(.failed(done.file.path, error))
                }
            }
        }
        let results = try await upload.uploader.finish(ready.map(\.wish))
        for (entry, result) in zip(ready, results) {
            try await reporting(entry.file.path, report: report) {
                let done = try await resolved(result, wish: entry.wish, hash: entry.hash)
                try upload.check(done, hash: entry.hash, size: entry.wish.size)
                return .done(entry.file.path, FileUpload.Outcome(file: done, wasThere: false))
            }
        }
    }

    /// The bytes of a small file as they were at one time, in a session of their own.
    private func send(_ small: Small, _ present: RemoteFiles) async throws -> Sent {
        do {
            let file = try LocalFile(small.local)
            let bytes = try file.snapshot()
            let hash = ContentHash(of: bytes)
            upload.meter.add(file.size)
            if let there = present.file(small.commit.path, hash) {
                return .there(FileUpload.Outcome(file: there, wasThere: true))
            }
            var commit = small.commit
            commit.modified = commit.modified ?? file.modified
            let part = UploadPart(.bytes(bytes), hash: hash)
            let session = try await upload.uploader.start(.sequential, with: part, close: true)
            return .session(SessionFinish(session, size: file.size, commit: commit), hash)
        } catch is FileChanged {
            return .failed(UploadError(.restless, small.local, "is being written; try again later"))
        } catch let error as any Classified where error.disposition == .skipItem {
            return .failed(error)
        }
    }

    /// The file that a session has become; when it is gone the answer may have got lost.
    private func resolved(
        _ result: Result<UploadedFile, DropboxError>, wish: SessionFinish, hash: ContentHash
    ) async throws -> UploadedFile {
        if case .failure(let error) = result, error.uploadRefusal == .sessionNotFound,
            let there = try await upload.find(wish.commit, hash)
        {
            return there
        }
        return try result.get()
    }
}

/// The files below a folder of the account, by their path in lower case: what need not be sent again.
private struct RemoteFiles: Sendable {
    private var files: [String: UploadedFile] = [:]

    /// Lists the folder; none is there before the first upload.
    init(_ client: DropboxClient, _ folder: String) async throws {
        do {
            var found: [String: UploadedFile] = [:]
            try await client.list(below: folder) { page in
                for case .put(let key, .file(_, let version), _) in page.changes {
                    let path = folder + key.text
                    found[path.lowercased()] = UploadedFile(path: path, id: "", version: version)
                }
            }
            files = found
        } catch let error as DropboxError where error.summary?.hasPrefix("path/") == true {
            return
        }
    }

    /// The file of that content at a path, as far as our lower case is the server's.
    func file(_ path: String, _ hash: ContentHash) -> UploadedFile? {
        guard let there = files[path.lowercased()], there.version.hash == hash else { return nil }
        return there
    }
}
