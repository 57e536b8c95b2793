import Logging
import MirrorFS
import Store
import SyncModel

/// Makes a batch of effects happen: intend, perform, commit.
///
/// The only caller of the three.
struct Publisher: Sendable {
    let context: PassContext

    /// Executes `batch` in order; when this returns, everything is durable and recorded.
    ///
    /// - Returns: the keys that failed or were parked.
    @discardableResult
    func publish(_ batch: [Mutation]) async throws -> Set<RemoteKey> {
        guard !batch.isEmpty else { return [] }
        let context = context
        let (results, news) = try await context.board.expectingSilence(of: Self.patience) {
            try await shielded { try await context.gate.pass { try await Self.execute(batch, context) } }
        }
        for notice in context.mirror.takeNotices() { context.events.note(.warning, notice) }
        var failed: Set<RemoteKey> = []
        for (mutation, result) in zip(batch, results) {
            tell(mutation, result, news: news)
            failed.formUnion(result.outcomes.compactMap(\.troubled))
        }
        return failed
    }

    /// How long a batch may take on a slow and busy disk.
    private static let patience = Duration.seconds(600)

    private static func execute(
        _ batch: [Mutation], _ context: PassContext
    ) async throws -> ([MutationResult], [RemoteKey: String]) {
        try await context.store.intend(batch.flatMap(\.intents))
        let results = try await context.disk.run { try context.mirror.perform(batch) }
        let news = try await context.store.commit(
            results.flatMap(\.outcomes), now: context.now(), jitter: context.surroundings.jitter)
        return (results, news)
    }

    /// Records outcomes that need no effect.
    func commit(_ outcomes: [Outcome]) async throws {
        let context = context
        let news = try await shielded {
            try await context.store.commit(outcomes, now: context.now(), jitter: context.surroundings.jitter)
        }
        for outcome in outcomes { tellTrouble(outcome, news: news) }
    }

    private func tell(_ mutation: Mutation, _ result: MutationResult, news: [RemoteKey: String]) {
        for place in result.setAside {
            context.events.count { $0.setAside += 1 }
            context.events.setAside(mutation.operation.shownPath, to: place)
        }
        for outcome in result.outcomes { tellTrouble(outcome, news: news) }
        if case .leave(let standing) = mutation.operation { tellLeft(standing) }
        if result.outcomes.contains(where: { $0.isDone(mutation.operation.key) }) { tellDone(mutation) }
    }

    private func tellTrouble(_ outcome: Outcome, news: [RemoteKey: String]) {
        switch outcome {
        case .parked(let key, let reason):
            context.events.count { $0.parked += 1 }
            context.events.trouble("parked", reason, key: key, shown: news[key])
        case .failed(let key, let why, _):
            context.events.count { $0.failed += 1 }
            context.events.trouble("failed", why, key: key, shown: news[key])
        case .delayed(let key, let why):
            context.events.count { $0.failed += 1 }
            context.events.trouble("failed", why, key: key, shown: news[key])
        case .have, .recheck: break
        }
    }

    private func tellDone(_ mutation: Mutation) {
        let events = context.events
        switch mutation.operation {
        case .place(let placement): tellPlaced(placement, mutation.content)
        case .retag(let standing, _):
            events.count { $0.placed += 1 }
            context.board.update { $0.filesDone += 1 }
            events.changed(
                "file_placed", "\(standing.path.remoteText): new revision, same content", path: standing.path)
        case .makeFolder(let key, let path):
            if let parent = key.parent { context.watch.touch(parent) }
            events.count { $0.folders += 1 }
            events.changed("folder_made", "\(path.remoteText): folder made", path: path)
        case .relocate(let standing, let path):
            events.count { $0.moved += 1 }
            events.changed("moved", "\(standing.path.remoteText): renamed to \(path.remoteText)", path: path)
        case .removeFile(let standing), .removeFolder(let standing): tellRemoved([standing])
        case .clear(_, let standings): tellRemoved(standings)
        case .leave, .park, .waitForParent, .settled, .gone: break
        }
    }

    /// Told once: the folder is pending no more.
    private func tellLeft(_ standing: Standing) {
        context.events.note(
            .notice,
            "\(standing.path.remoteText): deleted in Dropbox, but it stays: it holds files that are left alone because of "
                + "mirror.exclude or mirror.include",
            event: "left_alone")
    }

    private func tellPlaced(_ placement: Placement, _ content: Content?) {
        let size = placement.version.size
        context.board.update { $0.filesDone += 1 }
        context.events.count { report in
            report.placed += 1
            switch content {
            case .adopted?: report.adopted += 1
            case .moved?: report.moved += 1
            case .staged?, nil: break
            }
        }
        if case .moved(let donor)? = content {
            context.events.changed(
                "moved", "\(donor.path.remoteText): renamed to \(placement.path.remoteText)", path: placement.path,
                rev: placement.version.rev)
        } else {
            let verb = if case .adopted? = content { "adopted" } else { "placed" }
            context.events.changed(
                "file_placed", "\(placement.path.remoteText): \(verb)", path: placement.path, bytes: size,
                rev: placement.version.rev)
        }
    }

    private func tellRemoved(_ standings: [Standing]) {
        context.board.update { $0.removed += standings.count }
        context.events.count { $0.removed += standings.count }
        for standing in standings {
            let event = standing.node.isFolder ? "folder_removed" : "file_removed"
            context.events.changed(event, "\(standing.path.remoteText): removed", path: standing.path)
        }
    }
}

extension Operation {
    /// The path as `status` writes it; the key where the operation knows no other.
    fileprivate var shownPath: String {
        switch self {
        case .place(let placement): placement.path.remoteText
        case .makeFolder(_, let path), .relocate(_, let path): path.remoteText
        case .retag(let standing, _), .removeFile(let standing), .removeFolder(let standing), .leave(let standing):
            standing.path.remoteText
        case .clear, .park, .waitForParent, .settled, .gone: key.text
        }
    }
}

extension Outcome {
    /// The key, if it does not stand as wanted now.
    fileprivate var troubled: RemoteKey? {
        switch self {
        case .failed(let key, _, _), .parked(let key, _): key
        case .have, .recheck, .delayed: nil
        }
    }

    /// Whether the effect on `key` happened.
    fileprivate func isDone(_ key: RemoteKey) -> Bool {
        switch self {
        case .have(let done, _): done == key
        case .recheck, .parked, .failed, .delayed: false
        }
    }
}
