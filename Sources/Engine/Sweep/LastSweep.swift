import Concurrency
import Synchronization

/// When this process has last compared the whole mirror with have.
final class LastSweep: Sendable {
    private let state = Mutex<Int64?>(nil)
    private let signals: [AsyncSignal]

    /// - Parameter signals: notified when there is a new time.
    init(notifying signals: [AsyncSignal]) { self.signals = signals }

    /// Seconds since the epoch; `nil` if the mirror was not compared yet, or has to be before anything else.
    var time: Int64? { state.withLock { $0 } }

    /// Notes a comparison.
    func completed(at time: Int64) {
        set(time)
        for signal in signals { signal.notify() }
    }

    /// Replaces the time; nobody is notified.
    func set(_ time: Int64) { state.withLock { $0 = time } }

    /// What was known of the disk is not any more.
    func forget() { state.withLock { $0 = nil } }
}
