internal import Synchronization

/// What paths are relative to, as `Dropbox-API-Path-Root` chooses it (docs/dropbox-api.md#9-users-and-team-spaces).
public enum Space: Hashable, Sendable {
    /// All that the member can see; for an account without a team the same as `home`.
    case root
    /// The member's own folder.
    case home
    /// A shared folder, by its id, whether it is mounted or not.
    case shared(String)
}

/// The way to the state of an account, seen from one space.
struct StateAccess: Sendable {
    private let state: Shared
    private let space: Space
    private let isMember: Bool

    private final class Shared: Sendable {
        let mutex: Mutex<AccountState>

        init(_ state: sending AccountState) { mutex = Mutex(state) }
    }

    init(_ state: sending AccountState) {
        self.init(state: Shared(state), space: .root, isMember: false)
    }

    private init(state: Shared, space: Space, isMember: Bool) {
        self.state = state
        self.space = space
        self.isMember = isMember
    }

    /// The same state, seen from another space; a member may do less than the others who have a part in the account.
    func seen(from space: Space, isMember: Bool) -> StateAccess {
        StateAccess(state: state, space: space, isMember: isMember)
    }

    func withLock<Value, Failure: Error>(
        _ body: (inout AccountState) throws(Failure) -> sending Value
    ) throws(Failure) -> Value {
        try state.mutex.withLock { state throws(Failure) in
            state.enter(space)
            state.actsAsMember = isMember
            return try body(&state)
        }
    }
}

extension AccountState {
    /// Makes paths relative to `space` from now on.
    mutating func enter(_ space: Space) {
        self.space = space
        switch space {
        case .root: base = 0
        case .home: base = home
        case .shared(let id): base = shares[id].map { $0.hidden ?? $0.top } ?? -1
        }
        // Without a team both are the same, and a cursor of one is good for the other.
        if space == .root, home == 0 { self.space = .home }
    }

    /// Where a path begins that is relative to each of the spaces that show a node, in bytes of its absolute path.
    ///
    /// A shared folder is no part of itself.
    func sight(of node: NodeIndex) -> Sight {
        guard home != 0 || !mounts.isEmpty else { return .everywhere }
        var starts: [Space: Int] = [:]
        var names = absolutePath(node).utf8.count
        var current = node
        while current >= 0 {
            let row = nodes[Int(current)]
            if current != node {
                if current == home { starts[.home] = names }
                if let id = mounts[current] { starts[.shared(id)] = names }
                if current == 0 { starts[.root] = names }
            }
            if row.parent >= 0 { names -= row.name.utf8.count + 1 }
            current = row.parent
        }
        return Sight(starts: starts)
    }
}

/// Which spaces show a node, and where the paths begin that are relative to them.
struct Sight: Hashable {
    private let starts: [Space: Int]

    init(starts: [Space: Int]) { self.starts = starts }

    /// An account without a team in which nothing is shared.
    static let everywhere = Sight(starts: [.root: 0, .home: 0])

    /// The path of the node relative to `space`; `nil` when that does not show it.
    func path(_ absolute: String, in space: Space) -> String? {
        guard let start = starts[space] else { return nil }
        return start == 0 ? absolute : String(Substring(absolute.utf8.dropFirst(start)))
    }
}
