import MirrorFS
import Store
import SyncModel

/// Removes what is no longer in the account; only called when no listing is under way.
///
/// A page that announces another may tell of removals that the next one explains: until that is recorded nothing is
/// removed.
struct Prune: Sendable {
    let context: PassContext

    /// Works until nothing that is due is left: what is below comes before what is above.
    func run() async throws {
        let publisher = Publisher(context: context)
        var position: RemoteKey?
        while true {
            try Task.checkCancellation()
            let window = try await context.store.removals(
                before: position, limit: context.settings.batch, now: context.now())
            // Asked after the window was read: what is recorded before this is in it.
            guard let last = window.last, context.isWhole.value else { return }
            position = last.key
            let operations = Planner.pruning(window)
            context.board.update { $0.phase = .removing }
            try await publisher.publish(operations.map { Mutation($0) })
        }
    }
}
