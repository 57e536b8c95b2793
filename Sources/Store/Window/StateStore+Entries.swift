import GRDB
public import SyncModel

extension StateStore {
    /// What stands in the mirror according to have, in ascending order of keys.
    ///
    /// - Parameters:
    ///   - after: only keys above this one; `nil` for all.
    ///   - limit: the maximum number of items.
    public func entries(after: RemoteKey?, limit: Int) async throws -> [LocalEntry] {
        try await read { db in
            let sql = "SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key > ? ORDER BY h.key LIMIT ?"
            return try PathResolver.entries(db, sql: sql, arguments: [after?.text ?? "", limit])
        }
    }

    /// What stands under `key` according to have, if anything.
    public func entry(of key: RemoteKey) async throws -> LocalEntry? {
        try await read { db in
            let sql = "SELECT h.key, \(Rows.haveColumns) FROM have h WHERE h.key = ?"
            return try PathResolver.entries(db, sql: sql, arguments: [key.text]).first
        }
    }

    /// What stands under `keys` according to have, by key.
    public func entries(of keys: [RemoteKey]) async throws -> [RemoteKey: LocalEntry] {
        var found: [RemoteKey: LocalEntry] = [:]
        for key in keys { found[key] = try await entry(of: key) }
        return found
    }

    /// The names of what stands directly in a folder.
    ///
    /// What stands deeper is skipped: a folder costs what is in it, whatever is below that.
    public func names(in folder: RemoteKey) async throws -> NameSet {
        try await read { try FolderReader.names($0, "have", in: folder) }
    }
}

extension RemoteKey {
    /// The folder directly in `folder` below which this key stands; `nil` if it stands directly in `folder` itself.
    func child(of folder: RemoteKey) -> RemoteKey? {
        let rest = text.utf8.dropFirst(folder.text.utf8.count + 1)
        return rest.firstIndex(of: UInt8(ascii: "/")).map { RemoteKey(String(text[..<$0])) }
    }
}
