import Concurrency
import SyncModel
import Synchronization

/// When this process has last compared the whole mirror with have.
final class LastSweep: Sendable {
    private let state = Mutex<Timestamp?>(nil)
    private let signals: [AsyncSignal]

    /// - Parameter signals: notified when there is a new time.
    init(notifying signals: [AsyncSignal]) { self.signals = signals }

    /// When it began; `nil` if the mirror was not compared yet, or has to be before anything else.
    var time: Timestamp? { state.withLock { $0 } }

    /// Notes a comparison.
    func completed(at time: Timestamp) {
        set(time)
        for signal in signals { signal.notify() }
    }

    /// Replaces the time; nobody is notified.
    func set(_ time: Timestamp) { state.withLock { $0 = time } }

    /// What was known of the disk is not any more.
    func forget() { state.withLock { $0 = nil } }
}
