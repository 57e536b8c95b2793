import Concurrency

/// The first listing, which runs concurrently with `PullLoop`; that waits for its pages.
final class InitialListing: Sendable {
    /// Notified whenever a page is recorded, and at the end.
    let pageRecorded = AsyncSignal()
    private let runs = AtomicFlag(true)

    var isRunning: Bool { runs.value }

    func finish() {
        runs.set(false)
        pageRecorded.notify()
    }
}
