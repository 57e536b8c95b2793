import Logging
import MirrorFS
import Store
import SyncModel

/// Executes the steps that `PullState` asks for.
struct PullSteps: Sendable {
    let context: PassContext
    let publisher: Publisher
    let reader: WindowReader
    let settler: PlanSettler

    init(_ context: PassContext) {
        self.context = context
        publisher = Publisher(context: context)
        reader = WindowReader(
            store: context.store, limit: context.settings.window, now: context.environment.now, times: context.times,
            brake: LossBrake(context))
        settler = PlanSettler(context: context, publisher: publisher)
    }

    /// Executes `step`.
    ///
    /// - Returns: its result.
    /// - Throws: what concerns the whole pass.
    func run(_ step: PullStep) async throws -> PullEvent {
        let store = context.store
        switch step {
        case .readWindow(let scope, let mayGrow): return .windowRead(try await reader.next(scope), mayGrow: mayGrow)
        case .planChanges(let keys, let scope):
            return .changesPlanned(try await reader.items(keys, moving: scope.moving), keys: keys)
        case .settle(let plan, let purpose, let failedFolders):
            return .settled(try await settler.settle(plan, failedFolders: failedFolders), purpose)
        case .readExtents(let folders, let grouping):
            return .extentsRead(try await store.extents(of: folders, limit: ZipGrouping.entryLimit), grouping)
        case .readWanted(let keys): return .wanted(try await store.wantedVersions(of: Array(keys)), among: keys)
        case .confirmPlan(let prepared, let placement):
            return .planConfirmed(try await replanned(prepared, placement), placement)
        case .removeDeleted(let keys):
            let isComplete = try await store.progress().isComplete
            if isComplete, !keys.isEmpty { try await Prune(context: context).run(at: keys) }
            return .deletedRemoved(isComplete: isComplete)
        case .readRetries(let known):
            let now = context.now()
            return .retriesRead(
                try await store.retries(after: known, upTo: now, limit: ChangedKeys.most), upTo: now)
        case .makeRoom(let placement, let bytes):
            return .roomMade(try await StagingSpace(context: context).make(for: placement, bytes))
        case .askForRoom: return .roomForOthers(try await StagingSpace(context: context).isRoomForOthers())
        case .apply(let operations):
            context.board.update { $0.phase = .applying }
            try await publisher.publish(operations.map { PreparedOperation($0) })
        case .discardPart(let placement): try await discardPart(placement)
        case .commit(let outcomes): try await publisher.commit(outcomes)
        case .prune:
            try await Prune(context: context).run()
            try await purgeDisplaced()
        case .noteReadFailure(let why):
            context.wakeup.longpollBackoff.failed()
            context.events.note(.debug, "changes could not be read during a download: \(why)")
        }
        return .done
    }

    /// An operation of an earlier `planGeneration`, planned again; `nil` if the plan is another one now.
    private func replanned(_ prepared: PreparedOperation, _ placement: Placement) async throws -> PreparedOperation? {
        guard case .staged? = prepared.content,
            let item = try await context.store.addition(placement.key, now: context.now()),
            case .place(let current)? = Planner.placing([item], candidates: ReuseIndex()).first,
            current.path == placement.path, current.version == placement.version
        else { return nil }
        return PreparedOperation(.place(current), content: prepared.content)
    }

    /// What a fetch that has just begun may use stays until the end of the pass.
    private func purgeDisplaced() async throws {
        let (disk, mirror) = (context.disk, context.mirror)
        let contents = try await disk.run { try mirror.displacedContents() }
        if contents.isEmpty { return }
        let wanted = try await context.store.pendingContents(among: contents)
        try await Trash(context).purgeDisplaced(keeping: wanted)
    }

    private func discardPart(_ placement: Placement) async throws {
        let wanted = try await context.store.wantedVersions(of: [placement.key])
        if wanted[placement.key] == placement.version { return }
        try await context.disk.run { [mirror = context.mirror] in
            try mirror.removePart(of: placement.version, for: placement.key)
        }
    }
}
