import FoundationEssentials
import GRDB
import SyncModel
import Synchronization

/// The selection that pending keeps to, as the state row has it, and the SQL function that asks it.
///
/// `match(key, is_folder)` gives `Selection.Match` as a number.
final class SelectionInEffect: Sendable {
    private let judge = Mutex(Selection.Judge(.everything))

    var selection: Selection {
        get { judge.withLock { $0.selection } }
        set { judge.withLock { $0 = Selection.Judge(newValue) } }
    }

    func match(of key: RemoteKey, isFolder: Bool) -> Selection.Match {
        judge.withLock { $0.match(of: key, isFolder: isFolder) }
    }

    /// Makes the function known to a connection; not pure, because the selection changes between statements.
    func register(in db: Database) {
        db.add(
            function: DatabaseFunction("verdict", argumentCount: 2, pure: false) { [self] values in
                let key = String.fromDatabaseValue(values[0]) ?? ""
                let isFolder = Bool.fromDatabaseValue(values[1]) ?? false
                return match(of: RemoteKey(key), isFolder: isFolder).rawValue
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
    }

    /// Reads what `stored` has written.
    fileprivate init?(stored text: String) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(text.utf8)) else { return nil }
        do {
            self.init(
                include: try stored.include.map { try SelectionPattern($0) },
                exclude: try stored.exclude.map { try SelectionPattern($0) })
        } catch {
            return nil
        }
    }

    /// The patterns as the state row has them; `nil` for everything.
    var stored: String? {
        get throws {
            if isEverything { return nil }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let stored = Stored(include: include.map(\.text), exclude: exclude.map(\.text))
            return String(decoding: try encoder.encode(stored), as: UTF8.self)
        }
    }
}
