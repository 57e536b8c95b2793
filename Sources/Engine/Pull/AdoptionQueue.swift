import SyncModel

/// Files at whose targets something stands that may be what is wanted: it is hashed in batches, in the order of keys, so
/// that those of a folder come together, and none of them takes the place of a download.
struct AdoptionQueue {
    private(set) var waiting: ArraySlice<Placement> = []
    /// Batches that are being hashed.
    private(set) var inFlight = 0

    /// The largest file that is hashed in a batch, in bytes: a larger one is worth the trouble by itself.
    static let largest: Int64 = 4 << 20
    /// Files of a batch, and bytes after which it ends.
    private static let (files, bytes): (Int, Int64) = (64, 4 << 20)
    /// Batches at a time: so many that none of the threads that read waits for the loop.
    private static let atOnce = 8

    /// Whether a placement can be hashed in a batch if something stands at its target: what can be moved there needs no
    /// hashing.
    static func takes(_ placement: Placement) -> Bool {
        placement.moveSource == nil && placement.version.size <= largest
    }

    mutating func append(_ placements: [Placement]) { waiting.append(contentsOf: placements) }

    /// The next batch; `finished` has to be told the end.
    mutating func start() -> [Placement]? {
        guard inFlight < Self.atOnce, !waiting.isEmpty else { return nil }
        var bytes: Int64 = 0
        let batch = waiting.prefix(Self.files).prefix { placement in
            defer { bytes += placement.version.size }
            return bytes < Self.bytes
        }
        waiting.removeFirst(batch.count)
        inFlight += 1
        return Array(batch)
    }

    mutating func finished() { inFlight -= 1 }

    /// Removes waiting files that do not fulfil the condition.
    ///
    /// - Returns: their keys.
    mutating func keep(where condition: (Placement) -> Bool) -> [RemoteKey] {
        let (kept, dropped) = Array(waiting).partitioned(by: condition)
        if !dropped.isEmpty { waiting = kept[...] }
        return dropped.map(\.key)
    }

    /// Takes out all that wait.
    mutating func removeAll() -> [RemoteKey] {
        defer { waiting = [] }
        return waiting.map(\.key)
    }
}
