public import SyncModel
import Transport

/// A revision of a file or a symbolic link, as Dropbox keeps it.
public struct Revision: Hashable, Sendable {
    /// What a revision is.
    public enum Content: Hashable, Sendable {
        /// A file.
        case file(FileVersion)
        /// A symbolic link.
        case link(SymbolicLink)

        /// What stands for it where it is compared.
        public var version: FileVersion {
            switch self {
            case .file(let version): version
            case .link(let link): link.version
            }
        }
    }

    /// What it is.
    public var content: Content
    /// When Dropbox recorded it.
    public var recorded: Timestamp

    /// Names one.
    public init(_ content: Content, recorded: Timestamp) {
        self.content = content
        self.recorded = recorded
    }
}

extension DropboxClient {
    /// Revisions that are asked for at a time: as many as Dropbox gives.
    private static let revisionsAtATime = 100

    /// Hands over the revisions that Dropbox keeps of what stands, or stood, at an absolute path, the newest first, until
    /// `take` says no.
    ///
    /// Those that cannot be downloaded and verified are left out.
    ///
    /// - Throws: `DropboxError`; with `summary` `path/not_found` if it knows of no file there, `path/not_file` for a folder.
    public func revisions(of path: String, take: (Revision) throws -> Bool) async throws {
        var before: String?
        while true {
            var fields: [(key: String, value: APIArgument.Value)] = [
                ("path", .text(path)), ("limit", .number(Self.revisionsAtATime)),
            ]
            if let before { fields.append(("before_rev", .text(before))) }
            let call = Call.rpc(
                "files/list_revisions", role: .query, base: endpoints.api, argument: APIArgument(fields))
            let page = try await runner.run(call) { response in
                try Self.decode(RevisionsJSON.self, response: response, call: call)
            }
            // The order is not promised.
            let sorted = page.entries.sorted { ($0.recorded ?? .epoch) > ($1.recorded ?? .epoch) }
            for revision in sorted.compactMap(\.revision) where try !take(revision) { return }
            guard page.has_more, let last = sorted.last?.rev, last != before else { return }
            before = last
        }
    }

    /// The symbolic link that an entry is which was asked for by its revision; nil for a file, as far as Dropbox tells.
    ///
    /// Metadata of a revision never says so (docs/dropbox-api.md#31-fields); the revisions of its path and the entry that
    /// has its id now do.
    ///
    /// - Throws: `DropboxError` if Dropbox cannot be asked.
    public func symbolicLink(ofRevision entry: RemoteEntry) async throws -> SymbolicLink? {
        guard case .file(_, let version) = entry.node else { return nil }
        var listed: Revision.Content?
        try await ifFound {
            try await revisions(of: entry.pathDisplay) { revision in
                if revision.content.version.rev == version.rev { listed = revision.content }
                return listed == nil
            }
        }
        if case .link(let link)? = listed { return link }
        let now = try await ifFound { try await metadata(of: entry.id).node }
        guard case .unavailable(_, .symbolicLink(let link, _), _)? = now else { return nil }
        return link.rev == version.rev || (listed == nil && version.size == 0) ? link : nil
    }

    /// What `body` returns; nil if Dropbox knows of no such file.
    private func ifFound<Value>(_ body: () async throws -> Value) async throws -> Value? {
        do {
            return try await body()
        } catch let error as DropboxError where error.isNoSuchFile {
            return nil
        }
    }
}

extension DropboxError {
    /// Whether there is no file of that name, id or revision.
    public var isNoSuchFile: Bool {
        code == .refused && ["path/not_found", "path/not_file"].contains(summary)
    }
}

/// ListRevisionsResult.
private struct RevisionsJSON: Decodable, Sendable {
    let entries: [Entry]
    let has_more: Bool

    /// FileMetadata.
    struct Entry: Decodable, Sendable {
        let rev: String
        let size: Int64
        let client_modified: String
        let server_modified: String
        let content_hash: String?
        let is_downloadable: Bool?
        let symlink_info: SymlinkInfo?

        /// SymlinkInfo.
        struct SymlinkInfo: Decodable, Sendable {
            let target: String
        }

        var recorded: Timestamp? { TimestampText.parse(server_modified) }

        var revision: Revision? {
            guard is_downloadable ?? true, let recorded, let modified = TimestampText.parse(client_modified) else {
                return nil
            }
            if let symlink_info {
                let link = SymbolicLink(target: symlink_info.target, rev: Rev(rev), modified: modified)
                return Revision(.link(link), recorded: recorded)
            }
            guard let hash = content_hash.flatMap({ ContentHash(hex: $0) }) else { return nil }
            let version = FileVersion(rev: Rev(rev), size: size, hash: hash, modified: modified)
            return Revision(.file(version), recorded: recorded)
        }
    }
}
