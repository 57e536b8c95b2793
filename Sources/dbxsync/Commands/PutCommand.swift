import ArgumentParser
import Configuration
import Downloading
import Dropbox
import FileSystem
import Glibc
import SyncModel
import TextFormatting
import Transport
import Uploading

/// `dbxsync put`: uploads a file or a directory.
struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Uploads a file, or with --recursive a directory.",
        discussion: """
            LOCAL is a file, or "-" for standard input. REMOTE is the path of the file to write; with a slash at its \
            end, the folder to write it into. With --recursive REMOTE is the folder that receives what is in the \
            directory. The modification time is kept. An interrupted upload goes on where it stood when the same \
            file is put again. Needs a sign-in by "dbxsync auth --uploads".
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "What to upload.")
    var local: String

    @Argument(help: "Where to.")
    var remote: String

    @Option(
        help:
            "When there is a file of other content: \"add\" fails, \"overwrite\" replaces it, \"update:REV\" replaces that revision."
    )
    var mode = "add"

    @Flag(help: "When the name is taken, let Dropbox choose another.")
    var autorename = false

    @Flag(help: "Upload a directory with everything in it.")
    var recursive = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard Self.mode(mode) != nil else {
            throw ValidationError("--mode is add, overwrite or update:REV, where REV is a revision of Dropbox")
        }
        if remote.hasPrefix("rev:") { throw ValidationError("REMOTE is a path, not a revision") }
        if local == "-" {
            if recursive { throw ValidationError("standard input is no directory") }
            if remote.hasSuffix("/") { throw ValidationError("standard input has no name: name the file in REMOTE") }
        }
        if recursive && remote.hasPrefix("id:") { throw ValidationError("--recursive needs a path as REMOTE") }
        if recursive && mode.hasPrefix("update:") { throw ValidationError("update:REV is about one file") }
    }

    private static func mode(_ text: String) -> CommitInfo.Mode? {
        switch text {
        case "add": return .add
        case "overwrite": return .overwrite
        default:
            let rev = text.dropFirst("update:".count)
            let isRev = rev.utf8.count >= 9 && rev.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
            return text.hasPrefix("update:") && isRev ? .update(Rev(String(rev))) : nil
        }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let log = LogOutput(config.log, config: common.config)
            let source = try source()
            let connection = Connection(config, calls: .oneShot, logger: log.logger())
            let commit = CommitInfo(path: target, mode: Self.mode(mode) ?? .add, autorename: autorename)
            do {
                let client = try await connection.wholeAccount(config)
                let upload = connection.uploads(client, config: config, logger: log.logger())
                let line = ProgressLine(terminal: log.terminal)
                let code =
                    source.isFolder
                    ? try await folder(source.path, commit: commit, upload: upload, line: line)
                    : try await file(source, commit: commit, upload: upload, line: line)
                await connection.stop()
                return code
            } catch let error as DropboxError {
                throw error.failure(about: commit.path)
            }
        }
    }

    /// The path of the file, or the folder, in the account.
    private var target: String {
        let path = RemotePath.absolute(remote)
        return remote.hasSuffix("/") && !recursive ? "\(path)/\(RemotePath.name(of: local))" : path
    }

    /// What is uploaded.
    private struct Source {
        /// The absolute path; `nil` for standard input.
        var file: String?
        var isFolder = false
        /// The number of bytes, as far as it is known.
        var size: Int64 = 0

        var path: String { file ?? "-" }
    }

    private func source() throws(Failure) -> Source {
        guard local != "-" else { return Source() }
        var status = stat()
        guard stat(local, &status) == 0 else {
            let what = errno == ENOENT || errno == ENOTDIR ? "no such file" : SystemError(errno).description
            throw Failure(.incomplete, "\(escapingControls(local)): \(what)")
        }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard !isFolder || recursive else {
            throw Failure(
                .usage, "\(escapingControls(local)): is a directory; --recursive uploads all that is in it")
        }
        return Source(file: Self.absolute(local), isFolder: isFolder, size: Int64(status.st_size))
    }

    /// The path from the root on; where the working directory is gone only the relative path leads anywhere.
    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }

    // MARK: A file

    private func file(
        _ source: Source, commit: CommitInfo, upload: FileUpload, line: ProgressLine
    ) async throws -> ExitCode {
        let size = source.size
        let outcome = try await showing(
            line,
            now: {
                Progress(
                    activity: "uploading", filesTotal: 1, bytesDone: upload.meter.now,
                    bytesTotal: max(size, upload.meter.now), isGrowing: source.file == nil)
            },
            work: {
                guard let file = source.file else { return try await upload.put(from: STDIN_FILENO, as: commit) }
                return try await upload.put(file, as: commit)
            })
        let result = PutResult(outcome)
        printOut(json ? try JSONText.of(result) : result.text)
        return .done
    }

    // MARK: A directory

    private func folder(
        _ path: String, commit: CommitInfo, upload: FileUpload, line: ProgressLine
    ) async throws -> ExitCode {
        let total = try TreeUpload.measure(path)
        let files = DownloadMeter()
        var result = PutTreeResult(path: commit.path, local: path)
        try await showing(
            line,
            now: {
                Progress(
                    activity: "uploading", filesDone: files.now.files, filesTotal: total.files,
                    bytesDone: upload.meter.now, bytesTotal: total.bytes)
            },
            work: {
                try await TreeUpload(upload, into: commit).run(path) { event in
                    if case .done = event { files.addFile() }
                    result.take(event)
                }
            })
        for place in result.failed + result.leftOut {
            Terminal.standardError.write(line: "dbxsync: " + escapingControls("\(place.path): \(place.reason)"))
        }
        printOut(json ? try JSONText.of(result) : result.text)
        return result.failed.isEmpty ? .done : .incomplete
    }
}

/// The JSON document of `put --json` for a file.
private struct PutResult: Encodable {
    let path, id, rev: String
    let size: Int64
    let contentHash: String
    /// False when the account had these bytes there already.
    let uploaded: Bool

    init(_ outcome: FileUpload.Outcome) {
        path = outcome.file.path
        id = outcome.file.id
        rev = outcome.file.version.rev.text
        size = outcome.file.version.size
        contentHash = outcome.file.version.hash.hex
        uploaded = !outcome.wasThere
    }

    var text: String {
        "\(escapingControls(path))  \(uploaded ? HumanText.bytes(size) : "unchanged")  rev \(rev)"
    }
}

/// The JSON document of `put --recursive --json`.
private struct PutTreeResult: Encodable {
    let path, local: String
    var uploaded = 0
    var unchanged = 0
    var folders = 0
    var bytes: Int64 = 0
    var failed: [FailedPath] = []
    var leftOut: [FailedPath] = []

    init(path: String, local: String) {
        self.path = path
        self.local = local
    }

    mutating func take(_ event: TreeUpload.Event) {
        switch event {
        case .done(_, let outcome) where outcome.wasThere: unchanged += 1
        case .done(_, let outcome): (uploaded, bytes) = (uploaded + 1, bytes.saturatingSum(outcome.file.version.size))
        case .folder: folders += 1
        case .leftOut(let path, let reason): leftOut.append(FailedPath(path: path, reason: reason))
        case .failed(let path, let error): failed.append(FailedPath(path: path, reason: Self.reason(error)))
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as DropboxError: error.reason + (error.hint.map { "; \($0)" } ?? "")
        case let error as UploadError: error.reason
        default: "\(error)"
        }
    }

    var text: String {
        "\(escapingControls(path))  \(HumanText.count(uploaded, "file")) uploaded, \(HumanText.bytes(bytes)); "
            + "\(HumanText.count(unchanged)) unchanged, \(HumanText.count(failed.count)) failed"
    }
}
