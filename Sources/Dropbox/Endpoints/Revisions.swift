public import SyncModel
import Transport

/// A revision of a file, as Dropbox keeps it.
public struct Revision: Hashable, Sendable {
    /// What it holds.
    public var version: FileVersion
    /// When Dropbox recorded it.
    public var recorded: Timestamp

    /// Names one.
    public init(version: FileVersion, recorded: Timestamp) {
        self.version = version
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

        var recorded: Timestamp? { TimestampText.parse(server_modified) }

        var revision: Revision? {
            guard is_downloadable ?? true, let hash = content_hash.flatMap({ ContentHash(hex: $0) }),
                let recorded, let modified = TimestampText.parse(client_modified)
            else { return nil }
            return Revision(
                version: FileVersion(rev: Rev(rev), size: size, hash: hash, modified: modified), recorded: recorded)
        }
    }
}
