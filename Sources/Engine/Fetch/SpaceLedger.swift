import SyncModel
import Synchronization

/// What running downloads still need of the disk: each sees what the others have not written yet.
final class SpaceLedger: Sendable {
    private let promised = Mutex<Int64>(0)

    /// Space that was promised to one download, and is given back when nobody holds this any more.
    final class Promise: Sendable {
        private let ledger: SpaceLedger
        private let left: Mutex<Int64>

        fileprivate init(_ ledger: SpaceLedger, _ bytes: Int64) {
            self.ledger = ledger
            left = Mutex(bytes)
        }

        deinit { release(to: 0) }

        /// So many bytes were written: the disk itself tells of them now.
        func written(_ bytes: Int) {
            let before = left.withLock { $0 }
            release(to: before - Int64(clamping: bytes))
        }

        /// Gives back all but `bytes`, if more was promised.
        func release(to bytes: Int64) {
            let given: Int64 = left.withLock { left in
                let kept = min(left, max(bytes, 0))
                defer { left = kept }
                return left - kept
            }
            ledger.promised.withLock { $0 -= given }
        }
    }

    /// Promises `bytes`, if so much is free beyond what others were promised and what is to stay free.
    ///
    /// - Parameters:
    ///   - bytes: what is still to be written.
    ///   - reserve: what is to stay free.
    ///   - free: looks at what is free; called while nobody else is promised anything.
    /// - Returns: the promise, or `nil`; and what was free, less what others were promised.
    func promise(_ bytes: Int64, reserve: Int64, free: () throws -> Int64) rethrows -> (promise: Promise?, free: Int64)
    {
        let (isPromised, left) = try promised.withLock { promised in
            let left = try free() - promised
            let (rest, overflow) = left.subtractingReportingOverflow(max(bytes, 0))
            guard !overflow, rest >= reserve else { return (false, left) }
            promised += max(bytes, 0)
            return (true, left)
        }
        return (isPromised ? Promise(self, max(bytes, 0)) : nil, left)
    }
}
