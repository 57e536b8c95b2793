import MirrorFS
import Store
import SyncModel
import Synchronization

/// Puts in place what is wanted: windows of pending items are planned, fetched in parallel and published in batches.
///
/// One loop feeds a group of at most `parallel` fetches and one batch being published, so that neither a slow file nor
/// the disk's flushes hold up the others. While the first listing runs it goes round until that is done.
struct Fill {
    private let context: PassContext
    private let publisher: Publisher
    private let fetcher: Fetcher
    /// Whether more may become pending while this runs.
    private let isListing: @Sendable () -> Bool

    private var queue: ArraySlice<Placement> = []
    /// What of the queue is known to need a download.
    private var untouched: Set<RemoteKey> = []
    private var ready: [Mutation] = []
    private var busy: Set<RemoteKey> = []
    private var fetching = 0
    private var isPublishing = false
    private var isTicking = false
    private var publishNow = false
    /// Where the sweep through the pending keys stands.
    private var position: RemoteKey?
    private var foundInSweep = 0
    private var sweepsLeft = 4
    private var isExhausted = false
    private var networkFailures = 0
    private var failedFolders: Set<RemoteKey> = []

    /// Failures of the network in a row, without a success between, after which the pass is given up.
    private static let networkFailuresAllowed = 16
    /// How long finished files wait for others to be published with.
    private static let publishAfter = Duration.milliseconds(250)

    private enum Step: Sendable {
        case fetched(RemoteKey, Fetcher.Fetched)
        case published([RemoteKey])
        case tick
    }

    init(_ context: PassContext, isListing: @escaping @Sendable () -> Bool) {
        self.context = context
        self.isListing = isListing
        publisher = Publisher(context: context)
        fetcher = Fetcher(context: context)
    }

    /// Works until nothing that is due is left.
    mutating func run() async throws {
        try await withThrowingTaskGroup(of: Step.self) { group in
            while true {
                if queue.count < context.settings.parallel && !isExhausted { try await refill(&group) }
                startFetches(&group)
                startPublishing(&group)
                startTicking(&group)
                guard let step = try await group.next() else {
                    if isExhausted { break }
                    continue
                }
                try await take(step)
                if isExhausted && !isWorking {
                    group.cancelAll()  // only a tick can be left
                    break
                }
            }
        }
    }

    private var isWorking: Bool { fetching > 0 || isPublishing || !ready.isEmpty || !queue.isEmpty }

    // MARK: The group

    private mutating func startFetches(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        let bound = context.settings.batch * 4
        while fetching < context.settings.parallel, ready.count < bound, let placement = queue.popFirst() {
            fetching += 1
            let isUntouched = untouched.remove(placement.key) != nil
            group.addTask { [fetcher] in
                .fetched(placement.key, try await fetcher.fetch(placement, isUntouched: isUntouched))
            }
        }
    }

    private mutating func startPublishing(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        let isIdle = fetching == 0 && queue.isEmpty
        guard !isPublishing, !ready.isEmpty, ready.count >= context.settings.batch || publishNow || isIdle else {
            return
        }
        let batch = Array(ready.prefix(context.settings.batch))
        ready.removeFirst(batch.count)
        isPublishing = true
        publishNow = false
        group.addTask { [publisher] in
            try await publisher.publish(batch)
            return .published(batch.map(\.operation.key))
        }
    }

    /// A tick bounds how long finished files wait, and looks again while a listing goes on.
    private mutating func startTicking(_ group: inout ThrowingTaskGroup<Step, any Error>) {
        guard !isTicking, !ready.isEmpty || (!isWorking && !isExhausted) else { return }
        isTicking = true
        let clock = context.surroundings.clock
        group.addTask {
            try? await clock.sleep(for: Self.publishAfter)  // cancelled only when nothing is left to wait for
            return .tick
        }
    }

    private mutating func take(_ step: Step) async throws {
        switch step {
        case .tick:
            isTicking = false
            publishNow = true
        case .published(let keys):
            isPublishing = false
            busy.subtract(keys)
        case .fetched(_, .ready(let mutation)):
            fetching -= 1
            if case .staged? = mutation.content { networkFailures = 0 }
            ready.append(mutation)
        case .fetched(let key, .failed(let outcome, let isNetwork, let message)):
            fetching -= 1
            try await publisher.commit([outcome])
            busy.remove(key)
            networkFailures = isNetwork ? networkFailures + 1 : 0
            guard networkFailures < Self.networkFailuresAllowed else {
                throw EngineError(.pass, "\(networkFailures) downloads in a row failed, the last one: \(message)")
            }
        }
    }

    // MARK: Windows

    /// Reads and plans windows until there is something to fetch or nothing left.
    private mutating func refill(_ group: inout ThrowingTaskGroup<Step, any Error>) async throws {
        while queue.count < context.settings.parallel {
            // Asked first: what is recorded after this look is found by the next one.
            let mayGrow = isListing()
            let window = try await context.store.additions(
                after: position, limit: context.settings.window, now: context.now())
            guard let last = window.last else {
                isExhausted = !mayGrow && (foundInSweep == 0 || sweepsLeft == 0)
                if !mayGrow && foundInSweep > 0 { sweepsLeft -= 1 }
                let foundSomething = foundInSweep > 0
                position = nil
                foundInSweep = 0
                if isExhausted || !foundSomething || isWorking { return }
                continue
            }
            let items = window.filter { !busy.contains($0.key) }
            foundInSweep += items.count
            if try await clearTheWay(items, &group) { continue }
            position = last.key
            try await plan(items)
        }
    }

    /// Executes what changes paths; the window has to be read again afterwards.
    ///
    /// - Returns: whether there was anything of that kind.
    private mutating func clearTheWay(
        _ items: [PendingItem], _ group: inout ThrowingTaskGroup<Step, any Error>
    ) async throws -> Bool {
        let clearing = Planner.clearing(items)
        if clearing.isEmpty { return false }
        if isWorking {
            // What is under way was planned with the paths of before, and may add to what stands in the way.
            try await finishWork(&group)
            return true
        }
        context.board.update { $0.phase = .applying }
        try await publisher.publish(clearing.map { Mutation($0) })
        return true
    }

    /// Finishes what is being fetched or published; what is only queued stays pending for the next sweep.
    private mutating func finishWork(_ group: inout ThrowingTaskGroup<Step, any Error>) async throws {
        busy.subtract(queue.map(\.key))
        queue = []
        untouched = []
        while isWorking {
            publishNow = true
            startPublishing(&group)
            guard let step = try await group.next() else { break }
            try await take(step)
        }
    }

    private mutating func plan(_ items: [PendingItem]) async throws {
        let operations = Planner.filling(items, donors: try await context.store.donors(for: items))
        var placements: [Placement] = []
        var others: [Mutation] = []
        for operation in operations {
            if case .place(let placement) = operation {
                placements.append(placement)
            } else {
                others.append(Mutation(operation))
            }
        }
        if !others.isEmpty || !placements.isEmpty { context.board.update { $0.phase = .applying } }
        for start in stride(from: 0, to: others.count, by: context.settings.batch) {
            let batch = Array(others[start..<min(start + context.settings.batch, others.count)])
            failedFolders.formUnion(try await publisher.publish(batch))
        }
        let (waiting, possible) = placements.partitioned { $0.key.ancestors.contains(where: failedFolders.contains) }
        if !waiting.isEmpty {
            try await publisher.commit(
                waiting.map { .failed($0.key, why: "waits for its folder, which could not be made", retry: nil) })
        }
        busy.formUnion(possible.map(\.key))
        queue.append(contentsOf: possible)
        untouched.formUnion(try await surveyed(possible))
    }

    private func surveyed(_ placements: [Placement]) async throws -> Set<RemoteKey> {
        let small = placements.filter { $0.sources == [.download] && $0.version.size <= SmallBody.limit }
        if small.isEmpty { return [] }
        return try await context.reading.run { [mirror = context.mirror] in try mirror.untouched(small) }
    }
}

extension Array {
    /// The elements that fulfil the condition, and the others, both in order.
    fileprivate func partitioned(by condition: (Element) -> Bool) -> (matching: [Element], others: [Element]) {
        var parts: (matching: [Element], others: [Element]) = ([], [])
        for element in self {
            if condition(element) { parts.matching.append(element) } else { parts.others.append(element) }
        }
        return parts
    }
}
