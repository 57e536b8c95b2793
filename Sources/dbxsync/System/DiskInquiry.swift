import Concurrency
import FileSystem
import Synchronization

/// Asks a disk that may not answer, such as one of a network whose server is gone, and waits for it only so long.
///
/// What blocks is on a thread of its own: that stays until the disk answers, and does not keep the process from ending.
struct DiskInquiry: Sendable {
    /// How long a disk may take for what takes milliseconds.
    static let patience = Duration.seconds(5)

    /// Directories whose last inquiry is not answered yet, although its time is over.
    private static let unanswered = Mutex<Set<String>>([])

    /// A directory on the disk.
    let directory: String

    init(of directory: String) { self.directory = directory }

    /// What there is to say if there is no answer.
    var silence: String { "the disk of \(directory) does not answer" }

    /// Does what touches the disk.
    ///
    /// - Parameters:
    ///   - patience: for how long its end is waited for.
    ///   - work: what is done; where an earlier one of this process still hangs it is not begun.
    /// - Returns: its result; nil if there is none in time.
    func answer<Value: Sendable>(
        within patience: Duration = patience, _ work: @escaping @Sendable () -> Value
    ) async -> Value? {
        // Else whoever asks every few seconds would have ever more threads that hang.
        if Self.unanswered.withLock({ $0.contains(directory) }) { return nil }
        let (reply, end) = (Reply<Value>(), ContinuousClock.now + patience)
        do throws(SystemError) {
            try startThread { [directory] in
                reply.give(work())
                _ = Self.unanswered.withLock { $0.remove(directory) }
            }
        } catch {
            return work()
        }
        await reply.given.wait(until: end)
        if let value = reply.value { return value }
        _ = Self.unanswered.withLock { $0.insert(directory) }
        guard let value = reply.value else { return nil }
        _ = Self.unanswered.withLock { $0.remove(directory) }
        return value
    }

    /// What a thread leaves for who waits for it.
    private final class Reply<Value: Sendable>: Sendable {
        let given = AsyncSignal()
        private let held = Mutex<Value?>(nil)

        var value: Value? { held.withLock { $0 } }

        func give(_ value: Value) {
            held.withLock { $0 = value }
            given.notify()
        }
    }
}
