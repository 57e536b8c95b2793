import SyncModel

/// A remote whose answers are waited for by the clock of a pass.
struct MeasuredRemote: RemoteSource {
    private let remote: any RemoteSource
    private let times: StageTimes
    private let meter: (any EngineMeter)?

    init(_ remote: any RemoteSource, _ times: StageTimes, _ meter: (any EngineMeter)? = nil) {
        self.remote = remote
        self.times = times
        self.meter = meter
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
        try await measure(.file) { try await remote.download(version, into: sink) }
    }

    func downloadSegment(_ version: FileVersion, upTo end: Int64, into sink: any ByteSink) async throws {
        try await measure(.segment) { try await remote.downloadSegment(version, upTo: end, into: sink) }
    }

    func downloadZip(of folder: RemoteKey, into sink: any ByteSink) async throws {
        try await measure(.zip) { try await remote.downloadZip(of: folder, into: sink) }
    }

    func export(_ file: ExportedFile, into sink: any ByteSink) async throws -> ExportAnswer {
        try await measure(.export) { try await remote.export(file, into: sink) }
    }

    func revision(at key: RemoteKey) async throws -> Rev? { try await remote.revision(at: key) }

    private func measure<Answer>(_ kind: DownloadKind, _ download: () async throws -> Answer) async throws -> Answer {
        let began = ContinuousClock.now
        let answer = try await times.measure(.network, download)
        meter?.downloaded(kind, in: ContinuousClock.now - began)
        return answer
    }
}
