public import SyncModel

/// Where the content of a placement comes from, once that is certain.
public enum PreparedContent: Sendable {
    /// Staged and verified.
    case staged(StagedFile)
    /// It stands there already, unknown to the state, with this fingerprint.
    case adopted(Fingerprint)
    /// The candidate is renamed.
    case moved(LocalEntry)
}

/// An operation with what it takes to execute it.
public struct PreparedOperation: Sendable {
    /// What is to be done.
    public var operation: PlannedOperation
    /// For a placement: where its content comes from.
    public var content: PreparedContent?

    /// Creates a prepared operation.
    public init(_ operation: PlannedOperation, content: PreparedContent? = nil) {
        self.operation = operation
        self.content = content
    }

    /// What must be durable before the operation begins.
    ///
    /// - Parameter trash: where what is removed or replaced goes, below `.dbxsync`; `nil` if it is not kept.
    public func intents(trash: String? = nil) -> [Intent] {
        func place(_ path: MirrorPath) -> String? { trash.map { "\($0)/\(path.text)" } }
        func leaving(_ entry: LocalEntry) -> Intent {
            Intent(
                key: entry.key, path: entry.path, after: nil, place: entry.node.isFolder ? nil : place(entry.path))
        }
        return switch operation {
        case .clear(_, let entries): entries.map(leaving)
        case .removeFile(let entry), .removeLink(let entry), .removeFolder(let entry): [leaving(entry)]
        case .relocate(let entry, let path):
            path.name.map { [Intent(key: entry.key, path: path, after: entry.node.renamed($0))] } ?? []
        case .makeFolder(let key, let path):
            path.name.map { [Intent(key: key, path: path, after: .folder(name: $0, inode: 0))] } ?? []
        case .place(let placement): intents(of: placement, place: place(placement.path))
        case .makeLink(let link):
            link.path.name.map {
                [
                    Intent(
                        key: link.key, path: link.path, after: .link(name: $0, link.link.version, inode: 0),
                        place: link.replacing == nil ? nil : place(link.path))
                ]
            } ?? []
        case .updateMetadata, .keepFolder, .park, .waitForParent, .upToDate, .forgetHave: []
        }
    }

    /// The result if nothing was done: what it is about is compared again.
    public var notDone: AppliedOperation {
        let keys = Set(intents().map(\.key)).union([operation.key])
        return AppliedOperation(operation: operation, outcomes: keys.sorted().map { .recheck($0) }, kept: [])
    }

    private func intents(of placement: Placement, place: String?) -> [Intent] {
        guard let name = placement.path.name else { return [] }
        func after(_ print: Fingerprint) -> Intent {
            Intent(
                key: placement.key, path: placement.path, after: .file(name: name, placement.version, print),
                place: placement.replacing == nil ? nil : place)
        }
        switch content {
        case .staged(let staged)?: return [after(staged.fingerprint)]
        case .moved(let candidate)?:
            guard case .file(_, _, let print) = candidate.node else { return [] }
            return [Intent(key: candidate.key, path: candidate.path, after: nil), after(print)]
        case .adopted?, nil: return []
        }
    }
}

/// A prepared operation that was executed, with its outcomes.
public struct AppliedOperation: Sendable {
    /// What was to be done.
    public var operation: PlannedOperation
    /// What is to be recorded.
    public var outcomes: [Outcome]
    /// What has left the mirror and is kept.
    public var kept: [KeptItem]

    /// Where things that were not ours have been moved to, relative to the mirror.
    public var setAside: [String] {
        kept.filter { $0.reason == .aside }.map { "\(MirrorPath.ownFolder.text)/\($0.place)" }
    }
}
