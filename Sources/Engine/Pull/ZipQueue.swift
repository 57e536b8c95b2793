import SyncModel

/// Groups of small files that wait to be fetched as zips, and how those before them fared.
struct ZipQueue {
    /// What is fetched as zips; `nil` for nothing.
    let rules: ZipGrouping?
    private var groups: ArraySlice<ZipGroup> = []
    /// Zips in a row that brought nothing.
    private var failuresInARow = 0
    /// Zips that are being fetched.
    private(set) var inFlight = 0
    /// Whether some of it is urgent: it has changed recently.
    private(set) var isUrgent = false

    /// Zips in a row that bring nothing, after which the rest of the pass does without.
    private static let failureLimit = 3

    init(rules: ZipGrouping?) { self.rules = rules }

    var isEmpty: Bool { groups.isEmpty }

    /// Whether zips are wanted, and have not shown to be of no use.
    var isOpen: Bool { rules != nil && failuresInARow < Self.failureLimit }

    /// What waits in it.
    var placements: [Placement] { groups.flatMap(\.placements) }

    mutating func add(_ groups: [ZipGroup], isUrgent: Bool) {
        self.groups += groups
        self.isUrgent = isUrgent && !groups.isEmpty || self.isUrgent && !self.groups.isEmpty
    }

    /// The next group; `finished` has to be told the end.
    mutating func start() -> ZipGroup? {
        guard let next = groups.popFirst() else { return nil }
        inFlight += 1
        return next
    }

    mutating func finished(_ shortfall: ZipFetcher.Shortfall) {
        inFlight -= 1
        failuresInARow = shortfall.nothingArrived ? failuresInARow + 1 : 0
    }

    /// Cancels what is only queued.
    mutating func cancelQueued() -> [Placement] {
        defer { groups = [] }
        return placements
    }
}
