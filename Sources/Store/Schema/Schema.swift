import GRDB
import SyncModel

/// The tables of the state file; a migration is never changed once it was released.
enum Schema {
    /// "dbxs": tells our files from others' (SQLite, `PRAGMA application_id`).
    static let applicationID = 0x6462_7873

    static let version = 12

    /// No version to come will be later; what says so is damaged.
    static let lastThinkable = 1000

    static func migrate(_ db: Database) throws {
        let present = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if present < 1 { try createVersion1(db) }
        if present < 2 { try createVersion2(db) }
        if present < 3 { try createVersion3(db) }
        if present < 4 { try createVersion4(db) }
        let isStateRight = try present == 4 && Checksums.isRight("state", db)
        if present < 5 { try createVersion5(db) }
        if present < 6 { try createVersion6(db) }
        if present < 7 { try createVersion7(db) }
        if present < 8 { try createVersion8(db) }
        if present < 9 { try createVersion9(db) }
        if present < 4 {
            for table in Checksums.tables { try Checksums.begin(table.name, db) }
        } else if present < 6 {
            if isStateRight { try Checksums.begin("state", db) }  // the new column is part of it
            try Checksums.begin("listing", db)
        }
        if 4...6 ~= present { for table in ["hold", "held"] { try Checksums.begin(table, db) } }
        if present < 10 { try createVersion10(db) }
        if present < 11 { try createVersion11(db) }
        if present < 12 { try createVersion12(db) }
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

    private static func createVersion3(_ db: Database) throws {
        // path: below the watched folder. size and what follows: what stands there and has settled; sent_…: what Dropbox
        // has confirmed, and when the row was written; intent_…: an upload whose end is not known. Times: nanoseconds
        // since the epoch, sent_at and not_before seconds. state.outbox: which folders the rows are about.
        // upload: what an outbox in the mirror has uploaded and the account has not told of yet; folders: names and
        // inodes of those above it, as JSON.
        try db.execute(
            sql: """
                CREATE TABLE outbox (
                    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
                    sent_size INTEGER, sent_mtime_ns INTEGER, sent_ctime_ns INTEGER, sent_inode INTEGER,
                    remote TEXT, rev TEXT, hash BLOB, id TEXT, sent_at INTEGER NOT NULL,
                    intent_size INTEGER, intent_mtime_ns INTEGER, intent_ctime_ns INTEGER, intent_inode INTEGER,
                    intent_remote TEXT, intent_hash BLOB, intent_replaces TEXT,
                    attempts INTEGER NOT NULL, not_before INTEGER, reason TEXT, parked INTEGER NOT NULL,
                    is_open INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                CREATE INDEX outbox_open ON outbox(not_before, path) WHERE is_open = 1;
                CREATE INDEX outbox_sent ON outbox(sent_inode) WHERE sent_inode IS NOT NULL;
                CREATE TABLE upload (
                    key TEXT PRIMARY KEY, rev TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL,
                    modified INTEGER NOT NULL, inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, folders TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                ALTER TABLE state ADD COLUMN outbox TEXT;
                PRAGMA user_version = 3;
                """)
    }

    private static func createVersion4(_ db: Database) throws {
        // state.swept_at: when the last complete comparison of the disk with have began. checksum: of each table that has
        // one the sum of its rows' digests, 16 bytes, the lowest first. scrub_key: the last key whose bytes were read
        // again; scrub_began: when that round began. have.proven_at: when the file's bytes were last seen to be
        // right; NULL counts as the time the table was migrated. finding: what the last look at a folder of the mirror
        // (its key) found besides what is ours: the number of strangers, the names of the first ones as a JSON array, and
        // as a JSON array of pairs the names, or "" for the folder itself, that could not be looked at, and why.
        // unread: entries of the account that could not be read and cannot be parked in want. key: that of a folder that
        // is kept with what is below it; beginning: what else is kept if a listing does not mention it.
        try db.execute(
            sql: """
                ALTER TABLE state ADD COLUMN swept_at INTEGER;
                ALTER TABLE state ADD COLUMN scrub_key TEXT;
                ALTER TABLE state ADD COLUMN scrub_began INTEGER;
                ALTER TABLE have ADD COLUMN proven_at INTEGER;
                CREATE TABLE finding (
                    folder TEXT PRIMARY KEY, strangers INTEGER NOT NULL, names TEXT NOT NULL, unproven TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                CREATE TABLE unread (
                    id INTEGER PRIMARY KEY, what TEXT NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
                    generation INTEGER NOT NULL, key TEXT, beginning TEXT) STRICT;
                CREATE TABLE checksum (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
                PRAGMA user_version = 4;
                """)
    }

    private static func createVersion5(_ db: Database) throws {
        // state.has_more: whether the page that was recorded last announced another one, which may tell more of what is
        // no longer in want. Until the next last page nobody knows.
        try db.execute(
            sql: """
                ALTER TABLE state ADD COLUMN has_more INTEGER NOT NULL DEFAULT 1;
                PRAGMA user_version = 5;
                """)
    }

    private static func createVersion6(_ db: Database) throws {
        // listing: the parts that the listing under way still lacks. key: a folder's; is_recursive: with all below it;
        // cursor: where it goes on, NULL at its beginning.
        try db.execute(
            sql: """
                CREATE TABLE listing (key TEXT PRIMARY KEY, is_recursive INTEGER NOT NULL, cursor TEXT)
                    STRICT, WITHOUT ROWID;
                PRAGMA user_version = 6;
                """)
    }

    private static func createVersion7(_ db: Database) throws {
        // pending.loss: what is lost when it is done, as `Loss`; 0 for nothing.
        // history.n: never repeats, not even after the state was made anew, so it begins with the time in milliseconds.
        // hold: removals and replacements that are held together; status: 0 held, 1 approved, 2 rejected. held: their
        // keys; hash: what stands there (NULL: a folder), want_rev: the revision that would replace it (NULL: none).
        // loss: what was lost without anybody's approval, counted by minutes. trash: what was kept; place: below
        // .dbxsync; reason: as `KeptReason`. intent.place: where what stands at the path now is to be kept.
        try db.execute(
            sql: """
                ALTER TABLE pending ADD COLUMN loss INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE intent ADD COLUMN place TEXT;
                UPDATE pending SET loss = coalesce((
                    SELECT \(PendingTable.lossSQL) FROM have h LEFT JOIN want w ON w.key = h.key
                    WHERE h.key = pending.key), 0);
                CREATE INDEX pending_loss ON pending(loss, key) WHERE loss > 0;
                CREATE TABLE history (
                    n INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, pass INTEGER NOT NULL, event TEXT NOT NULL,
                    path TEXT NOT NULL COLLATE NOCASE, old_path TEXT COLLATE NOCASE, size INTEGER, files INTEGER,
                    old_rev TEXT, rev TEXT, hash BLOB, reason TEXT) STRICT;
                CREATE INDEX history_path ON history(path);
                CREATE INDEX history_old_path ON history(old_path) WHERE old_path IS NOT NULL;
                INSERT INTO sqlite_sequence (name, seq) VALUES ('history', unixepoch() * 1000);
                CREATE TABLE hold (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, began INTEGER NOT NULL, reason TEXT NOT NULL,
                    status INTEGER NOT NULL, decided INTEGER) STRICT;
                CREATE TABLE held (
                    key TEXT PRIMARY KEY, hold INTEGER NOT NULL, hash BLOB, want_rev TEXT) STRICT, WITHOUT ROWID;
                CREATE INDEX held_hold ON held(hold);
                CREATE TABLE loss (
                    minute INTEGER PRIMARY KEY, removals INTEGER NOT NULL, replacements INTEGER NOT NULL) STRICT;
                CREATE TABLE trash (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL COLLATE NOCASE, place TEXT NOT NULL,
                    reason TEXT NOT NULL, is_folder INTEGER NOT NULL, rev TEXT, size INTEGER NOT NULL, hash BLOB,
                    modified INTEGER, trashed_at INTEGER NOT NULL, pass INTEGER NOT NULL) STRICT;
                CREATE INDEX trash_path ON trash(path);
                CREATE INDEX trash_displaced ON trash(place) WHERE place >= 'spared/' AND place < 'spared0';
                PRAGMA user_version = 7;
                """)
    }

    private static func createVersion8(_ db: Database) throws {
        // key, old_key: by which path and old_path are looked up, `RemoteKey(written:)`; the collation of those two
        // knows ASCII only.
        let key = DatabaseFunction("path_key", argumentCount: 1, pure: true) { values in
            String.fromDatabaseValue(values[0]).map { RemoteKey(written: $0).text }
        }
        db.add(function: key)
        defer { db.remove(function: key) }
        try db.execute(
            sql: """
                ALTER TABLE history ADD COLUMN key TEXT NOT NULL DEFAULT '';
                ALTER TABLE history ADD COLUMN old_key TEXT;
                ALTER TABLE trash ADD COLUMN key TEXT NOT NULL DEFAULT '';
                UPDATE history SET key = path_key(path), old_key = path_key(old_path);
                UPDATE trash SET key = path_key(path);
                DROP INDEX history_path;
                DROP INDEX history_old_path;
                DROP INDEX trash_path;
                CREATE INDEX history_key ON history(key);
                CREATE INDEX history_old_key ON history(old_key) WHERE old_key IS NOT NULL;
                CREATE INDEX trash_key ON trash(key);
                PRAGMA user_version = 8;
                """)
    }

    private static func createVersion9(_ db: Database) throws {
        // census: of want and have the number of files and folders, and the bytes of those files: 16 bytes, the lowest
        // first. activity: the history summed up; hour: hours since the epoch.
        try db.execute(
            sql: """
                CREATE TABLE census (
                    name TEXT PRIMARY KEY, files INTEGER NOT NULL, folders INTEGER NOT NULL, bytes BLOB NOT NULL
                    ) STRICT, WITHOUT ROWID;
                CREATE TABLE activity (
                    hour INTEGER PRIMARY KEY, placed INTEGER NOT NULL, removed INTEGER NOT NULL, others INTEGER NOT NULL,
                    bytes INTEGER NOT NULL) STRICT;
                PRAGMA user_version = 9;
                """)
        for table in Census.tables {
            try db.execute(
                sql: "INSERT INTO census (name, files, folders, bytes) VALUES (?, 0, 0, zeroblob(16))",
                arguments: [table])
            try Census.counted(table, db).add(to: table, db)
        }
        try ActivityTable.begin(db)
    }

    private static func createVersion10(_ db: Database) throws {
        // want.kind: 3 a file that an online document becomes, before its bytes are known (kind 1 and a reason: after);
        // 4 an online document that comes as a file under another key. reason: `DocumentText`. want.kind and have.kind:
        // 5 a symbolic link; size and hash are those of its target, reason: `LinkText`. What a document can be exported as
        // and the time of a link were not recorded before: the account is listed anew.
        try db.execute(
            sql: """
                CREATE INDEX want_reason ON want(rev) WHERE reason IS NOT NULL;
                PRAGMA user_version = 10;
                """)
        let lacksFormats =
            "SELECT EXISTS (SELECT 1 FROM want WHERE reason = 'not_downloadable' OR reason GLOB 'symlink:*')"
        guard try Bool.fetchOne(db, sql: lacksFormats) ?? false else { return }
        let right = try ["state", "listing"].filter { try Checksums.isRight($0, db) }
        try StateStore.beginRelist(db)
        for table in right { try Checksums.begin(table, db) }
    }

    private static func createVersion11(_ db: Database) throws {
        // shared: shared folders, by their id, and whether it was told that they were left or taken away.
        try db.execute(
            sql: """
                CREATE TABLE shared (key TEXT PRIMARY KEY, id TEXT NOT NULL, is_told INTEGER NOT NULL)
                    STRICT, WITHOUT ROWID;
                PRAGMA user_version = 11;
                """)
    }

    private static func createVersion12(_ db: Database) throws {
        // What happens seldom is found without reading all that happens often.
        try db.execute(
            sql: """
                CREATE INDEX history_event ON history(event);
                PRAGMA user_version = 12;
                """)
    }

    /// Makes sure that the tables are what the migrations have made.
    ///
    /// - Throws: `StoreError` with `.damaged`.
    static func check(_ db: Database) throws {
        let fresh = try DatabaseQueue()
        let expected = try fresh.write { db in
            try migrate(db)
            return try shape(db)
        }
        if try shape(db) != expected {
            throw StoreError(
                code: .damaged, message: "its tables are not the ones that dbxsync makes", hint: StoreError.rebuildHint)
        }
    }

    /// Each column of each table, and each index, a line each.
    private static func shape(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || quote(c.dflt_value)
                    || ' ' || c.pk
                FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'
                UNION ALL
                SELECT type || ' ' || name || ' ' || tbl_name || ' ' || quote(sql) FROM sqlite_schema
                WHERE type <> 'table'
                ORDER BY 1
                """)
    }

    /// Runs a migration; tables that are not what they should be are damage.
    static func refusingOther(_ migration: () throws -> Void) throws {
        do {
            try migration()
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            throw StoreError(
                code: .damaged, message: "its tables are not as its version has them: \(error.message ?? "")",
                hint: StoreError.rebuildHint)
        }
    }
}
