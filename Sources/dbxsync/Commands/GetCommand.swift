import ArgumentParser
import Configuration
import Downloading
import Dropbox
import Engine
import Glibc
import SyncModel
import TextFormatting
import Transport

/// `dbxsync get`: downloads a file or a folder.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Downloads a file, or with --recursive a folder.",
        discussion: """
            REMOTE is a path, an "id:" or a "rev:". LOCAL is the file to write, a directory to write it into, or "-" \
            for standard output; without it the file gets its own name here. With --recursive LOCAL is the directory \
            that receives what is in the folder. What arrives is verified; an interrupted download goes on when it is \
            asked for again, from the file LOCAL.REVISION.part. An online document, such as one of Dropbox Paper or \
            Google Docs, is exported: in the format that --format names, else in that of the table [export] of the \
            configuration.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "What to download.")
    var remote: String

    @Argument(help: "Where to.")
    var local: String?

    @Flag(help: "Download a folder with everything in it.")
    var recursive = false

    @Option(help: "The format of an online document, such as pdf; \"link\" for a file with its web address.")
    var format: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if format != nil && recursive {
            throw ValidationError("--format is for one document; a folder's come as [export] says")
        }
        if local == "-" && recursive { throw ValidationError("a folder cannot go to standard output") }
        if local == "-" && json { throw ValidationError("standard output cannot take the file and --json") }
    }

    func run() async throws {
        try await exiting(common.config) {
            let config = try common.load()
            let log = LogOutput(config.log, config: common.config)
            let connection = Connection(config, calls: .oneShot, logger: log.logger())
            let path = RemotePath.absolute(remote)
            do {
                let client = try await connection.wholeAccount(config)
                let code = try await get(
                    path, client: client, config: config, line: ProgressLine(terminal: log.terminal))
                await connection.stop()
                return code
            } catch let error as DropboxError {
                throw error.failure(about: remote)
            }
        }
    }

    private func get(
        _ path: String, client: DropboxClient, config: Config, line: ProgressLine
    ) async throws -> ExitCode {
        if path.isEmpty { return try await folder("", client: client, config: config, line: line) }
        let entry = try await entry(path, client: client, exports: config.exports)
        switch entry.node {
        case .folder: return try await folder(entry.pathDisplay, client: client, config: config, line: line)
        case .file(let name, let version):
            if format != nil {
                throw Failure(.usage, "\(escapingControls(remote)): is a file, which has no other format")
            }
            return try await file(name, entry: entry, version: version, client: client, line: line)
        case .unavailable(_, .document(let document, _), _):
            return try await export(document, entry: entry, client: client, config: config, line: line)
        case .export, .link, .unavailable(_, .notDownloadable, _):
            throw Failure(.incomplete, "\(escapingControls(remote)): is no file")
        case .unavailable(_, let reason, _): throw Failure(.incomplete, "\(escapingControls(remote)): \(reason)")
        }
    }

    /// What stands at a path; the name of an export means its document.
    private func entry(_ path: String, client: DropboxClient, exports: ExportSettings) async throws -> RemoteEntry {
        do {
            let entry = try await client.metadata(of: path)
            return path.hasPrefix("rev:") ? try await knowingLinks(entry, client: client) : entry
        } catch let error as DropboxError where error.summary?.hasPrefix("path/not_found") == true {
            guard path.hasPrefix("/"), let dot = path.lastIndex(of: "."),
                let entry = try? await client.metadata(of: String(path[..<dot])),
                case .unavailable(_, .document(let document, _), _) = entry.node,
                let file = exports.file(of: document, at: RemoteKey(entry.pathLower)), file.key == path.pathKey
            else { throw error }
            return entry
        }
    }

    /// The same, or the symbolic link that it is.
    private func knowingLinks(_ entry: RemoteEntry, client: DropboxClient) async throws -> RemoteEntry {
        guard let link = try await client.symbolicLink(ofRevision: entry) else { return entry }
        var known = entry
        known.node = .unavailable(name: entry.node.name, .symbolicLink(link, nil), rev: link.rev)
        return known
    }

    // MARK: A file

    private func file(
        _ name: FileName, entry: RemoteEntry, version: FileVersion, client: DropboxClient, line: ProgressLine
    ) async throws -> ExitCode {
        let download = Download(client: client, disk: DiskPool())
        let total = version.size
        let now: @Sendable () -> Progress = {
            let now = download.meter.now
            return Progress(
                activity: "downloading", filesDone: now.files, filesTotal: 1, bytesDone: now.bytes, bytesTotal: total)
        }
        if local == "-" {
            try await showing(line, now: now) { try await download.write(version, to: STDOUT_FILENO) }
            return .done
        }
        let target = try target(for: name)
        let isNew = try await showing(line, now: now) { try await download.get(version, to: target) }
        let result = GetResult(
            path: entry.pathDisplay, local: target, rev: version.rev.text, size: version.size,
            contentHash: version.hash.hex, downloaded: isNew)
        printOut(json ? try JSONText.of(result) : result.text)
        return .done
    }

    // MARK: An online document

    private func export(
        _ document: OnlineDocument, entry: RemoteEntry, client: DropboxClient, config: Config, line: ProgressLine
    ) async throws -> ExitCode {
        let (name, made) = try form(of: document, at: RemoteKey(entry.pathLower), config.exports)
        let download = Download(client: client, disk: DiskPool())
        let now: @Sendable () -> Progress = {
            let now = download.meter.now
            return Progress(
                activity: "exporting", filesDone: now.files, filesTotal: 1, bytesDone: now.bytes, bytesTotal: now.bytes)
        }
        do {
            if local == "-" {
                try await showing(line, now: now) { try await download.export(made, entry.id, to: STDOUT_FILENO) }
                return .done
            }
            let target = try target(for: name)
            let there = try await showing(line, now: now) { try await download.export(made, entry.id, to: target) }
            let version = there.version
            let result = GetResult(
                path: entry.pathDisplay, local: target, rev: version.rev.text, size: version.size,
                contentHash: version.hash.hex, downloaded: there.isNew)
            printOut(json ? try JSONText.of(result) : result.text)
            return .done
        } catch let problem as ExportProblem {
            throw Failure(.incomplete, "\(escapingControls(remote)): \(problem); try it again")
        }
    }

    /// The name of the file and how it is made: as asked for, else as configured, else as Dropbox does by itself.
    private func form(
        of document: OnlineDocument, at key: RemoteKey, _ configured: ExportSettings
    ) throws(Failure) -> (FileName, ExportedFile) {
        var exports = configured
        let kind = DocumentKind(name: document.name, formats: document.formats)
        if let format {
            if format != "link", document.formats.named(format) == nil {
                let known = document.formats.all.map { ExportFormats.fileExtension(of: $0) ?? $0 } + ["link"]
                throw Failure(
                    .usage,
                    "\(escapingControls(remote)): is not offered as \(format); use \(known.joined(separator: ", "))")
            }
            exports[kind] = ExportSettings.Choice(format)
        } else if exports[kind] == .off {
            exports[kind] = .standard
        }
        if let (name, _, file) = exports.file(of: document, at: key) { return (name, file) }
        throw Failure(
            .incomplete,
            "\(escapingControls(remote)): is an online document that Dropbox exports in no format; --format link writes "
                + "a file with its web address")
    }

    private func target(for name: FileName) throws(Failure) -> String {
        var folder = "."
        if let local {
            var status = stat()
            let isFolder = stat(local, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            guard isFolder || local.hasSuffix("/") else { return local }
            folder = local
        }
        if let problem = MirrorPath.problem(with: name, atTop: false) {
            throw Failure(.incomplete, "\(escapingControls(remote)): \(problem); name the file yourself")
        }
        return (folder == "." ? "" : folder.hasSuffix("/") ? folder : folder + "/") + name.text
    }

    // MARK: A folder

    private func folder(
        _ path: String, client: DropboxClient, config: Config, line: ProgressLine
    ) async throws -> ExitCode {
        guard recursive else {
            throw Failure(.usage, "\(escapingControls(remote)): is a folder; --recursive downloads all that is in it")
        }
        let top = local ?? (path.isEmpty ? "." : RemotePath.name(of: path))
        var exports = config.exports
        exports.webAddress += LinkFile.encoded(path, keeping: UInt8(ascii: "/"))
        let tree = try await RemoteTree(client, path, exports: exports)
        var result = GetTreeResult(path: path, local: top)
        for place in tree.unavailable { result.add(failed: place.path, place.reason) }
        let download = Download(client: client, disk: DiskPool())
        let (files, bytes) = (tree.files.count, tree.bytes)
        let outcomes = try await showing(
            line,
            now: {
                let now = download.meter.now
                return Progress(
                    activity: "downloading", filesDone: now.files, filesTotal: files, bytesDone: now.bytes,
                    bytesTotal: bytes)
            },
            work: { try await download.get(tree, to: top, parallel: config.transfer.parallel) })
        for (file, outcome) in outcomes {
            switch outcome {
            case .success(let bytes): result.add(bytes)
            case .failure(let error): result.add(failed: file.path.text, escapingControls("\(error)"))
            }
        }
        for place in result.failed {
            Terminal.standardError.write(line: "dbxsync: " + escapingControls("\(place.path): \(place.reason)"))
        }
        printOut(json ? try JSONText.of(result) : result.text)
        return result.failed.isEmpty ? .done : .incomplete
    }
}

/// The JSON document of `get --json` for a file.
private struct GetResult: Encodable {
    let path, local, rev: String
    let size: Int64
    let contentHash: String
    /// False when the local file had these bytes already.
    let downloaded: Bool

    var text: String {
        let what = downloaded ? HumanText.bytes(size) : "unchanged"
        return "\(escapingControls(local))  \(what)  rev \(rev)"
    }
}

/// The JSON document of `get --recursive --json`.
private struct GetTreeResult: Encodable {
    let path, local: String
    var downloaded = 0
    var unchanged = 0
    var bytes: Int64 = 0
    var failed: [FailedPath] = []

    init(path: String, local: String) {
        self.path = path
        self.local = local
    }

    /// Counts a file: its bytes if it is new here.
    mutating func add(_ size: Int64?) {
        if let size { (downloaded, bytes) = (downloaded + 1, bytes.saturatingSum(size)) } else { unchanged += 1 }
    }

    mutating func add(failed path: String, _ reason: String) { failed.append(FailedPath(path: path, reason: reason)) }

    var text: String {
        "\(escapingControls(local))  \(HumanText.count(downloaded, "file")) downloaded, \(HumanText.bytes(bytes)); "
            + "\(HumanText.count(unchanged)) unchanged, \(HumanText.count(failed.count)) failed"
    }
}

/// A path with the reason why it was not done.
struct FailedPath: Encodable {
    let path, reason: String
}
