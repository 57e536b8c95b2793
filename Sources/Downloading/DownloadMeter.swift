import Synchronization

/// How far the downloads of a command have come.
package final class DownloadMeter: Sendable {
    private let bytes = Atomic<Int64>(0)
    private let files = Atomic<Int>(0)

    /// Nothing yet.
    package init() {}

    /// The bytes and the files that are there.
    package var now: (bytes: Int64, files: Int) { (bytes.load(ordering: .relaxed), files.load(ordering: .relaxed)) }

    /// Counts bytes; fewer than none when a file begins anew.
    func add(_ count: Int64) { bytes.add(count, ordering: .relaxed) }

    /// Counts a file that is there.
    package func addFile() { files.add(1, ordering: .relaxed) }
}
