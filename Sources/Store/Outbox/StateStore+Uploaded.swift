import FoundationEssentials
import GRDB
public import SyncModel

/// A file of the mirror that went up from here: what have is to say when the account tells of its revision.
public struct UploadedHere: Hashable, Sendable {
    /// The server's key.
    public var key: RemoteKey
    /// How it is called in the mirror.
    public var name: FileName
    /// What the account has.
    public var version: FileVersion
    /// How the file is recognised.
    public var fingerprint: Fingerprint
    /// The folders above it in the mirror, from the top down.
    public var folders: [FolderIdentity]

    /// Names an upload.
    public init(
        key: RemoteKey, name: FileName, version: FileVersion, fingerprint: Fingerprint, folders: [FolderIdentity]
    ) {
        self.key = key
        self.name = name
        self.version = version
        self.fingerprint = fingerprint
        self.folders = folders
    }
}

extension StateStore {
    /// Remembers an upload until the account tells of it; if it has already, the file stands as is wanted.
    ///
    /// Want is left to the account: have is set together with it, so that neither runs ahead of the other.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func note(_ upload: UploadedHere) async throws {
        let inEffect = inEffect
        let folders = String(decoding: try JSONEncoder().encode(upload.folders), as: UTF8.self)
        try await write { db in
            let sql = """
                INSERT OR REPLACE INTO upload (key, rev, name, size, hash, modified, inode, mtime_ns, folders)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            let version = upload.version
            try db.cachedStatement(sql: sql).execute(
                arguments: [
                    upload.key.text, version.rev.text, upload.name.text, version.size, version.hash.data,
                    version.modified, Int64(bitPattern: upload.fingerprint.inode),
                    upload.fingerprint.modifiedNanoseconds, folders,
                ])
            let pending = PendingTable(db, inEffect)
            if try Uploads(pending).recognise(upload.key) { try pending.refresh(upload.key) }
        }
    }

    /// The revision from which the mirror has put a file there that is recognised by content and fingerprint.
    public func placed(_ hash: ContentHash, _ print: Fingerprint) async throws -> (key: RemoteKey, rev: Rev)? {
        try await read { db in
            let sql = "SELECT key, rev FROM have WHERE hash = ? AND inode = ? AND size = ? AND mtime_ns = ?"
            let row = try Row.fetchOne(
                db.cachedStatement(sql: sql),
                arguments: [hash.data, Int64(bitPattern: print.inode), print.size, print.modifiedNanoseconds])
            return row.map { (RemoteKey($0[0]), Rev($0[1])) }
        }
    }

    /// Whether the mirror is about to note that it has put a file there.
    public func isArriving(_ print: Fingerprint) async throws -> Bool {
        try await read { db in
            let sql = "SELECT EXISTS (SELECT 1 FROM intent WHERE inode = ? AND size = ? AND mtime_ns = ?)"
            return try Bool.fetchOne(
                db.cachedStatement(sql: sql),
                arguments: [Int64(bitPattern: print.inode), print.size, print.modifiedNanoseconds]) ?? false
        }
    }

    /// The revision that the mirror has put at a key, if the file is called like that.
    public func placedRevision(at key: RemoteKey, name: FileName) async throws -> Rev? {
        try await read { db in
            guard case .file(name, let version, _) = try PendingTable.storedHave(db, key) else { return nil }
            return version.rev
        }
    }
}

/// Recognises what went up from here when the account tells of it.
struct Uploads {
    private let db: Database
    private let isEmpty: Bool

    init(_ pending: PendingTable) throws {
        db = pending.db
        isEmpty = try Bool.fetchOne(db, sql: "SELECT NOT EXISTS (SELECT 1 FROM upload)") ?? true
    }

    /// Sets have if what is wanted at `key` went up from here.
    ///
    /// - Returns: whether it did.
    @discardableResult
    func recognise(_ key: RemoteKey) throws -> Bool {
        if isEmpty { return false }
        let sql = """
            SELECT u.name, u.inode, u.mtime_ns, u.folders FROM upload u JOIN want w ON w.key = u.key
            WHERE u.key = ? AND w.kind = 1 AND w.rev = u.rev AND w.name = u.name AND w.size = u.size AND w.hash = u.hash
            """
        guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [key.text]),
            case .file(let name, let version) = try PendingTable.storedWant(db, key),
            let folders = try? JSONDecoder().decode([FolderIdentity].self, from: Data((row[3] as String).utf8))
        else { return false }
        try db.cachedStatement(sql: "DELETE FROM upload WHERE key = ?").execute(arguments: [key.text])
        guard try stand(folders, above: key) else { return false }
        let print = Fingerprint(
            inode: UInt64(bitPattern: row[1]), size: version.size, modifiedNanoseconds: row[2])
        if case .folder = try PendingTable.storedHave(db, key) { return false }
        try HaveTable.set(key, node: .file(name: name, version, print), provenAt: nil, db: db)
        return true
    }

    /// Forgets all of them: a complete listing has told of everything.
    func forget() throws {
        if !isEmpty { try db.execute(sql: "DELETE FROM upload") }
    }

    /// Notes that the folders above a key stand.
    ///
    /// - Returns: whether they are called in the account what they are called here.
    private func stand(_ folders: [FolderIdentity], above key: RemoteKey) throws -> Bool {
        let ancestors = key.ancestors.reversed() as [RemoteKey]
        guard ancestors.count == folders.count else { return false }
        for (ancestor, folder) in zip(ancestors, folders) {
            let name = FileName(folder.name)
            guard case .folder(name) = try PendingTable.storedWant(db, ancestor) else { return false }
            switch try PendingTable.storedHave(db, ancestor) {
            case nil: break
            case .folder(name, _): continue
            default: return false
            }
        }
        for (ancestor, folder) in zip(ancestors, folders) where try PendingTable.storedHave(db, ancestor) == nil {
            try HaveTable.set(
                ancestor, node: .folder(name: FileName(folder.name), inode: folder.inode), provenAt: nil, db: db)
            try db.cachedStatement(sql: "DELETE FROM pending WHERE key = ?").execute(arguments: [ancestor.text])
        }
        return true
    }
}
