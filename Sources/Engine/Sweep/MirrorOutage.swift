import Concurrency
import Logging
import MirrorFS

/// A mirror that is out of reach (unmounted, pulled out, its server gone): it is waited for, and opened again when it is
/// back.
struct MirrorOutage: Sendable {
    let mirror: MirrorTree
    let disk: DiskPool
    let environment: EngineEnvironment
    let board: StatusBoard
    /// Notified when the mirror's path may lead elsewhere.
    let placeChanges: AsyncSignal
    let logger: Logger

    /// Time between two looks, at first and in the long run, where the kernel tells nothing.
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(15)

    /// What is wrong with the mirror as a whole, if that is what `error` comes from.
    func cause(of error: any Error) async -> MirrorError? {
        guard let error = error as? MirrorError, error.mayMeanAway else { return nil }
        if error.code != .call { return error }
        do {
            try await disk.run { [mirror] in try mirror.check() }
            return nil
        } catch {
            return error as? MirrorError
        }
    }

    /// Waits until the mirror is back, and opens it again.
    ///
    /// - Throws: `CancellationError`.
    func wait(because cause: MirrorError) async throws {
        report(cause)
        environment.meter?.happened("mirror_away")
        logger.warning(
            "the mirror \(mirror.path) is not available, waiting for it: \(cause)", metadata: ["event": "mirror_away"])
        // As long as anything in it is open, its disk could not be unmounted.
        mirror.releaseDescriptors()
        var last = cause
        var pause = Self.firstPause
        while true {
            let rest = pause
            try await board.withQuietPeriod(upTo: rest) { try await placeChanges.wait(atMost: rest, environment.clock) }
            pause = min(pause * 2, Self.longestPause)
            do {
                try await disk.run { [mirror] in try mirror.reopen() }
                break
            } catch let error as MirrorError {
                if error != last { report(error) }
                last = error
            }
        }
        board.update { $0.phase = .starting }
        environment.meter?.happened("mirror_back")
        logger.notice("the mirror \(mirror.path) is available again", metadata: ["event": "mirror_back"])
    }

    private func report(_ cause: MirrorError) {
        board.update { status in
            status.phase = .waiting(why: "the mirror \(mirror.path) is not available: \(cause)")
            status.diskAsOf = nil
        }
    }
}
