import FileEvents
import SyncModel
import Synchronization

/// Something that may have happened in the watched folder; what it was is seen by looking.
enum WatchEvent: Hashable, Sendable {
    /// The kernel's word of a watched folder.
    case event(FileEvent)
    /// A file was found to be another than it had been.
    case look(OutboxPath)
}

/// News that nobody has seen to yet; the same news twice are one, and their order does not matter.
final class WatchEventQueue: Sendable {
    private let events = Mutex<Set<WatchEvent>>([])
    let signal = AsyncSignal()

    func add(_ items: some Sequence<WatchEvent>) {
        events.withLock { $0.formUnion(items) }
        signal.notify()
    }

    func take() -> Set<WatchEvent> {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
