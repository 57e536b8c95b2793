import Concurrency
import FileEvents
import SyncModel
import Synchronization

/// A hint that something may have happened in the watched folder; a look tells what.
enum WatchEvent: Hashable, Sendable {
    /// An inotify event.
    case event(FileEvent)
    /// A file was found changed and is to be checked again.
    case look(OutboxPath)
}

/// Events that are not handled yet.
///
/// Equal events are merged; their order does not matter.
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
