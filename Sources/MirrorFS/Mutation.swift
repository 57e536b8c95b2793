public import SyncModel

/// Where the content of a placement comes from, once that is certain.
public enum Content: Sendable {
    /// Staged and verified.
    case staged(StagedFile)
    /// It stands there already, unknown to the state, with this fingerprint.
    case adopted(Fingerprint)
    /// The donor is renamed.
    case moved(Standing)
}

/// An operation with what it takes to execute it.
public struct Mutation: Sendable {
    /// What is to be done.
    public var operation: Operation
    /// For a placement: where its content comes from.
    public var content: Content?

    /// Makes a mutation.
    public init(_ operation: Operation, content: Content? = nil) {
        self.operation = operation
        self.content = content
    }

    /// What must be durable before the operation begins.
    public var intents: [Intent] {
        switch operation {
        case .clear(_, let standings): standings.map { Intent(key: $0.key, path: $0.path, after: nil) }
        case .removeFile(let standing), .removeFolder(let standing):
            [Intent(key: standing.key, path: standing.path, after: nil)]
        case .relocate(let standing, let path):
            path.name.map { [Intent(key: standing.key, path: path, after: standing.node.renamed($0))] } ?? []
        case .makeFolder(let key, let path):
            path.name.map { [Intent(key: key, path: path, after: .folder(name: $0, inode: 0))] } ?? []
        case .place(let placement): intents(of: placement)
        case .retag, .leave, .park, .waitForParent, .settled, .gone: []
        }
    }

    private func intents(of placement: Placement) -> [Intent] {
        guard let name = placement.path.name else { return [] }
        func after(_ print: Fingerprint) -> Intent {
            Intent(key: placement.key, path: placement.path, after: .file(name: name, placement.version, print))
        }
        switch content {
        case .staged(let staged)?: return [after(staged.fingerprint)]
        case .moved(let donor)?:
            guard case .file(_, _, let print) = donor.node else { return [] }
            return [Intent(key: donor.key, path: donor.path, after: nil), after(print)]
        case .adopted?, nil: return []
        }
    }
}

extension LocalNode {
    /// The same thing under another name.
    public func renamed(_ name: FileName) -> LocalNode {
        switch self {
        case .folder(_, let inode): .folder(name: name, inode: inode)
        case .file(_, let version, let print): .file(name: name, version, print)
        }
    }
}

/// What became of one mutation.
public struct MutationResult: Sendable {
    /// What was to be done.
    public var operation: Operation
    /// What is to be recorded.
    public var outcomes: [Outcome]
    /// Where things that were not ours have been moved to, relative to the mirror.
    public var setAside: [String]
}
