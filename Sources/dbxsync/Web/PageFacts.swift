import Configuration
import Glibc
import Store
import SyncModel
import Web

/// What is asked for of the history.
struct PageFilter: Equatable, Sendable {
    /// As it was typed; empty for all.
    var path = ""
    /// The name of an event; empty for all.
    var event = ""
    /// Whether somebody is asking: then only the history is shown, and nothing is loaded anew while they type.
    var isAsking = false

    init(path: String = "", event: String = "", isAsking: Bool = false) {
        (self.path, self.event, self.isAsking) = (path, event, isAsking)
    }

    init(_ request: WebRequest) {
        (path, event, isAsking) = (request["path"] ?? "", request["event"] ?? "", !request.query.isEmpty)
    }
}

/// All that the page shows, as one value.
struct PageFacts: Sendable {
    /// What is listed at most of each kind.
    static let mostListed = 50
    /// Rows of the history, with a filter and without.
    static let (mostRows, mostLatestRows) = (200, 15)

    var now: Timestamp
    /// The machine's name.
    var machine: String
    /// The mirror's name, where there are several.
    var name: String?
    /// The configuration file, which commands on the page name.
    var configuration = DropIn.file(ofInstance: nil)
    var report: StatusReport
    var holds: [Hold] = []
    /// The first paths of what is held.
    var heldPaths: [HeldPath] = []
    var trashItems = 0
    var trashBytes: Int64 = 0
    /// What came into the trash last, the latest first.
    var trash: [TrashRow] = []
    /// The last passes that did something, the latest first.
    var passes: [PassRecord] = []
    /// By hours, the earliest first.
    var activity: [Activity] = []
    var history = History()

    /// The rows that were asked for.
    struct History: Equatable, Sendable {
        var filter = PageFilter()
        /// The latest first.
        var rows: [HistoryRow] = []
        var hasMore = false
        /// Why there are none, if the filter is none.
        var problem: String?
        /// Where there are none, the row of a folder above that sums up what was placed in it.
        var filled: HistoryRow?
    }

    /// A text of the page's own, in which every command names the configuration.
    func naming(_ text: String) -> String { CommandText.naming(configuration, in: text) }

    /// The same of a text that also holds names of files.
    func namingAdvice(_ text: String) -> String { CommandText.namingAdvice(configuration, in: text) }

    /// Reads them, none of them in a time that grows with the account.
    static func gather(_ config: Config, _ filter: PageFilter, now: Timestamp) async throws -> PageFacts {
        try await config.looking { store in
            let report = try await StatusReport.glance(store, config: config, now: now, paths: mostListed)
            var facts = PageFacts(now: now, machine: machineName(), report: report)
            facts.history = try await history(store, config, filter)
            if !filter.isAsking { try await facts.addRest(store) }
            return facts
        }
    }

    private mutating func addRest(_ store: StateStore) async throws {
        holds = try await store.holds().filter { $0.status != .approved && $0.files > 0 }
        for hold in holds where heldPaths.count < Self.mostListed {
            let limit = Self.mostListed - heldPaths.count
            heldPaths += try await store.heldPaths(of: hold.id, after: nil, limit: limit).paths
        }
        (trashItems, trashBytes) = try await store.trashExtent()
        trash = try await store.latestTrash(limit: 10)
        passes = try await store.passes(limit: 10)
        activity = try await store.activity(since: now - 31 * 86_400)
    }

    private static func history(_ store: StateStore, _ config: Config, _ filter: PageFilter) async throws -> History {
        var history = History(filter: filter)
        let most = filter.isAsking ? mostRows : mostLatestRows
        var query = HistoryQuery()
        query.limit = most + 1
        if !filter.event.isEmpty {
            guard let kind = ChangeKind(rawValue: filter.event) else {
                history.problem = "There is no such event."
                return history
            }
            query.kinds = [kind]
        }
        if !filter.path.isEmpty {
            let place: MirrorPlace
            do throws(Failure) {
                place = try MirrorPlace.read(filter.path, config)
            } catch {
                history.problem = error.message
                return history
            }
            query = try await store.query(query, about: place)
        }
        let rows = try await store.history(query).reversed()
        history.rows = Array(rows.prefix(most))
        history.hasMore = rows.count > most
        if rows.isEmpty { history.filled = try await store.filling(above: query) }
        return history
    }

    /// What the machine calls itself; empty if that is not known.
    static func machineName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(truncatingIfNeeded:)), as: UTF8.self)
    }
}
