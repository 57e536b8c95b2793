import FileSystem
import SyncModel

/// A download that goes to an open descriptor, such as that of standard output.
///
/// Not for use by two threads at a time.
final class OutputSink: ByteSink, @unchecked Sendable {
    // `@unchecked`: one user at a time by contract.
    private let hasher = ContentHasher()
    private(set) var offset: Int64 = 0
    private let meter: DownloadMeter

    private let output: Int32

    init(_ output: Int32, _ meter: DownloadMeter) {
        self.output = output
        self.meter = meter
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try writeAll(bytes, to: output)
        } catch {
            throw DownloadError(.unusable, "standard output cannot be written: \(error)")
        }
        hasher.update(bytes)
        offset += Int64(bytes.count)
        meter.add(Int64(bytes.count))
    }

    func restart() throws {
        guard offset > 0 else { return }
        throw DownloadError(
            .interrupted, "the server began anew, and what went to standard output cannot be taken back")
    }

    /// What has been written.
    func content() -> ExportedFile.Content { ExportedFile.Content(size: offset, hash: hasher.finish()) }

    func isWhole(_ version: FileVersion) -> Bool {
        offset == version.size && hasher.finish() == version.hash
    }
}
