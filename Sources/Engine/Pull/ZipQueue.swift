import Store
import SyncModel

/// Groups of small files that wait to be fetched as zips, and how those before them fared.
struct ZipQueue {
    private let context: PassContext
    private var groups: ArraySlice<ZipGroup> = []
    private var fetcher: ZipFetcher?
    /// Zips in a row that brought nothing.
    private var failuresInARow = 0
    /// Zips that are being fetched.
    private(set) var inFlight = 0
    /// Whether some of it is urgent: it has changed recently.
    private(set) var isUrgent = false

    /// Zips in a row that bring nothing, after which the rest of the pass does without.
    private static let failureLimit = 3

    init(_ context: PassContext) { self.context = context }

    var isEmpty: Bool { groups.isEmpty }

    /// Whether zips are wanted, and have not shown to be of no use.
    var isOpen: Bool { context.settings.bulk != nil && failuresInARow < Self.failureLimit }

    /// What waits in it.
    var placements: [Placement] { groups.flatMap(\.placements) }

    /// Takes over what is to come as zips.
    ///
    /// - Parameters:
    ///   - placements: What has to be downloaded, of which nothing is here yet.
    ///   - isUrgent: Whether they have just changed.
    /// - Returns: the others.
    mutating func add(_ placements: [Placement], isUrgent: Bool = false) async throws -> [Placement] {
        guard let rules = context.settings.bulk else { return placements }
        let folders = rules.candidates(in: placements)
        if folders.isEmpty { return placements }
        let extents = try await context.store.extents(of: folders, limit: ZipGrouping.entryLimit)
        let (found, rest) = rules.divide(placements, extents: extents)
        groups += found
        self.isUrgent = isUrgent && !found.isEmpty || self.isUrgent && !groups.isEmpty
        return rest
    }

    /// The next group, and what is to fetch it; `finished` has to be told the end.
    mutating func start() -> (group: ZipGroup, fetcher: ZipFetcher)? {
        guard let next = groups.popFirst() else { return nil }
        let fetcher = fetcher ?? ZipFetcher(context)
        self.fetcher = fetcher
        inFlight += 1
        return (next, fetcher)
    }

    mutating func finished(_ shortfall: ZipFetcher.Shortfall) {
        inFlight -= 1
        failuresInARow = shortfall.nothingArrived ? failuresInARow + 1 : 0
    }

    /// Files that have come since this was asked last.
    func arrived() -> [ZipFetcher.StagedArrival] { fetcher?.arrived() ?? [] }

    /// Cancels what is only queued.
    mutating func cancelQueued() -> [Placement] {
        defer { groups = [] }
        return placements
    }
}
