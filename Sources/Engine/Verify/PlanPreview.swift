public import Logging
public import MirrorFS
public import Store
public import SyncModel

/// What a pass would do, without doing it: for `sync --dry-run`.
///
/// Works on a copy of the state that nobody else sees. What stands in the mirror is looked at and not read: a file with
/// the wanted content that dbxsync has not put there would be adopted rather than downloaded.
public struct PlanPreview: Sendable {
    /// The counts of a plan.
    public struct Totals: Hashable, Sendable {
        /// Files to be put in place, whatever way.
        public var files = 0
        /// Of these, files that would have to be fetched.
        public var downloads = 0
        /// Bytes that would have to be fetched.
        public var bytes: Int64 = 0
        /// Of the files, online documents that would have to be exported: their bytes nobody knows before.
        public var exports = 0
        /// Folders to be made.
        public var folders = 0
        /// Symbolic links to be made.
        public var links = 0
        /// Names that change in case only.
        public var renames = 0
        /// Entries to be removed.
        public var removals = 0
        /// Entries that cannot be mirrored.
        public var parked = 0
        /// Entries that cannot be mirrored and may be missing; they are counted nowhere else.
        public var accepted = 0
        /// Entries of the account that the selection leaves out.
        public var leftOut = 0
        /// Files to be removed whose content is not moved elsewhere.
        public var losses = 0
        /// Whether these are more than the guard lets through, so that they would be held.
        public var wouldBeHeld = false

        /// Whether there is nothing to do.
        public var isEmpty: Bool { files + folders + links + renames + removals + parked == 0 }

        mutating func count(_ operation: PlannedOperation, isAccepted: Bool) {
            switch operation {
            case .park where isAccepted: accepted += 1
            case .place(let placement):
                files += 1
                if placement.moveSource != nil { losses -= 1 }
                if placement.sources.first == .download {
                    downloads += 1
                    bytes = bytes.saturatingSum(placement.version.size)
                } else if case .export(let file)? = placement.sources.first, file.linkBytes == nil {
                    exports += 1
                }
            case .updateMetadata: files += 1
            case .makeLink: links += 1
            case .makeFolder: folders += 1
            case .relocate: renames += 1
            case .clear(_, let entries):
                removals += entries.count
                losses += entries.count { $0.version != nil }
            case .removeFile:
                removals += 1
                losses += 1
            case .removeLink, .removeFolder: removals += 1
            case .park: parked += 1
            case .keepFolder, .waitForParent, .upToDate, .forgetHave: break
            }
        }
    }

    /// An operation of the plan.
    public struct Step: Sendable {
        /// What would be done.
        public var operation: PlannedOperation
        /// The path that it is about, as `status` writes it.
        public var path: String
        /// Whether it cannot be mirrored and may be missing.
        public var isAccepted: Bool

        /// Creates a step.
        public init(_ operation: PlannedOperation, path: String, isAccepted: Bool = false) {
            self.operation = operation
            self.path = path
            self.isAccepted = isAccepted
        }
    }

    private let remote: any RemoteSource
    private let store: StateStore
    private let mirror: MirrorTree?
    private let selection: Selection
    private let brake: GuardSettings
    private let acceptance: Acceptance
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    /// Pending items read at a time.
    private static let window = 2048

    /// Creates a preview over `store`, which must be a copy: what the listing and a look at `mirror` bring is recorded in it.
    ///
    /// - Parameter mirror: the mirror, which is only looked at; `nil` if nothing was put there yet.
    public init(
        remote: any RemoteSource, copy store: StateStore, mirror: MirrorTree?, selection: Selection,
        brake: GuardSettings, acceptance: Acceptance = Acceptance(),
        now: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.remote = remote
        self.store = store
        self.mirror = mirror
        self.selection = selection
        self.brake = brake
        self.acceptance = acceptance
        self.now = now
        self.logger = logger
    }

    /// Lists what is new and hands each operation of the plan to `report`, in the order of execution.
    ///
    /// - Throws: `Classified` errors of the account, the disk or the copy of the state.
    public func run(_ report: (Step) -> Void) async throws -> Totals {
        try await store.select(selection)
        if let mirror { try await sweep(mirror) }
        _ = try await ChangeFeedReader(
            remote: remote, store: store, now: now, board: StatusBoard(), events: EventLog(logger)
        ).run()
        try await store.retryAll()
        var totals = Totals()
        func count(_ operations: [PlannedOperation]) async throws {
            let parked = operations.compactMap { if case .park(let key, _) = $0 { key } else { nil } }
            let accepted = try await store.accepted(among: parked, accepting: acceptance)
            let shown = try await store.shownPaths(of: operations.filter(\.knowsNoPath).map(\.key))
            for operation in operations where operation.isEffect {
                let isAccepted = accepted.contains(operation.key)
                totals.count(operation, isAccepted: isAccepted)
                report(
                    Step(operation, path: shown[operation.key] ?? operation.shownPath, isAccepted: isAccepted))
            }
        }
        try await additions(count)
        try await removals(count)
        totals.leftOut = try await store.leftOut(by: selection)
        totals.wouldBeHeld = try await store.wouldHold(removals: totals.losses, brake, now: now())
        return totals
    }

    /// Finds what others did in the mirror, as a pass does first.
    private func sweep(_ mirror: MirrorTree) async throws {
        let sweeper = Sweeper(
            store: store, mirror: mirror, disk: DiskPool(threads: 1), settings: EngineSettings(selection: selection),
            seeksStrangers: false, gate: AsyncMutex(), watch: WatchedFolders(mirror.fileSystem, isWanted: false),
            board: StatusBoard(), events: EventLog(logger), now: now)
        _ = try await sweeper.sweep(now: now())
    }

    private func additions(_ take: ([PlannedOperation]) async throws -> Void) async throws {
        var position: RemoteKey?
        while true {
            let items = try await store.additions(after: position, limit: Self.window, now: now(), below: .max)
            guard let last = items.last else { return }
            position = last.key
            let window = items.map(\.withPresentParent)
            try await take(Planner.clearing(window))
            try await take(Planner.placing(window, candidates: try await store.reuseCandidates(for: window)))
        }
    }

    private func removals(_ take: ([PlannedOperation]) async throws -> Void) async throws {
        var position: RemoteKey?
        while true {
            let window = try await store.removals(before: position, limit: Self.window, now: now())
            guard let last = window.last else { return }
            position = last.key
            try await take(Planner.pruning(window))
        }
    }
}

extension PendingItem {
    /// The item as it is once the folders of earlier windows are made.
    fileprivate var withPresentParent: PendingItem {
        guard case .wanted(let path) = parent else { return self }
        var item = self
        item.parent = .stands(path)
        return item
    }
}

extension PlannedOperation {
    /// Whether it has the key only of what it is about, and is an effect.
    fileprivate var knowsNoPath: Bool {
        switch self {
        case .clear, .park: true
        case .relocate, .makeFolder, .place, .makeLink, .updateMetadata, .removeFile, .removeLink, .removeFolder,
            .keepFolder, .waitForParent, .upToDate, .forgetHave:
            false
        }
    }

    /// Whether it changes the mirror or the list of what cannot be mirrored.
    fileprivate var isEffect: Bool {
        switch self {
        case .clear, .relocate, .makeFolder, .place, .makeLink, .updateMetadata, .removeFile, .removeLink,
            .removeFolder, .park:
            true
        case .keepFolder, .waitForParent, .upToDate, .forgetHave: false
        }
    }
}

extension StateStore {
    /// Files of the mirror that hold what `items` want: one for each, beside those that are on their way elsewhere.
    func reuseCandidates(for items: [PendingItem], moving: [RemoteKey: LocalEntry] = [:]) async throws -> ReuseIndex {
        var needs: [ContentHash: Int] = [:]
        for item in items { if let version = item.want?.version { needs[version.hash, default: 0] += 1 } }
        for target in moving.values {
            guard case .file(_, let version, _) = target.node else { continue }
            if let need = needs[version.hash] { needs[version.hash] = need + 1 }
        }
        return try await reuseCandidates(for: needs)
    }
}
