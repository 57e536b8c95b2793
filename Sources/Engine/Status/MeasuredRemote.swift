import SyncModel

/// A remote whose answers are waited for by the clock of a pass.
struct MeasuredRemote: RemoteSource {
    private let remote: any RemoteSource
    private let times: StageTimes

    init(_ remote: any RemoteSource, _ times: StageTimes) {
        self.remote = remote
        self.times = times
    }

    func changes(since cursor: Cursor?) async throws -> ChangePage {
        try await times.measure(.listing) { try await remote.changes(since: cursor) }
    }

    func latestCursor() async throws -> Cursor? {
        try await times.measure(.listing) { try await remote.latestCursor() }
    }

    func list(_ part: ListingPart) async throws -> ChangePage? {
        try await times.measure(.listing) { try await remote.list(part) }
    }

    func awaitChange(after cursor: Cursor, for limit: Duration) async throws -> Bool {
        try await remote.awaitChange(after: cursor, for: limit)
    }

    func download(_ version: FileVersion, into sink: any ByteSink) async throws {
        try await times.measure(.network) { try await remote.download(version, into: sink) }
    }

    func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        try await times.measure(.network) { try await remote.downloadSegment(version, upTo: end, into: sink) }
    }

    func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try await times.measure(.network) { try await remote.downloadZip(of: folder, into: sink) }
    }
}
