import GRDB
public import SyncModel

// Listings whose parts are read side by side. Only when no part is left does the cursor go on.
extension StateStore {
    /// The parts that the listing under way still lacks.
    ///
    /// - Throws: `StoreError` if the state file cannot be read.
    public func listingParts() async throws -> [ListingPart] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT key, is_recursive, cursor FROM listing ORDER BY key").map { row in
                ListingPart(
                    RemoteKey(row[0]), isRecursive: row[1], cursor: (row[2] as String?).map { SyncModel.Cursor($0) })
            }
        }
    }

    /// Begins the listing anew in parts, of which the first is what stands in the mirrored folder itself.
    ///
    /// - Parameter cursor: since which the changes will be read when the parts are complete; older than any of them.
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func beginListingInParts(from cursor: SyncModel.Cursor) async throws {
        let faults = faults
        try await write { db in
            try faults(.record)
            try Self.beginRelist(db)
            try db.execute(sql: "UPDATE state SET cursor = ?, has_more = 1", arguments: [cursor.text])
            try Self.insert(ListingPart(.root, isRecursive: false), in: db)
        }
    }

    /// Has a folder listed anew: by what is in it, each folder a part of its own, or as one part with all below it.
    static func restart(_ part: ListingPart, in db: Database) throws {
        let (lower, upper) = part.folder.below
        try db.execute(
            sql: "DELETE FROM listing WHERE key = ? OR (key >= ? AND key < ?)",
            arguments: [part.folder.text, lower, upper])
        try insert(part, in: db)
    }

    /// Drops the parts whose folders have gone, by what the changes tell.
    static func dropGoneParts(in db: Database) throws {
        try db.execute(
            sql: """
                DELETE FROM listing WHERE key <> '' AND NOT EXISTS (
                    SELECT 1 FROM want w WHERE w.key = listing.key AND w.kind = \(Rows.folder))
                """)
    }

    static func lacksParts(_ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM listing)") ?? true
    }

    static func insert(_ part: ListingPart, in db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO listing (key, is_recursive) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .execute(arguments: [part.folder.text, part.isRecursive])
    }

    static func move(_ part: ListingPart, to next: SyncModel.Cursor?, in db: Database) throws {
        if let next {
            try db.cachedStatement(sql: "UPDATE listing SET cursor = ? WHERE key = ?")
                .execute(arguments: [next.text, part.folder.text])
        } else {
            try db.cachedStatement(sql: "DELETE FROM listing WHERE key = ?").execute(arguments: [part.folder.text])
        }
    }
}
