import GRDB

/// The tables of the state file; a migration is never changed once it was released.
enum Schema {
    /// "dbxs": tells our files from others' (SQLite, `PRAGMA application_id`).
    static let applicationID = 0x6462_7873

    static let version = 2

    static func migrate(_ db: Database) throws {
        let present = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if present < 1 { try createVersion1(db) }
        if present < 2 { try createVersion2(db) }
    }

    private static func createVersion1(_ db: Database) throws {
        // key: path_lower below the mirrored folder, byte order. Times: seconds since the epoch, UTC.
        // kind: 0 folder, 1 file, 2 unavailable (want only). generation: the listing that mentioned the row last.
        try db.execute(
            sql: """
                CREATE TABLE state (
                    id INTEGER PRIMARY KEY CHECK (id = 1), account TEXT, account_name TEXT, remote_root TEXT, root_id TEXT,
                    mirror_id TEXT,
                    cursor TEXT, listing INTEGER NOT NULL, ever_listed INTEGER NOT NULL, generation INTEGER NOT NULL,
                    listed_at INTEGER, checked_at INTEGER, in_step_as_of INTEGER) STRICT;
                CREATE TABLE want (
                    key TEXT PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, rev TEXT, size INTEGER, hash BLOB,
                    modified INTEGER, reason TEXT, generation INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                CREATE TABLE have (
                    key TEXT PRIMARY KEY, name TEXT NOT NULL, kind INTEGER NOT NULL, rev TEXT, size INTEGER, hash BLOB,
                    modified INTEGER, inode INTEGER NOT NULL, mtime_ns INTEGER) STRICT, WITHOUT ROWID;
                CREATE INDEX have_hash ON have(hash) WHERE hash IS NOT NULL;
                CREATE TABLE pending (
                    key TEXT PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER, reason TEXT,
                    parked INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
                CREATE INDEX pending_later ON pending(not_before) WHERE not_before IS NOT NULL;
                CREATE TABLE intent (
                    key TEXT NOT NULL, path TEXT NOT NULL, name TEXT, kind INTEGER, rev TEXT, size INTEGER, hash BLOB,
                    modified INTEGER, inode INTEGER, mtime_ns INTEGER, PRIMARY KEY (key, path)) STRICT, WITHOUT ROWID;
                CREATE TABLE pass (
                    id INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER NOT NULL, outcome TEXT NOT NULL,
                    placed INTEGER NOT NULL, removed INTEGER NOT NULL, bytes INTEGER NOT NULL, failed INTEGER NOT NULL
                    ) STRICT;
                INSERT INTO state (id, listing, ever_listed, generation) VALUES (1, 1, 0, 1);
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = 1;
                """)
    }

    private static func createVersion2(_ db: Database) throws {
        // selection: what is mirrored, as JSON; NULL for everything. marked_up_to: the last key that pending was made
        // to keep to it; NULL when it does throughout.
        try db.execute(
            sql: """
                ALTER TABLE state ADD COLUMN selection TEXT;
                ALTER TABLE state ADD COLUMN marked_up_to TEXT;
                PRAGMA user_version = 2;
                """)
    }
}
