/// A listing that runs beside a fill, which waits for what it brings.
final class Listing: Sendable {
    /// Made whenever a page is recorded, and at the end.
    let news = Request()
    private let runs = Flag(true)

    var isRunning: Bool { runs.value }

    func end() {
        runs.set(false)
        news.make()
    }
}
