import Dropbox
import FileSystem
import FoundationEssentials
import Glibc
import SyncModel

/// Remembers upload sessions across processes: a small file for each.
///
/// Nothing here is precious: what cannot be read or written costs at most that an upload begins anew.
public struct SessionJournal: Sendable {
    /// What an upload is recognised by.
    struct Key: Hashable, Sendable {
        /// The absolute local path.
        var path: String
        var identity: FileIdentity
        /// The path in the account, and which account's server.
        var remote, server: String

        fileprivate var fileName: String {
            let parts = [
                path, "\(identity.device)", "\(identity.inode)", "\(identity.size)",
                "\(identity.modifiedNanoseconds)", remote, server,
            ]
            return "\(ContentHash(of: Array(parts.joined(separator: "\0").utf8)).hex.prefix(32)).json"
        }
    }

    /// A session and what it has.
    struct Entry: Hashable, Sendable {
        var session: UploadSession
        var pieces: Pieces
        var done = PieceSet()
    }

    /// Sessions older than this have expired at the server (files.stone: 7 days).
    private static let life: Int64 = 7 * 86_400

    private let directory: String

    /// Keeps its files in `directory`, which is made when the first one is written.
    public init(directory: String) { self.directory = directory }

    private func file(_ key: Key) -> String { "\(directory)/\(key.fileName)" }

    /// The session of an upload that was begun; `nil` if there is none that is of use.
    func load(_ key: Key) -> Entry? {
        removeExpired()
        guard let bytes = contents(of: file(key)),
            let json = try? JSONDecoder().decode(EntryJSON.self, from: Data(bytes)),
            let kind = UploadSession.Kind(rawValue: json.kind)
        else { return nil }
        let pieces = Pieces(total: key.identity.size)
        guard json.piece_size == pieces.size else { return nil }
        return Entry(
            session: UploadSession(id: json.session_id, kind: kind), pieces: pieces,
            done: PieceSet(prefix: json.pieces, beyond: Set(json.further)))
    }

    /// Notes how far an upload has come.
    func save(_ entry: Entry, _ key: Key) {
        let json = EntryJSON(
            file: key.path, remote: key.remote, size: key.identity.size, session_id: entry.session.id,
            kind: entry.session.kind.rawValue, piece_size: entry.pieces.size, pieces: entry.done.prefix,
            further: entry.done.beyond.sorted())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(json) else { return }
        makeFolder(directory)
        // One that is not written only makes an upload begin anew.
        try? replaceFile(at: file(key), with: bytes, mode: 0o600, draft: .named(draft(key)), durability: .none)
    }

    /// Forgets a session: it has become a file, or is of no use.
    func remove(_ key: Key) {
        unlink(draft(key))  // of a run that was killed
        unlink(file(key))
    }

    private func draft(_ key: Key) -> String { file(key) + ".new" }

    /// Makes a folder, with those above it; it belongs to whom the one above belongs, also when root makes it.
    private func makeFolder(_ path: String) {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return }
        let above = String(path[..<slash])
        var made = mkdir(path, 0o700)
        if made != 0 && errno == ENOENT {
            makeFolder(above)
            made = mkdir(path, 0o700)
        }
        var owner = stat()
        if made == 0, stat(above, &owner) == 0 { _ = chown(path, owner.st_uid, owner.st_gid) }
    }

    private func contents(of file: String) -> [UInt8]? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }

    private func removeExpired() {
        guard let names = try? DirectoryEntries(of: directory).names() else { return }
        let now = Timestamp.now
        for name in names where name.contains(".json") {
            var status = stat()
            guard stat("\(directory)/\(name)", &status) == 0 else { continue }
            let written = Timestamp(seconds: Int64(status.st_mtim.tv_sec))
            if now.seconds(since: written) > Self.life { unlink("\(directory)/\(name)") }
        }
    }
}

/// The file of one session.
private struct EntryJSON: Codable {
    let file, remote: String
    let size: Int64
    let session_id: String
    let kind: String
    let piece_size: Int64
    /// So many pieces from the first on, and these further ones.
    let pieces: Int
    let further: [Int]
}
