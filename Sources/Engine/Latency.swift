import Synchronization

/// How long the remote has taken for the quickest page of a pass: a bound for how far away it is.
final class Latency: Sendable {
    private let quickest = Mutex<Duration?>(nil)

    /// `nil` before the first page.
    var least: Duration? { quickest.withLock { $0 } }

    func note(_ time: Duration) { quickest.withLock { $0 = min($0 ?? time, time) } }
}
