import FoundationEssentials
import GRDB
import SyncModel
import Synchronization

/// The selection that pending keeps to, as the state row has it, and the SQL function that asks it.
///
/// `verdict(key, is_folder, size, reason)` gives `Selection.Match` as a number; reason is that of a row of want, or NULL:
/// a file that an online document becomes is judged by both names, and so is a document whose file has no place.
final class SelectionInEffect: Sendable {
    private let judge = Mutex(Selection.Judge(.everything))

    var selection: Selection {
        get { judge.withLock { $0.selection } }
        set { judge.withLock { $0 = Selection.Judge(newValue) } }
    }

    func match(of key: RemoteKey, isFolder: Bool, size: Int64? = nil) -> Selection.Match {
        judge.withLock { $0.match(of: key, isFolder: isFolder, size: size) }
    }

    /// Makes the function known to a connection; not pure, because the selection changes between statements.
    func register(in db: Database) {
        db.add(
            function: DatabaseFunction("verdict", argumentCount: 4, pure: false) { [self] values in
                let key = RemoteKey(String.fromDatabaseValue(values[0]) ?? "")
                let isFolder = Bool.fromDatabaseValue(values[1]) ?? false
                let size = Int64.fromDatabaseValue(values[2])
                guard let reason = String.fromDatabaseValue(values[3]),
                    let keys = DocumentText.keys(reason, at: key)
                else { return match(of: key, isFolder: isFolder, size: size).rawValue }
                return selection.match(of: keys.file, madeOf: keys.source, size: size).rawValue
            })
    }

    /// Reads what the state row has.
    func load(_ db: Database) throws {
        let stored = try String.fetchOne(db, sql: "SELECT selection FROM state")
        // What cannot be read was written by another version: it differs from every selection, which is then put anew.
        selection = stored.flatMap { Selection(stored: $0) } ?? .everything
    }
}

extension Selection {
    private struct Stored: Codable {
        var include: [String]
        var exclude: [String]
        var maxSize: Int64?
        /// By the names of the kinds; what is not in it is as by default.
        var exports: [String: String]?
        var webAddress: String?
        var symlinks: Bool?
    }

    /// Reads what `stored` has written.
    fileprivate init?(stored text: String) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(text.utf8)) else { return nil }
        do {
            var exports = ExportSettings()
            for kind in DocumentKind.allCases {
                if let word = stored.exports?[kind.rawValue] { exports[kind] = ExportSettings.Choice(word) }
            }
            exports.webAddress = stored.webAddress ?? exports.webAddress
            self.init(
                include: try stored.include.map { try SelectionPattern($0) },
                exclude: try stored.exclude.map { try SelectionPattern($0) }, maxSize: stored.maxSize,
                exports: exports, symlinks: stored.symlinks ?? false)
        } catch {
            return nil
        }
    }

    /// The patterns as the state row has them; `nil` for everything.
    var stored: String? {
        get throws {
            if self == .everything { return nil }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let usual = ExportSettings()
            let kinds = DocumentKind.allCases.filter { exports[$0] != usual[$0] }
            let stored = Stored(
                include: include.map(\.text), exclude: exclude.map(\.text), maxSize: maxSize,
                exports: kinds.isEmpty
                    ? nil : Dictionary(uniqueKeysWithValues: kinds.map { ($0.rawValue, exports[$0].text) }),
                webAddress: exports.webAddress == usual.webAddress ? nil : exports.webAddress,
                symlinks: symlinks ? true : nil)
            return String(decoding: try encoder.encode(stored), as: UTF8.self)
        }
    }
}
