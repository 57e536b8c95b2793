internal import Synchronization

/// What other members and the service do with shared folders, each in the entries that a listing then tells
/// (docs/dropbox-api.md#26-applying-entries).
extension Account {
    /// A shared folder that others have and that is not mounted yet; `seen(from:)` fills it.
    ///
    /// - Parameters:
    ///   - id: its id, in digits.
    ///   - isTeamOwned: whether it is a team's, so that no member can remove it.
    public func makeSharedFolder(_ id: String, isTeamOwned: Bool = false) {
        change { state in
            let top = NodeIndex(state.nodes.count)
            state.nodes.append(Node(name: "", lower: "", parent: -1, revision: -1))
            state.mounts[top] = id
            state.shares[id] = SharedFolder(top: top, isTeamOwned: isTeamOwned)
        }
    }

    /// Makes the folder at `path` a shared one: it is told as deleted and there again, with all in it.
    ///
    /// - Throws: `AccountError` if there is no folder, or it is shared already.
    public func share(_ path: String, id: String, isTeamOwned: Bool = false) throws {
        try change { state in
            let top = try state.resolve(path)
            guard state.nodes[Int(top)].isFolder, top != state.base, state.mounts[top] == nil, state.shares[id] == nil
            else { throw AccountError.write(["conflict", "other"]) }
            state.mounts[top] = id
            state.shares[id] = SharedFolder(top: top, isMounted: true, isTeamOwned: isTeamOwned)
            state.recordDeletion(top)
            for each in state.subtree(top, bottomUp: state.settings.childrenBeforeParents) {
                state.renewRevision(each)
                state.record(each)
            }
        }
    }

    /// Puts a shared folder that is not mounted at `path`: it is told with all in it.
    ///
    /// - Throws: `AccountError` if there is no such folder, or no room for it.
    public func mount(_ id: String, at path: String) throws {
        try change { state in
            guard let share = state.shares[id], !share.isMounted else { throw AccountError.lookup("not_found") }
            let path = try state.writable(path)
            guard state.find(path) == nil else { throw AccountError.write(["conflict", "folder"]) }
            var made: [NodeIndex] = []
            let names = Names.components(path)
            let parent = try state.ensureFolders(names.dropLast(), &made)
            state.shares[id]?.isMounted = true
            state.nodes[Int(share.top)].name = names[names.count - 1]
            state.nodes[Int(share.top)].lower = Names.lower(names[names.count - 1])
            state.link(share.top, into: parent)
            state.count(state.bytes(state.subtree(share.top)), at: share.top)
            state.recordAll(made)
            let sight = state.sight(of: share.top)
            for each in state.subtree(share.top, bottomUp: state.settings.childrenBeforeParents) {
                state.record(each, sight)
            }
        }
    }

    /// Takes the shared folder at `path` out of the tree, as when its member leaves it: it is told as deleted.
    ///
    /// - Throws: `AccountError` if there is none.
    public func unmount(_ path: String) throws {
        try change { state in state.unmount(try state.mountPoint(path).top) }
    }

    /// Takes away what is in the shared folder at `path`: it is told as a folder with `no_access`, and what was in it as
    /// deleted.
    ///
    /// - Throws: `AccountError` if there is none.
    public func loseAccess(_ path: String) throws {
        try change { state in try state.setAccess(.none, of: path, showing: []) }
    }

    /// Leaves some of what is in the shared folder at `path`: it is told as a folder with `traverse_only`, and the rest as
    /// deleted.
    ///
    /// - Throws: `AccountError` if there is none.
    public func loseAccess(_ path: String, except names: [String]) throws {
        try change { state in try state.setAccess(.traverseOnly, of: path, showing: names) }
    }

    /// Gives back what was taken away of the shared folder at `path`: it is told again.
    ///
    /// - Throws: `AccountError` if there is none.
    public func regainAccess(_ path: String) throws {
        try change { state in try state.regainAccess(path) }
    }

    /// Sets whether the member may only read the shared folder at `path`: only the folder itself is told.
    ///
    /// - Throws: `AccountError` if there is none.
    public func setReadOnly(_ path: String, _ isReadOnly: Bool) throws {
        try change { state in
            let (id, top) = try state.mountPoint(path)
            state.shares[id]?.isReadOnly = isReadOnly
            state.record(top)
        }
    }

    /// The shared folders and where they stand; the empty path for those that are not mounted.
    public var sharedFolders: [String: String] {
        state.withLock { state in
            state.shares.mapValues { $0.isMounted ? state.absolutePath($0.top) : "" }
        }
    }

    /// Where the member's own folder is in a team's space.
    var homePath: String { state.withLock { $0.home == 0 ? "/Ana Ruiz" : $0.absolutePath($0.home) } }

    /// Whether the member may use a shared folder as the root of paths.
    func admits(_ id: String) -> Bool { state.withLock { $0.shares[id].map { $0.access != .none } ?? false } }

    /// Makes the account a member of a team: all that it has moves into a folder, beside which the team has its own.
    ///
    /// Who looks at the member's own folder sees no change.
    ///
    /// - Parameters:
    ///   - namespace: the id of the team's space.
    ///   - home: the name of the folder.
    public func joinTeam(_ namespace: String, home: String = "Ana Ruiz") {
        change { state in
            state.settings.rootNamespace = namespace
            guard state.home == 0 else { return }
            let members = state.children(0)
            for node in members { state.unlink(node) }
            state.home = state.addNode(home, in: 0, revision: -1)
            for node in members { state.link(node, into: state.home) }
            let gone = state.gone.values.map { "/\(home)\($0)" }
            state.gone = Dictionary(gone.map { (Exact(text: Names.lower($0)), $0) }) { $1 }
        }
    }
}
