import MirrorFS
import SyncModel

extension AppliedOperation {
    /// What it has changed, as the history tells it; nothing if it failed.
    ///
    /// - Parameter content: where the content of a placement came from.
    func changes(_ content: PreparedContent?) -> [MirrorChange] {
        var changes = setAside.map { place in
            MirrorChange(.setAside, path: operation.shownPath, reason: "it is now \(place)")
        }
        if case .clear(_, let entries) = operation {
            return changes + entries.filter { isGone($0.key) }.map(\.removal)
        }
        guard let node = outcomes.lazy.compactMap({ $0.node(of: operation.key) }).first else { return changes }
        switch operation {
        case .place(let placement):
            if node?.isFolder == true { break }
            changes.append(placement.change(content))
        case .updateMetadata(let entry, let version):
            if node != nil { changes.append(entry.retagged(as: version)) }
        case .makeLink(let placement): changes.append(placement.change)
        case .makeFolder(_, let path): changes.append(MirrorChange(.folderMade, path: path.remoteText))
        case .relocate(let entry, let path):
            changes.append(MirrorChange(.moved, path: path.remoteText, oldPath: entry.path.remoteText))
        case .removeFile(let entry), .removeLink(let entry), .removeFolder(let entry):
            changes.append(entry.removal)
        case .clear, .keepFolder, .park, .waitForParent, .upToDate, .forgetHave: break
        }
        return changes
    }

    private func isGone(_ key: RemoteKey) -> Bool { outcomes.contains(.have(key, nil)) }
}

extension Outcome {
    /// What stands at `key` now, if that is what it says.
    fileprivate func node(of key: RemoteKey) -> LocalNode?? {
        if case .have(key, let node) = self { .some(node) } else { nil }
    }
}

extension Placement {
    /// What putting it in place has changed.
    fileprivate func change(_ content: PreparedContent?) -> MirrorChange {
        let replaced = replacing?.version
        var change = MirrorChange(
            .filePlaced, path: path.remoteText, size: version.size, oldRev: replaced?.rev, rev: version.rev,
            hash: version.hash, key: key)
        if let replaced, replaced.hash != version.hash { change.loss = .replacement }
        switch content {
        case .moved(let candidate)?:
            change.kind = .moved
            change.oldPath = candidate.path.remoteText
        case .adopted?: change.reason = MirrorChange.stoodThere
        case .staged?, nil: break
        }
        return change
    }
}

extension LinkPlacement {
    fileprivate var change: MirrorChange {
        MirrorChange(
            .linkMade, path: path.remoteText, oldRev: replacing?.node.linkRev, rev: link.rev,
            reason: link.description)
    }
}

extension LocalNode {
    /// The revision of a link that was not touched.
    fileprivate var linkRev: Rev? {
        if case .link(_, let version, _) = self, !version.isUnproven { version.rev } else { nil }
    }
}

extension LocalEntry {
    /// Its removal.
    var removal: MirrorChange {
        if case .link = node { return MirrorChange(.linkRemoved, path: path.remoteText, oldRev: node.linkRev) }
        guard let version else { return MirrorChange(.folderRemoved, path: path.remoteText) }
        return MirrorChange(
            .fileRemoved, path: path.remoteText, size: version.size, oldRev: version.rev, hash: version.hash, key: key,
            loss: .removal)
    }

    /// Another revision of the same content.
    fileprivate func retagged(as version: FileVersion) -> MirrorChange {
        MirrorChange(
            .filePlaced, path: path.remoteText, size: version.size, oldRev: self.version?.rev, rev: version.rev,
            hash: version.hash, reason: MirrorChange.sameContent)
    }
}

/// What has changed by effects that were interrupted and turn out to have happened.
///
/// - Parameters:
///   - intents: what was begun.
///   - outcomes: what became of each.
///   - before: what stood there before, as recorded.
func settledChanges(
    _ intents: [Intent], _ outcomes: [Outcome], before: [RemoteKey: LocalEntry]
) -> [MirrorChange] {
    var sources: [UInt64: LocalEntry] = [:]
    for entry in before.values {
        if case .file(_, _, let print) = entry.node { sources[print.inode] = entry }
    }
    var moved: Set<RemoteKey> = []
    var changes: [MirrorChange] = []
    for (intent, outcome) in zip(intents, outcomes) {
        guard var change = outcome.change(intent, before: before[intent.key]) else { continue }
        if case .have(_, .file(_, _, let print)?) = outcome, let source = sources[print.inode], source.key != intent.key
        {
            change.kind = .moved
            change.oldPath = source.path.remoteText
            moved.insert(source.key)
        }
        changes.append(change)
    }
    return changes.filter { $0.kind != .fileRemoved || $0.key.map(moved.contains) != true }
}

extension Outcome {
    fileprivate func change(_ intent: Intent, before: LocalEntry?) -> MirrorChange? {
        guard case .have(_, let node) = self else { return nil }
        let reason = "settled after an interruption"
        switch node {
        case nil:
            guard var removal = before?.removal else { return nil }
            removal.reason = reason
            return removal
        case .folder?:
            return before == nil ? MirrorChange(.folderMade, path: intent.path.remoteText, reason: reason) : nil
        case .link(_, let version, _)?:
            return MirrorChange(
                .linkMade, path: intent.path.remoteText, oldRev: before?.node.linkRev, rev: version.rev, reason: reason)
        case .file(_, let version, _)?:
            let held = before?.version
            return MirrorChange(
                .filePlaced, path: intent.path.remoteText, size: version.size, oldRev: held?.rev, rev: version.rev,
                hash: version.hash, reason: reason, key: intent.key,
                loss: held != nil && held?.hash != version.hash ? .replacement : nil)
        }
    }
}
