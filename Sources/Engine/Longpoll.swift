import Logging
import SyncModel

/// Waits for Dropbox to report a change; a longpoll that fails is no reason to stop, the interval is there too.
struct Longpoll {
    let remote: any RemoteSource
    let clock: any Clock<Duration>
    let board: StatusBoard
    let jitter: @Sendable () -> Double
    let logger: Logger

    /// The shortest that the server takes; the longer ones save next to nothing.
    private static let limit = Duration.seconds(30)
    /// An answer comes within the limit, and up to 90 s of the server's own.
    private static let silence = Duration.seconds(125)

    func wait(after cursor: Cursor) async throws {
        var failures = 0
        while true {
            do {
                let changed = try await board.expectingSilence(of: Self.silence) {
                    try await remote.awaitChange(after: cursor, for: Self.limit)
                }
                if changed { return }
                failures = 0
            } catch {
                try Task.checkCancellation()
                // The next pass asks with the same cursor and learns the same.
                if disposition(of: error) == .cursorReset { return }
                failures += 1
                logger.debug("longpoll: \(error)")
                let pause = Duration.seconds(min(300, 5 << min(failures, 6))) * (1 - jitter() / 2)
                try await board.expectingSilence(of: pause) { try await clock.sleep(for: pause) }
            }
        }
    }
}
