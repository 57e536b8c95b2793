import Concurrency
import MirrorFS
import SyncModel

/// Runs the tasks that `PullState` has started.
struct PullTasks: Sendable {
    let context: PassContext
    let steps: PullSteps
    let fetcher: Fetcher
    let zipFetcher: ZipFetcher
    let adopter: Adopter
    /// The listing that runs beside the loop.
    let listing: InitialListing?

    /// How long finished files wait for others to be published with.
    private static let publishAfter = Duration.milliseconds(250)

    init(_ context: PassContext, _ steps: PullSteps, listing: InitialListing?) {
        self.context = context
        self.steps = steps
        self.listing = listing
        fetcher = Fetcher(context: context)
        zipFetcher = ZipFetcher(context)
        adopter = Adopter(context: context)
    }

    /// Runs `task`.
    ///
    /// - Parameters:
    ///   - task: what to do.
    ///   - cancellation: notified when a fetch is no longer wanted.
    /// - Returns: the event that it ends with.
    /// - Throws: what concerns the whole pass.
    func run(_ task: PullTask, unless cancellation: AsyncSignal) async throws -> PullEvent {
        let clock = context.environment.clock
        switch task {
        case .fetch(let placement, let isDownloadOnly):
            let fetched =
                isDownloadOnly
                ? try await fetcher.fetch(placement, isDownloadOnly: true)
                : try await fetcher.fetch(placement, unless: cancellation)
            return .fetched(placement.key, fetched)
        case .fetchZip(let group, let planned):
            return .unzipped(try await zipFetcher.fetch(group, planGeneration: planned))
        case .adopt(let placements, let planned):
            return .adopted(try await adopter.adopt(placements), planGeneration: planned)
        case .readAhead(let scope, let planned):
            return .readAhead(try await steps.reader.next(scope), planGeneration: planned)
        case .settleAhead(let plan, let failedFolders, let planned):
            let settled = try await steps.settler.settle(plan, failedFolders: failedFolders)
            return .settledAhead(settled, planGeneration: planned)
        case .publish(let batch):
            try await steps.publisher.publish(batch)
            return .published(batch.map(\.operation.key))
        case .tick:
            try? await clock.sleep(for: Self.publishAfter)  // cancelled only when nothing is left to wait for
            return .tick
        case .watchListing:
            try await listing?.pageRecorded.wait()
            return .pageRecorded(isLast: listing?.isRunning != true)
        case .listen(let known, let isFirst):
            if isFirst { try await clock.sleep(for: context.settings.listensAfter) }
            return .wokenUp(try await context.wakeup.wait(retriesAfter: known))
        case .readChanges:
            try await LossBrake(context).takeDecisions()
            let reader = ChangeFeedReader(context, mayReset: false)
            do {
                let asked = try await reader.run()
                return .changesRead(reader.changedKeys.take(), .success(asked))
            } catch {
                return .changesRead(reader.changedKeys.take(), .failure(error))
            }
        }
    }
}
