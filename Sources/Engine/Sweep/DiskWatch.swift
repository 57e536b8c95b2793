import Concurrency
import Logging
import SyncModel

/// Looks at the mirror beside the passes: where the kernel tells that something has happened, and at all of it when that
/// is due.
///
/// What it finds becomes pending; whatever is at work then, or the pass that it asks for, puts it right.
struct DiskWatch: Sendable {
    /// How long to wait after an event in a folder, so that one look covers what happens there together.
    private static let settle = Duration.seconds(1)
    /// A folder is looked at again after so many times as long as a look at it takes.
    private static let rest = 20
    /// Time before everything is looked at because the kernel has lost track, or because a look has failed.
    private static let longPause = Duration.seconds(60)

    let folders: WatchedFolders
    let engine: SyncEngine
    let clock: any Clock<Duration>
    let logger: Logger

    /// Looks until it is cancelled.
    func run() async throws {
        var due: [RemoteKey: ContinuousClock.Instant] = [:]
        var resting: [RemoteKey: ContinuousClock.Instant] = [:]
        var overflow: ContinuousClock.Instant?
        while true {
            try await wait(until: [overflow, due.values.min()].compactMap(\.self).min())
            do {
                let activity = folders.takeActivity()
                let now = ContinuousClock.now
                resting = resting.filter { $0.value > now }
                for folder in activity.folders where due[folder] == nil {
                    due[folder] = max(now + Self.settle, resting[folder] ?? now)
                }
                if activity.hasOverflown, overflow == nil { overflow = now + Self.longPause }
                if activity.needsSweep { overflow = now }
                let isDue = overflow.map { $0 <= now } ?? false
                // The first pass has to be over.
                if try await engine.sweepIfDue(isDue) { overflow = nil } else if isDue { overflow = now + Self.settle }
                for folder in due.filter({ $0.value <= now }).keys {
                    due[folder] = nil
                    let cost = try await ContinuousClock().measure { try await look(at: folder) }
                    resting[folder] = .now + cost * Self.rest
                }
            } catch {
                try Task.checkCancellation()
                if isLossOfState(error) { throw error }
                logger.debug("the mirror could not be looked at: \(error)")
                overflow = .now + Self.longPause
                try await clock.sleep(for: Self.settle)
            }
        }
    }

    /// Looks at a folder, and at those in it that were never looked into.
    private func look(at folder: RemoteKey) async throws {
        var waiting = [folder]
        while let next = waiting.popLast() { waiting += try await engine.look(at: next) }
    }

    /// Waits for an event (the end of the first comparison is one), until `end`, or until the next comparison is due.
    private func wait(until end: ContinuousClock.Instant?) async throws {
        let sweep = await engine.untilSweep
        let pause = [end.map { ContinuousClock.now.duration(to: $0) }, sweep].compactMap(\.self).min()
        try await withThrowingTaskGroup(of: Void.self) { race in
            race.addTask { [folders] in try await folders.activity.wait() }
            if let pause { race.addTask { [clock] in try await clock.sleep(for: max(.zero, pause)) } }
            defer { race.cancelAll() }
            try await race.next()
        }
    }
}
