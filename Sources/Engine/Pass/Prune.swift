import MirrorFS
import Store
import SyncModel

/// Removes what is no longer in the account.
///
/// A page that announces another may tell of removals that the next one explains: until the last one is recorded, of a
/// listing as of changes, the state tells of none (`Progress.isComplete`).
struct Prune: Sendable {
    let context: PassContext

    /// Works until nothing that is due is left: what is below comes before what is above.
    func run() async throws {
        context.times.begin(.publishing)
        defer { context.times.end(.publishing) }
        let publisher = Publisher(context: context)
        try await LossBrake(context).check(.removing)
        var position: RemoteKey?
        while true {
            try Task.checkCancellation()
            let window = try await context.store.removals(
                before: position, limit: context.settings.batch, now: context.now())
            guard let last = window.last else { return }
            position = last.key
            let operations = Planner.pruning(window)
            context.board.update { $0.phase = .removing }
            try await publisher.publish(operations.map { PreparedOperation($0) })
        }
    }

    /// Entries that are removed at once when their deletion is reported; more than that is removed later in the pass.
    private static let most = 10_000

    /// Removes what is due at and below `keys`, except files whose content is wanted elsewhere.
    func run(at keys: [RemoteKey]) async throws {
        context.times.begin(.publishing)
        defer { context.times.end(.publishing) }
        try await LossBrake(context).check(.removing)
        let items = try await context.store.removals(at: keys, limit: Self.most, now: context.now())
        if items.isEmpty { return }
        let contents = Set(items.compactMap { $0.entry?.content })
        let wanted = try await context.store.pendingContents(among: contents)
        let operations = Planner.pruning(Planner.dispensable(items, wanted: wanted))
        context.board.update { $0.phase = .removing }
        let publisher = Publisher(context: context)
        for batch in operations.chunks(ofCount: context.settings.batch) {
            try Task.checkCancellation()
            try await publisher.publish(batch.map { PreparedOperation($0) })
        }
    }
}
