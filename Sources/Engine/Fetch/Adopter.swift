import MirrorFS
import SyncModel

/// Hashes files that stand in the mirror already, many at a time, and adopts those that are what is wanted.
struct Adopter: Sendable {
    let context: PassContext

    /// What has become of some files.
    struct Adopted: Sendable {
        /// Those that are what is wanted.
        var ready: [PreparedOperation] = []
        /// Those that have to be got ready in another way.
        var others: [Placement] = []

        var keys: [RemoteKey] { ready.map(\.operation.key) + others.map(\.key) }
    }

    /// Reads the files of `placements`; a cancelled task stops before the next one.
    ///
    /// - Throws: `CancellationError`.
    func adopt(_ placements: [Placement]) async throws -> Adopted {
        let isCancelled = AtomicFlag(false)
        let bytes = placements.reduce(Int64(0)) { $0.saturatingSum($1.version.size) }
        let found = try await withTaskCancellationHandler {
            try await context.board.withQuietPeriod(upTo: Fetcher.readingTime(bytes)) {
                try await context.reading.run { [mirror = context.mirror, times = context.times] in
                    times.measure(.hashing) { mirror.adoptable(placements, unless: { isCancelled.value }) }
                }
            }
        } onCancel: {
            isCancelled.set(true)
        }
        try Task.checkCancellation()
        var adopted = Adopted()
        for placement in placements {
            if let print = found[placement.key] {
                adopted.ready.append(PreparedOperation(.place(placement), content: .adopted(print)))
            } else {
                adopted.others.append(placement)
            }
        }
        return adopted
    }
}
