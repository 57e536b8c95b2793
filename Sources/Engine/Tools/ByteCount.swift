import SyncModel
import Synchronization

/// Bytes counted by several threads.
final class ByteCount: Sendable {
    private let bytes = Mutex(Int64(0))

    var value: Int64 { bytes.withLock { $0 } }

    func add(_ more: Int64) { bytes.withLock { $0 = $0.saturatingSum(more) } }

    /// Begins anew at zero.
    func reset() { bytes.withLock { $0 = 0 } }
}
