import FoundationEssentials
import GRDB
public import SyncModel

/// What the last look at a folder of the mirror found besides what is ours.
public struct FolderFinding: Hashable, Sendable {
    /// Something that could not be looked at.
    public struct Unproven: Hashable, Codable, Sendable {
        /// Its name; "" for the folder itself.
        public var name: String
        /// Why not.
        public var reason: String

        /// Names one.
        public init(name: String, reason: String) {
            self.name = name
            self.reason = reason
        }
    }

    /// The folder.
    public var folder: RemoteKey
    /// How many entries are nobody's business: put there by others, and in nobody's way.
    public var strangers = 0
    /// The names of the first ones.
    public var names: [String] = []
    /// What could not be looked at, so that nothing is known of it.
    public var unproven: [Unproven] = []

    /// An empty finding.
    public init(folder: RemoteKey) { self.folder = folder }

    /// The most names that are kept of one folder.
    public static let mostNames = 1000

    var isEmpty: Bool { strangers == 0 && unproven.isEmpty }
}

/// What others have put into the mirror, and what of it could not be looked at.
public struct Findings: Hashable, Sendable {
    /// How many entries are strangers; a folder counts as one, whatever is in it.
    public var strangers = 0
    /// The paths of the first ones, as displayed.
    public var strangerPaths: [String] = []
    /// What could not be looked at, so that nothing is known of it.
    public var unproven: [Unproven] = []

    /// A path that could not be looked at.
    public struct Unproven: Hashable, Sendable {
        /// As displayed.
        public var path: String
        /// Why not.
        public var reason: String
    }
}

extension StateStore {
    /// Replaces what is known of folders; nothing is written of those where nothing has changed.
    ///
    /// - Throws: `StoreError` if the state file cannot be read or written.
    public func note(_ findings: [FolderFinding]) async throws {
        let known = try await read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT strangers, names, unproven FROM finding WHERE folder = ?")
            return try findings.map { try Row.fetchOne(statement, arguments: [$0.folder.text]).map(StoredFinding.init) }
        }
        var changes: [(RemoteKey, StoredFinding?)] = []
        for (finding, known) in zip(findings, known) {
            let new = finding.isEmpty ? nil : try StoredFinding(finding)
            if new != known { changes.append((finding.folder, new)) }
        }
        if changes.isEmpty { return }
        let changed = changes
        try await write { db in
            for (folder, new) in changed {
                guard let new else {
                    try db.execute(sql: "DELETE FROM finding WHERE folder = ?", arguments: [folder.text])
                    continue
                }
                try new.store(folder, db)
            }
        }
    }

    /// What the last look at each folder has found.
    ///
    /// - Parameter limit: the maximum number of paths of each kind.
    public func findings(limit: Int) async throws -> Findings {
        try await read { db in
            var all = Findings()
            // A folder may be known from a look at it, and from one at the folder above.
            var told: Set<Findings.Unproven> = []
            let rows = try Row.fetchCursor(
                db, sql: "SELECT folder, strangers, names, unproven FROM finding ORDER BY folder")
            while let row = try rows.next() {
                let found = StoredFinding(row)
                all.strangers += found.strangers
                if all.strangerPaths.count >= limit && found.unproven == "[]" { continue }
                let key = RemoteKey(row["folder"])
                let folder = key == .root ? "" : try displayPath(db, key)
                for name in found.decodedNames {
                    // It may have been taken over since.
                    if try ourName(db, name, in: key) {
                        all.strangers -= 1
                    } else if all.strangerPaths.count < limit {
                        all.strangerPaths.append("\(folder)/\(name)")
                    }
                }
                for item in found.decodedUnproven {
                    let unproven = Findings.Unproven(
                        path: item.name.isEmpty && key != .root ? folder : "\(folder)/\(item.name)",
                        reason: item.reason)
                    if told.insert(unproven).inserted { all.unproven.append(unproven) }
                }
            }
            return all
        }
    }
}

/// Whether what stands under this name in a folder is recorded by now.
private func ourName(_ db: Database, _ name: String, in folder: RemoteKey) throws -> Bool {
    let statement = try db.cachedStatement(sql: "SELECT name FROM have WHERE key = ?")
    // Dropbox has given no key for what is a stranger's: in lower case it is nearly always the one.
    let key = "\(folder.text)/\(name.lowercased())"
    return try String.fetchOne(statement, arguments: [key])?.utf8.elementsEqual(name.utf8) ?? false
}

/// A finding as it is stored.
struct StoredFinding: Equatable {
    var strangers: Int
    var names: String
    var unproven: String

    init(_ row: Row) {
        strangers = row["strangers"]
        names = row["names"]
        unproven = row["unproven"]
    }

    init(_ finding: FolderFinding) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys  // the same finding is the same text
        strangers = finding.strangers
        names = String(decoding: try encoder.encode(finding.names), as: UTF8.self)
        unproven = String(decoding: try encoder.encode(finding.unproven), as: UTF8.self)
    }

    /// Replaces what was found there before.
    func store(_ folder: RemoteKey, _ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO finding (folder, strangers, names, unproven) VALUES (?, ?, ?, ?)",
            arguments: [folder.text, strangers, names, unproven])
    }

    var decodedNames: [String] { (try? JSONDecoder().decode([String].self, from: Data(names.utf8))) ?? [] }

    var decodedUnproven: [FolderFinding.Unproven] {
        (try? JSONDecoder().decode([FolderFinding.Unproven].self, from: Data(unproven.utf8))) ?? []
    }
}
