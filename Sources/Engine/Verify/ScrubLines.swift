import Logging
import SyncModel
import Synchronization

/// How many files with something wrong have a line of their own in an hour, when a disk has spoilt many; the others are
/// counted.
final class ScrubLines: Sendable {
    private struct State {
        var budget = LineBudget()
        var began: Timestamp?
    }

    private let state = Mutex(State())

    /// Lines about one hour.
    private static let span: Int64 = 3_600

    /// Whether another line of a kind is written, and how many were not in an hour that has ended.
    struct Answer: Equatable, Sendable {
        var level: Logger.Level
        var withheld = 0
    }

    /// Asks for a line.
    func ask(_ kind: String, now: Timestamp) -> Answer {
        state.withLock { state in
            var withheld = 0
            // A clock that was set back begins anew, too.
            if let began = state.began, !(0..<Self.span ~= now.seconds(since: began)) {
                withheld = state.budget.renew()
                state.began = now
            }
            state.began = state.began ?? now
            return Answer(level: state.budget.admits(kind) ? .warning : .debug, withheld: withheld)
        }
    }
}
