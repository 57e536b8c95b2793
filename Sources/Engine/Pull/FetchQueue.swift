import SyncModel

/// Files that wait to be fetched: changed ones first, the smallest first; then the others as they were planned, mostly
/// in the order of their keys.
struct FetchQueue {
    private var urgent: ArraySlice<Placement> = []
    private(set) var ordinary: ArraySlice<Placement> = []

    /// A file whose turn it is.
    struct Turn {
        var placement: Placement
        var isUrgent: Bool
    }

    var isEmpty: Bool { urgent.isEmpty && ordinary.isEmpty }

    /// Whether a changed file that needs no download is waiting.
    var isLocalWorkUrgent: Bool { urgent.first?.isLocal ?? false }

    var keys: [RemoteKey] { urgent.map(\.key) + ordinary.map(\.key) }

    mutating func append(_ placements: [Placement]) { ordinary.append(contentsOf: placements) }

    /// Queues changed files.
    mutating func appendUrgent(_ placements: [Placement]) {
        if placements.isEmpty { return }
        urgent = (urgent + placements).sorted { ($0.cost, $0.key) < ($1.cost, $1.key) }[...]
    }

    /// Replaces the files that are not urgent.
    mutating func replaceOrdinary(by placements: [Placement]) { ordinary = placements[...] }

    /// The next one.
    ///
    /// - Parameters:
    ///   - isFree: whether any download may start.
    ///   - isLightFree: whether the download of a small changed file may start.
    mutating func next(isFree: Bool, isLightFree: Bool) -> Turn? {
        if isFree {
            if let placement = urgent.popFirst() { return Turn(placement: placement, isUrgent: true) }
            return ordinary.popFirst().map { Turn(placement: $0, isUrgent: false) }
        }
        guard isLightFree, let first = urgent.first, first.isLight else { return nil }
        urgent.removeFirst()
        return Turn(placement: first, isUrgent: true)
    }

    /// Removes files that do not fulfil the condition.
    ///
    /// - Returns: their keys.
    mutating func keep(where condition: (Placement) -> Bool) -> [RemoteKey] {
        let dropped = (urgent + ordinary).filter { !condition($0) }.map(\.key)
        if dropped.isEmpty { return [] }
        urgent = urgent.filter(condition)[...]
        ordinary = ordinary.filter(condition)[...]
        return dropped
    }

    /// Takes everything out.
    mutating func removeAll() -> (urgent: [RemoteKey], ordinary: [RemoteKey]) {
        defer { (urgent, ordinary) = ([], []) }
        return (urgent.map(\.key), ordinary.map(\.key))
    }
}

extension Placement {
    /// Bytes that have to come over the network, as far as is known.
    fileprivate var cost: Int64 { isLocal ? -1 : version.size }

    /// Whether it does not wait for larger ones to arrive if it has changed.
    var isLight: Bool { cost <= 4 << 20 }
}
