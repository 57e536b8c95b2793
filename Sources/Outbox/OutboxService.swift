import Concurrency
public import Logging
public import Store
public import SyncModel
import Synchronization
public import Uploading

/// The watched folder whose files go up.
///
/// Two tasks that share the state file: one sees what stands, the other uploads it.
public struct OutboxService: Sendable {
    let settings: OutboxSettings
    let store: StateStore
    let connect: @Sendable () async throws -> FileUpload
    let now: @Sendable () -> Timestamp
    let logger: Logger
    let mirror: (any EnclosingMirror)?
    var hook: OutboxHook = { _ in }
    /// Whether the kernel is asked for events.
    var listens = true
    let watchEvents = WatchEventQueue()
    let signal = AsyncSignal()
    /// Lines about files that are not uploaded, between two scans.
    let lines = OutboxLines()

    /// Files that are gone and remembered, so that one of the same name becomes their next revision.
    static let remembered = 100_000

    /// Puts an outbox together; nothing happens before `run`.
    ///
    /// - Parameters:
    ///   - settings: what is watched, and where it goes.
    ///   - store: the state file.
    ///   - connect: gives the way to the account, when there is something to upload.
    ///   - mirror: the mirror that the watched folder lies in, if it does.
    ///   - now: the time of day.
    ///   - logger: is told what happens.
    public init(
        settings: OutboxSettings, store: StateStore, connect: @escaping @Sendable () async throws -> FileUpload,
        mirror: (any EnclosingMirror)? = nil, now: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.settings = settings
        self.store = store
        self.connect = connect
        self.mirror = mirror
        self.now = now
        self.logger = logger
    }

    /// Watches and uploads until the task is cancelled.
    ///
    /// - Throws: errors that time cannot cure (`signedOut`, `fatal`); `CancellationError` never comes out.
    public func run() async throws {
        do {
            try await store.bindOutbox(directory: settings.directory, remoteFolder: settings.remoteFolder)
            try await store.retryOutbox()
            try await store.pruneOutbox(keeping: Self.remembered)
            var watch = FolderWatcher(self)
            try await watch.begin()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [watch] in
                    var watch = watch
                    try await watch.run()
                }
                group.addTask { try await OutboxUploader(outbox: self).run() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            if Task.isCancelled { return }
            throw error
        }
    }

    /// Takes note of what has happened to paths; notifies `signal` when something is to be done.
    @discardableResult
    func note(_ paths: [OutboxPath], _ event: @escaping @Sendable (OutboxPath) -> OutboxEvent) async throws
        -> [OutboxFile]
    {
        let finishes = settings.finishes
        let rows = try await store.changeOutbox(paths) { $0.take(event($0.path), finishes: finishes) }
        if rows.contains(where: \.isOpen) { signal.notify() }
        return rows
    }

    /// Takes note of what has happened to a path.
    func note(_ path: OutboxPath, _ event: OutboxEvent) async throws -> OutboxFile {
        try await note([path]) { _ in event }.first ?? OutboxFile(path)
    }
}

/// How many files have a line of their own.
final class OutboxLines: Sendable {
    private let troubles = Mutex(LineBudget())
    private let uploads = Mutex(LineBudget())

    /// The level of a line about one file that is not uploaded: the first of a kind between two scans are warnings.
    func level(_ kind: String) -> Logger.Level { troubles.withLock { $0.admits(kind) } ? .warning : .debug }

    /// The level of a line about one file that is uploaded.
    var uploaded: Logger.Level { uploads.withLock { $0.admits("uploaded") } ? .info : .debug }

    /// Begins anew.
    ///
    /// - Returns: the number of files that had no warning, and of those whose upload was not told.
    func renew() -> (troubles: Int, uploads: Int) {
        (troubles.withLock { $0.renew() }, uploads.withLock { $0.renew() })
    }
}
