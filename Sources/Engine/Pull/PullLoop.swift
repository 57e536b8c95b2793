import Concurrency
import MirrorFS
import SyncModel

/// Puts in place what is wanted: windows of pending items are planned, fetched in parallel and published in batches.
///
/// One loop feeds a group of about `parallel` fetches (`PullState.Limits`) and one batch being published, so that
/// neither a slow file nor the disk's flushes hold up the others. While the first listing runs it continues until that
/// has ended. After that it waits for changes, has them recorded while files arrive, and plans them before everything
/// else.
///
/// It decides nothing: `PullState` is told what happens and says what to do.
struct PullLoop {
    private let context: PassContext
    private let steps: PullSteps
    private let tasks: PullTasks
    private var state: PullState
    /// Events that are to be handled before others are waited for.
    private var events: [PullEvent] = []
    /// Notified when the fetch of a key is no longer wanted.
    private var cancellations: [RemoteKey: AsyncSignal] = [:]

    private typealias EventTasks = ThrowingTaskGroup<PullEvent, any Error>

    /// What `run` returns.
    struct Ending {
        /// The want is complete as of then; `nil` if no changes were read.
        var asOf: Timestamp?
        /// Whether the cursor has expired: the account is to be listed anew before anything else.
        var mustListAnew = false
    }

    /// Creates the loop of a pass.
    ///
    /// - Parameters:
    ///   - context: what the pass works with.
    ///   - listing: the first listing, which makes more and more pending.
    ///   - changedKeys: what is planned before everything else.
    ///   - mayListAnew: whether the pass may list the account anew if the cursor expires.
    init(
        _ context: PassContext, beside listing: InitialListing?, changedKeys: ChangedKeys = ChangedKeys(),
        mayListAnew: Bool = true
    ) {
        self.context = context
        steps = PullSteps(context)
        tasks = PullTasks(context, steps, listing: listing)
        let settings = context.settings
        let limits = PullState.Limits(
            parallel: settings.parallel, batch: settings.batch, window: settings.window, zips: settings.bulk,
            mayListAnew: mayListAnew)
        state = PullState(
            limits: limits, isListing: listing != nil, changedKeys: changedKeys, now: context.now())
    }

    /// Works until nothing that is due is left.
    mutating func run() async throws -> Ending {
        try await withThrowingTaskGroup(of: PullEvent.self) { group in
            var event = PullEvent.began
            while true {
                var result: PullEvent?
                for action in state.handle(event) {
                    switch action {
                    case .start(let task): start(task, &group)
                    case .step(let step): result = try await steps.run(step)
                    case .cancel(let key): cancellations[key]?.notify()
                    case .resetLineBudget: context.events.resetLineBudget()
                    case .stopTasks: await stopTasks(&group)
                    case .finish(let ending): return ending
                    case .fail(let error): throw error
                    }
                }
                event = if let result { result } else { try await nextEvent(&group) }
            }
        }
    }

    /// The next event; what has come in zips is told first.
    private mutating func nextEvent(_ group: inout EventTasks) async throws -> PullEvent {
        if events.isEmpty, let event = try await group.next() {
            if case .fetched(let key, _) = event { cancellations[key] = nil }
            if case .changesRead(_, .failure) = event { try Task.checkCancellation() }
            let arrivals = tasks.zipFetcher.arrived()
            events = arrivals.isEmpty ? [event] : [.arrived(arrivals), event]
        }
        return events.isEmpty ? .began : events.removeFirst()
    }

    /// What was reported to a listener in the last moment is for the next pass.
    private func stopTasks(_ group: inout EventTasks) async {
        group.cancelAll()
        while let result = await group.nextResult() {
            if case .success(.wokenUp) = result { context.wakeup.request() }
        }
    }

    private mutating func start(_ task: PullTask, _ group: inout EventTasks) {
        let cancellation = AsyncSignal()
        if case .fetch(let placement, isDownloadOnly: false) = task { cancellations[placement.key] = cancellation }
        group.addTask { [tasks] in try await tasks.run(task, unless: cancellation) }
    }
}
