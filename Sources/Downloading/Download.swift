package import Dropbox
package import SyncModel

/// Downloads files to places outside the mirror.
package struct Download: Sendable {
    /// Counts what has come.
    package let meter: DownloadMeter
    let client: DropboxClient
    let disk: (any TaskExecutor)?

    /// Downloads with a client; paths are absolute.
    ///
    /// What writes, and may wait for that, runs on `disk`.
    package init(
        client: DropboxClient, meter: DownloadMeter = DownloadMeter(), disk: (any TaskExecutor)? = nil
    ) {
        self.client = client
        self.meter = meter
        self.disk = disk
    }

    /// Makes the file at `target` this version; false when it was so already.
    ///
    /// - Throws: `DownloadError`, and what the client throws.
    package func get(_ version: FileVersion, to target: String) async throws -> Bool {
        defer { meter.addFile() }
        if PartFile.isThere(target, version) {
            meter.add(version.size)
            return false
        }
        let part = try PartFile(for: target, version.rev, meter: meter)
        try await fill(part, version)
        try part.publish(version.modified)
        return true
    }

    /// Completes an unfinished file; one that holds other bytes is begun anew, once.
    func fill(_ part: PartFile, _ version: FileVersion) async throws {
        for attempt in 1...2 {
            try await download(version, into: part)
            if part.isWhole(version) { return }
            if attempt == 1 { try part.restart() }
        }
        part.discard()
        throw Self.wrongContent(part.target)
    }

    /// Writes this version to an open descriptor, such as that of standard output.
    ///
    /// - Throws: `DownloadError`, and what the client throws.
    package func write(_ version: FileVersion, to output: Int32) async throws {
        let sink = OutputSink(output, meter)
        try await download(version, into: sink)
        guard sink.isWhole(version) else { throw Self.wrongContent("-") }
    }

    private func download(_ version: FileVersion, into target: any ByteSink) async throws {
        let sink = WriteBehind(target, upTo: version.size)
        try await sink.fill(on: disk) { try await client.download(version, into: sink) }
    }

    private static func wrongContent(_ target: String) -> DownloadError {
        DownloadError(.mismatch, "\(target): what arrived is not what Dropbox's content hash says")
    }
}
