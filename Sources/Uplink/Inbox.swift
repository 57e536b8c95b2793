import FileEvents
import SyncModel
import Synchronization

/// Something that may have happened in the watched folder; what it was is seen by looking.
enum News: Hashable, Sendable {
    /// The kernel's word of a watched folder.
    case event(FileEvent)
    /// A file was found to be another than it had been.
    case look(OutboxPath)
}

/// News that nobody has seen to yet; the same news twice are one, and their order does not matter.
final class Inbox: Sendable {
    private let news = Mutex<Set<News>>([])
    let bell = Bell()

    func add(_ items: some Sequence<News>) {
        news.withLock { $0.formUnion(items) }
        bell.ring()
    }

    func take() -> Set<News> {
        news.withLock { news in
            defer { news = [] }
            return news
        }
    }
}
