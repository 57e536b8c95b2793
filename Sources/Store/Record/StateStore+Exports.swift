import GRDB
public import SyncModel

extension StateStore {
    /// Records what the bytes of an exported document are: from now on its file is wanted like any other.
    ///
    /// - Parameters:
    ///   - file: what was exported, with its content.
    ///   - key: where it is to stand.
    /// - Returns: whether it is still wanted so.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func record(_ file: ExportedFile, at key: RemoteKey) async throws -> Bool {
        let inEffect = inEffect
        return try await write { db in
            guard let content = file.content, case .export(_, let wanted)? = try PendingTable.storedWant(db, key),
                wanted.isSameExport(as: file)
            else { return false }
            let sql = "UPDATE want SET kind = ?, size = ?, hash = ? WHERE key = ?"
            try db.cachedStatement(sql: sql)
                .execute(arguments: [Rows.file, content.size, content.hash.data, key.text])
            try PendingTable(db, inEffect).refresh(key)
            return true
        }
    }

    /// The keys under which an online document has a file, or has had one in another form; empty for anything else.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func fileKeys(ofDocumentAt key: RemoteKey) async throws -> [RemoteKey] {
        try await read { db in
            guard case .unavailable(_, .document(let document, _), _)? = try PendingTable.storedWant(db, key) else {
                return []
            }
            let ends = document.formats.all.compactMap(ExportFormats.fileExtension(of:)) + [LinkFile.fileExtension]
            return try Set(ends.map { document.fileKey(withExtension: $0, at: key) }).sorted().filter { file in
                switch try PendingTable.storedWant(db, file) {
                case nil: file != key
                case .export(_, let made)?: made.source == key
                default: false  // something else has that name now
                }
            }
        }
    }
}
