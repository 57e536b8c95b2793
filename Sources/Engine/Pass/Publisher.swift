import Logging
import MirrorFS
import Store
import SyncModel

/// Executes a batch of planned operations: intend, perform, commit.
///
/// Nobody else intends or performs. What a crash has left (`SyncPass`) and another folder of the same name (`Sweeper`)
/// need no effect and are only committed.
struct Publisher: Sendable {
    let context: PassContext

    /// Executes `batch` in order; when this returns, everything is durable and recorded.
    ///
    /// - Returns: the keys that failed or were parked.
    @discardableResult
    func publish(_ batch: [PreparedOperation]) async throws -> Set<RemoteKey> {
        guard !batch.isEmpty else { return [] }
        let context = context
        let (results, issues) = try await context.board.withQuietPeriod(upTo: Self.patience) {
            try await shielded {
                try await context.gate.withLock {
                    try await context.times.measure(.publishing) { try await Self.execute(batch, context) }
                }
            }
        }
        for notice in context.mirror.takeNotices() { context.events.note(.warning, notice) }
        var failed: Set<RemoteKey> = []
        for (prepared, result) in zip(batch, results) {
            log(prepared, result, issues)
            for item in result.kept where item.reason != .aside { context.events.trashed(item) }
            failed.formUnion(result.outcomes.compactMap(\.failedKey))
        }
        try await keepWithinLimits(results)
        return failed
    }

    /// So many bytes come into the trash before it is looked whether that is too much.
    private static let trashedBetweenLooks: Int64 = 64 << 20

    private func keepWithinLimits(_ results: [AppliedOperation]) async throws {
        let bytes = results.reduce(Int64(0)) { $1.kept.reduce($0) { $0.saturatingSum($1.size) } }
        context.trashed.add(bytes)
        guard bytes > 0, context.trashed.value >= Self.trashedBetweenLooks else { return }
        context.trashed.reset()
        try await Trash(context).tidy()
    }

    /// How long a batch may take on a slow and busy disk.
    private static let patience = Duration.seconds(600)

    private static func execute(
        _ batch: [PreparedOperation], _ context: PassContext
    ) async throws -> ([AppliedOperation], Issues) {
        let trash = Trash(context).folder
        let unwanted = try await context.store.intend(
            Self.intents(batch, trash), placing: batch.compactMap(\.operation.placedKey))
        func isWanted(_ prepared: PreparedOperation) -> Bool {
            prepared.operation.placedKey.map(unwanted.contains) != true
        }
        let wanted = batch.filter(isWanted)
        var performed = try await context.disk.run { try context.mirror.perform(wanted, trash: trash) }[...]
        let results = batch.map { isWanted($0) ? performed.removeFirst() : $0.notDone }
        var changes = zip(batch, results).flatMap { $1.changes($0.content) }
        if context.isFirstFill { changes = changes.summedUpByFolder }
        let newlyFailing = try await context.store.commit(
            results.flatMap(\.outcomes),
            recording: EffectRecord(pass: context.pass, changes: changes, kept: results.flatMap(\.kept)),
            now: context.now(), jitter: context.environment.jitter)
        return (results, try await issues(of: results.flatMap(\.outcomes), newlyFailing, context))
    }

    /// The intents of a batch; the first one tells of its folder in the trash, where also what nobody knows of may go.
    private static func intents(_ batch: [PreparedOperation], _ trash: String?) -> [Intent] {
        var intents = batch.flatMap { $0.intents(trash: trash) }
        if let trash, let first = intents.first, first.place == nil {
            intents[0].place = "\(trash)/\(first.path.text)"
        }
        return intents
    }

    /// Records outcomes that need no effect.
    func commit(_ outcomes: [Outcome]) async throws {
        let context = context
        let issues = try await shielded {
            let newlyFailing = try await context.store.commit(
                outcomes, now: context.now(), jitter: context.environment.jitter)
            return try await Self.issues(of: outcomes, newlyFailing, context)
        }
        for outcome in outcomes { logIssue(outcome, issues) }
    }

    /// What is to be told of issues.
    private struct Issues: Sendable {
        /// The paths of those that were not told before.
        var shown: [RemoteKey: String]
        /// Those that may be missing.
        var accepted: Set<RemoteKey>
    }

    private static func issues(
        of outcomes: [Outcome], _ newlyFailing: [RemoteKey: String], _ context: PassContext
    ) async throws -> Issues {
        let parked = outcomes.compactMap { if case .parked(let key, _) = $0 { key } else { nil } }
        let accepted = try await context.store.accepted(among: parked, accepting: context.settings.acceptance)
        return Issues(shown: newlyFailing, accepted: accepted)
    }

    private func log(_ prepared: PreparedOperation, _ result: AppliedOperation, _ issues: Issues) {
        for place in result.setAside {
            context.events.count { $0.setAside += 1 }
            context.events.setAside(prepared.operation.shownPath, to: place)
        }
        for outcome in result.outcomes { logIssue(outcome, issues) }
        if case .keepFolder(let entry) = prepared.operation { logKept(entry) }
        if result.outcomes.contains(where: { $0.isDone(prepared.operation.key) }) { logDone(prepared) }
    }

    private func logIssue(_ outcome: Outcome, _ issues: Issues) {
        switch outcome {
        case .parked(let key, let reason) where issues.accepted.contains(key):
            context.events.count { $0.accepted += 1 }
            context.events.logIssue("accepted", reason, key: key, shown: issues.shown[key])
        case .parked(let key, let reason):
            context.events.count { $0.parked += 1 }
            context.events.logIssue("parked", reason, key: key, shown: issues.shown[key])
        case .failed(let key, let why, _):
            context.events.count { $0.failed += 1 }
            context.events.logIssue("failed", why, key: key, shown: issues.shown[key])
        case .delayed(let key, let why):
            context.events.count { $0.failed += 1 }
            context.events.logIssue("failed", why, key: key, shown: issues.shown[key])
        case .have, .recheck: break
        }
    }

    private func logDone(_ prepared: PreparedOperation) {
        let events = context.events
        switch prepared.operation {
        case .place(let placement): logPlaced(placement, prepared.content)
        case .updateMetadata(let entry, _):
            events.count { $0.placed += 1 }
            context.board.update { $0.filesDone += 1 }
            events.changed(
                "file_placed", "\(entry.path.remoteText): new revision, same content", path: entry.path)
        case .makeLink(let placement):
            events.count { report in
                report.placed += 1
                report.links += 1
            }
            events.changed(
                "link_made", "\(placement.path.remoteText): link made: \(placement.link)", path: placement.path,
                rev: placement.link.rev)
        case .makeFolder(let key, let path):
            if let parent = key.parent { context.watch.touch(parent) }
            events.count { $0.folders += 1 }
            events.changed("folder_made", "\(path.remoteText): folder made", path: path)
        case .relocate(let entry, let path):
            events.count { $0.moved += 1 }
            events.changed("moved", "\(entry.path.remoteText): renamed to \(path.remoteText)", path: path)
        case .removeFile(let entry), .removeLink(let entry), .removeFolder(let entry): logRemoved([entry])
        case .clear(_, let entries): logRemoved(entries)
        case .keepFolder, .park, .waitForParent, .upToDate, .forgetHave: break
        }
    }

    /// Told once: the folder is pending no more.
    private func logKept(_ entry: LocalEntry) {
        context.events.notePath(
            .notice,
            "\(entry.path.remoteText): deleted in Dropbox, but the folder stays: it holds files that mirror.exclude or "
                + "mirror.include leave alone",
            path: entry.path.remoteText, event: "left_alone")
    }

    private func logPlaced(_ placement: Placement, _ content: PreparedContent?) {
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
        if case .moved(let candidate)? = content {
            context.events.changed(
                "moved", "\(candidate.path.remoteText): renamed to \(placement.path.remoteText)", path: placement.path,
                rev: placement.version.rev)
        } else {
            let isExport = placement.export != nil
            let verb = if case .adopted? = content { "adopted" } else if isExport { "exported" } else { "placed" }
            context.events.changed(
                isExport ? "exported" : "file_placed", "\(placement.path.remoteText): \(verb)", path: placement.path,
                bytes: size, rev: placement.version.rev)
        }
    }

    private func logRemoved(_ entries: [LocalEntry]) {
        context.board.update { $0.removed += entries.count }
        context.events.count { $0.removed += entries.count }
        for entry in entries {
            let event =
                switch entry.node {
                case .folder: "folder_removed"
                case .file: "file_removed"
                case .link: "link_removed"
                }
            context.events.changed(event, "\(entry.path.remoteText): removed", path: entry.path)
        }
    }
}

extension PlannedOperation {
    /// The path as `status` writes it; the key where the operation knows no other.
    var shownPath: String {
        switch self {
        case .place(let placement): placement.path.remoteText
        case .makeLink(let placement): placement.path.remoteText
        case .makeFolder(_, let path), .relocate(_, let path): path.remoteText
        case .updateMetadata(let entry, _), .removeFile(let entry), .removeLink(let entry), .removeFolder(let entry),
            .keepFolder(let entry):
            entry.path.remoteText
        case .clear, .park, .waitForParent, .upToDate, .forgetHave: key.text
        }
    }
}

extension Outcome {
    /// The key, if it does not stand as wanted now.
    fileprivate var failedKey: RemoteKey? {
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
