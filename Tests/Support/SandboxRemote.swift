public import Sandbox
public import SyncModel
import Synchronization

/// The sandbox's account as a remote, without HTTP.
public final class SandboxRemote: RemoteSource {
    /// The account.
    public let account: Account
    private let limit: Int?
    private let state = Mutex(State())

    private struct State {
        var pages = 0
        var downloads: [String] = []
        var bytes: Int64 = 0
        var ignoresRanges = false
        var held: Set<String> = []
        var onPage: (@Sendable (Int) async throws -> Void)?
        var onLatestCursor: (@Sendable () async throws -> Void)?
        var loses: (@Sendable (ListingPart) -> Bool)?
        var onPart: (@Sendable (ListingPart) async throws -> Void)?
        var alter: (@Sendable (inout ChangePage) throws -> Void)?
        var onDownload: (@Sendable (String) throws -> Void)?
        var zips: [String] = []
        var exports: [String] = []
        var onExport: (@Sendable (String, inout [UInt8]) throws -> Void)?
        var onZip: (@Sendable (String, inout [UInt8]) throws -> Void)?
    }

    /// Listens to `account`, with pages of about `limit` entries.
    public init(_ account: Account, limit: Int? = nil) {
        self.account = account
        self.limit = limit
    }

    /// Called before each page with its number from 1; throws to make it fail.
    public func onPage(_ hook: (@Sendable (Int) async throws -> Void)?) { state.withLock { $0.onPage = hook } }

    /// Called before the latest cursor is told; throws to make that fail.
    public func onLatestCursor(_ hook: (@Sendable () async throws -> Void)?) {
        state.withLock { $0.onLatestCursor = hook }
    }

    /// Tells which parts are said not to be there.
    public func loses(_ choose: (@Sendable (ListingPart) -> Bool)?) { state.withLock { $0.loses = choose } }

    /// Called before each page of a part of a listing; throws to make it fail.
    public func onPart(_ hook: (@Sendable (ListingPart) async throws -> Void)?) { state.withLock { $0.onPart = hook } }

    /// Called with each page before it is handed over; throws to make it fail.
    public func alter(_ hook: (@Sendable (inout ChangePage) throws -> Void)?) { state.withLock { $0.alter = hook } }

    /// Called before each download with its revision; throws to make it fail.
    public func onDownload(_ hook: (@Sendable (String) throws -> Void)?) { state.withLock { $0.onDownload = hook } }

    /// Lets downloads of a revision wait before their first byte, until it is let go.
    public func hold(_ rev: String) { state.withLock { _ = $0.held.insert(rev) } }

    /// Lets all downloads go on.
    public func letGo() { state.withLock { $0.held = [] } }

    /// Whether downloads of a revision wait.
    public func isHeld(_ rev: String) -> Bool { state.withLock { $0.held.contains(rev) } }

    /// Whether every answer is the whole content, whatever part was asked for.
    public func ignoresRanges(_ ignores: Bool) { state.withLock { $0.ignoresRanges = ignores } }

    /// Called with the folder and the bytes of each zip before they are sent; throws to refuse it.
    ///
    /// A zip that is shorter afterwards is cut.
    public func onZip(_ hook: (@Sendable (String, inout [UInt8]) throws -> Void)?) {
        state.withLock { $0.onZip = hook }
    }

    /// Called with the document and the bytes of each export before they are sent; throws to make it fail.
    public func onExport(_ hook: (@Sendable (String, inout [UInt8]) throws -> Void)?) {
        state.withLock { $0.onExport = hook }
    }

    /// Folders of which a zip was asked for so far.
    public var zips: [String] { state.withLock { $0.zips } }

    /// Documents of which an export was asked for so far.
    public var exports: [String] { state.withLock { $0.exports } }

    /// Pages asked for so far.
    public var pages: Int { state.withLock { $0.pages } }

    /// Downloads begun so far.
    public var downloads: Int { state.withLock { $0.downloads.count } }

    /// The revisions of the downloads begun so far, in that order.
    public var downloadedRevisions: [String] { state.withLock { $0.downloads } }

    /// Bytes sent so far.
    public var bytes: Int64 { state.withLock { $0.bytes } }

    /// Forgets the counts.
    public func resetCounts() {
        state.withLock { state in
            state.pages = 0
            state.downloads = []
            state.bytes = 0
            state.zips = []
            state.exports = []
        }
    }

    /// One page.
    public func changes(since cursor: Cursor?) async throws -> ChangePage {
        try await page {
            try cursor.map { try account.continueList($0.text) } ?? account.list(ListOptions(limit: limit))
        }
    }

    private func page(_ ask: () throws -> Page) async throws -> ChangePage {
        let (number, hook) = state.withLock { state in
            state.pages += 1
            return (state.pages, state.onPage)
        }
        try await hook?(number)
        do {
            let page = try ask()
            var answer = ChangePage(
                changes: page.entries.compactMap(SandboxRemote.change), cursor: Cursor(page.cursor),
                hasMore: page.hasMore)
            for case .folder(let folder) in page.entries {
                if let id = folder.sharing?.id { answer.shared[RemoteKey(folder.pathLower)] = id }
            }
            try state.withLock { $0.alter }?(&answer)
            return answer
        } catch AccountError.reset {
            throw SandboxError(disposition: .cursorReset)
        }
    }

    /// A cursor for what changes from now on.
    public func latestCursor() async throws -> Cursor? {
        try await state.withLock { $0.onLatestCursor }?()
        return Cursor(try account.latestCursor(ListOptions(limit: limit)))
    }

    /// A page of a part; counted, hooked and altered as the others.
    public func list(_ part: ListingPart) async throws -> ChangePage? {
        try await state.withLock { $0.onPart }?(part)
        if state.withLock({ $0.loses })?(part) == true { return nil }
        do {
            return try await page {
                let options = ListOptions(path: part.folder.text, isRecursive: part.isRecursive, limit: limit)
                return try part.cursor.map { try account.continueList($0.text) } ?? account.list(options)
            }
        } catch AccountError.lookup where part.folder != .root {
            return nil
        }
    }

    /// Waits for news.
    public func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        do {
            return try await account.awaitChange(after: cursor.text, for: limit)
        } catch AccountError.reset {
            throw SandboxError(disposition: .cursorReset)
        }
    }

    /// Sends a revision's bytes in pieces.
    public func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await downloadSegment(version, upTo: version.size, into: sink)
    }

    /// Sends a part of a revision's bytes in pieces.
    public func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        let hook = state.withLock { state in
            state.downloads.append(version.rev.text)
            return state.onDownload
        }
        try hook?(version.rev.text)
        try await eventually("the end of a hold", within: .seconds(3600)) { !isHeld(version.rev.text) }
        let bytes: [UInt8]
        do {
            bytes = try account.content(of: "rev:" + version.rev.text).load()
        } catch is AccountError {
            throw SandboxError(disposition: .skipItem)
        }
        let wantsPart = sink.offset > 0 || end < version.size
        if wantsPart && state.withLock({ $0.ignoresRanges }) { try sink.restart() }
        var position = Int(sink.offset)
        while position < end {
            try Task.checkCancellation()
            let piece = bytes[position..<min(position + 65_536, Int(end))]
            await Self.room(for: piece.count, in: sink)
            try piece.withUnsafeBytes { try sink.write($0) }
            state.withLock { $0.bytes += Int64(piece.count) }
            position += piece.count
        }
    }

    /// Sends a folder's zip in pieces.
    public func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        let hook = state.withLock { state in
            state.zips.append(folder.text)
            return state.onZip
        }
        var bytes: [UInt8] = []
        do {
            var archive = try account.archive(of: folder.text).archive
            while case let piece = archive.read(65_536), !piece.isEmpty { bytes += piece }
        } catch is AccountError {
            throw SandboxError(disposition: .skipItem)
        }
        let whole = bytes.count
        try hook?(folder.text, &bytes)
        for start in stride(from: 0, to: bytes.count, by: 16_384) {
            try Task.checkCancellation()
            let piece = bytes[start..<min(start + 16_384, bytes.count)]
            await Self.room(for: piece.count, in: sink)
            try piece.withUnsafeBytes { try sink.write($0) }
        }
        if bytes.count < whole { throw SandboxError(disposition: .retry(after: nil)) }
    }

    /// Returns when the sink can take so many bytes.
    private static func room(for count: Int, in sink: any ByteSink) async {
        var hasRoom = false
        while !hasRoom {
            hasRoom = await withCheckedContinuation { continuation in
                let isNow = sink.hasRoom(for: count) { continuation.resume(returning: false) }
                if isNow { continuation.resume(returning: true) }
            }
        }
    }

    /// Exports as the sandbox does.
    public func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        state.withLock { $0.exports.append(file.source.text) }
        var format: String?
        if case .format(let name, _) = file.form { format = name }
        let export: Export
        do {
            export = try account.export(file.source.text, format: format)
        } catch AccountError.export("retry_error"), AccountError.lookup {
            throw SandboxError(disposition: .skipItem)
        } catch {
            throw SandboxError(disposition: .parked)
        }
        var bytes = export.content.load()
        try state.withLock { $0.onExport }?(file.source.text, &bytes)
        state.withLock { $0.bytes += Int64(bytes.count) }
        if sink.offset > 0 { try sink.restart() }
        try bytes.withUnsafeBytes { try sink.write($0) }
        return ExportAnswer(
            size: export.size, hash: export.hash.flatMap { ContentHash(hex: $0) }, rev: Rev(export.file.rev))
    }

    /// The revision at a key.
    public func revision(at key: RemoteKey) async throws -> Rev? {
        guard case .file(let file)? = try? account.metadata(key.text, includeDeleted: false) else { return nil }
        return Rev(file.rev)
    }

    private static func change(_ entry: Entry) -> RemoteChange? {
        switch entry {
        case .deleted(let gone): return .deleted(RemoteKey(gone.pathLower))
        case .folder(let folder):
            let name = FileName(folder.name)
            let isForbidden = folder.sharing?.isForbidden == true
            return .put(
                RemoteKey(folder.pathLower),
                isForbidden ? .unavailable(name: name, .noAccess, rev: nil) : .folder(name: name),
                parents: parents(folder.pathDisplay))
        case .file(let file):
            return .put(RemoteKey(file.pathLower), node(file), parents: parents(file.pathDisplay))
        }
    }

    private static func node(_ file: FileMetadata) -> RemoteNode {
        let name = FileName(file.name)
        let rev = Rev(file.rev)
        if !file.traits.isDownloadable {
            let made = file.traits.document
            let document = SyncModel.OnlineDocument(
                name: name, rev: rev, modified: Timestamp(seconds: file.clientModified),
                formats: ExportFormats(exportAs: made?.exportAs, options: made?.options ?? []))
            return .unavailable(name: name, .document(document, nil), rev: rev)
        }
        if let target = file.traits.symlinkTarget {
            let link = SymbolicLink(target: target, rev: rev, modified: Timestamp(seconds: file.clientModified))
            return .unavailable(name: name, .symbolicLink(link, nil), rev: rev)
        }
        guard let hash = file.contentHash.flatMap({ ContentHash(hex: $0) }) else {
            return .unavailable(name: name, .noContentHash, rev: rev)
        }
        let modified = Timestamp(seconds: file.clientModified)
        return .file(name: name, FileVersion(rev: rev, size: file.size, hash: hash, modified: modified))
    }

    private static func parents(_ display: String) -> [FileName] {
        display.pathComponents.dropLast().map { FileName($0) }
    }
}

/// An error of the sandbox's remote.
public struct SandboxError: Classified {
    /// How the error is handled.
    public var disposition: Disposition

    /// Makes an error.
    public init(disposition: Disposition) { self.disposition = disposition }
}
