/// Index of a node in the table; the table never shrinks, so it is also what an id names.
typealias NodeIndex = Int32

/// A file or folder, alive or gone.
///
/// Children are linked like beads, for a million entries at little cost.
struct Node {
    var name: String
    var lower: String
    var parent: NodeIndex
    var firstChild: NodeIndex = -1
    var lastChild: NodeIndex = -1
    var previous: NodeIndex = -1
    var next: NodeIndex = -1
    /// Index of the current revision; -1 for a folder.
    var revision: Int32
    var isGone = false

    var isFolder: Bool { revision < 0 }
}

/// One revision of a file: same revision, same bytes, for ever.
struct Revision {
    var node: NodeIndex
    var content: Content
    var size: Int64
    var clientModified: Int64
    var serverModified: Int64
    var digest: Digest?
    var traits: TraitsBox?
}

/// Traits on the heap: nearly no file has any.
final class TraitsBox: Sendable {
    let traits: FileTraits

    init(_ traits: FileTraits) { self.traits = traits }
}

/// Where a name stands.
struct ChildKey: Hashable {
    var parent: NodeIndex
    var name: Exact
}

/// A change as the journal keeps it: what was at which path at that time.
struct Event {
    /// The path with the true names of that time.
    var path: String
    /// -1 for a deletion.
    var node: NodeIndex
    /// -1 for a folder.
    var revision: Int32
    /// Which spaces show it, and `sharing_info` of the time: places in `AccountState.sights` and `sharings`, or -1.
    var sight: Int32 = -1
    var sharing: Int32 = -1
}

/// Everything that an account holds.
struct AccountState {
    /// What tells the ids and cursors of this account from those of others.
    let salt: UInt64
    var nodes: ContiguousArray<Node> = [Node(name: "", lower: "", parent: -1, revision: -1)]
    var index: [ChildKey: NodeIndex] = [:]
    var revisions: ContiguousArray<Revision> = []
    var journal: ContiguousArray<Event> = []
    /// Those that occur in the journal.
    var sights: Collected<Sight> = Collected()
    var sharings: Collected<Sharing> = Collected()
    /// Shared folders by their id.
    var shares: [String: SharedFolder] = [:]
    /// The ids of shared folders by their top nodes.
    var mounts: [NodeIndex: String] = [:]
    /// The member's own folder; the root for an account without a team.
    var home: NodeIndex = 0
    /// What paths are relative to during a call, and its node; -1 when there is none.
    var space = Space.home
    var base: NodeIndex = 0
    /// Whether a call is the member's own, and not one of the others who have a part in the account.
    var actsAsMember = false
    /// Paths that once were: lower-case path from the root on to the path of its time.
    var gone: [Exact: String] = [:]
    var listings: [UInt32: Listing] = [:]
    var nextListing: UInt32 = 1
    /// Cursors of an earlier epoch have expired.
    var epoch: UInt32 = 1
    /// How many exports of each revision were asked for.
    var exportsAsked: [Int32: Int] = [:]
    var settings = Settings()
    var usedBytes: Int64 = 0
    /// While true nothing is written to the journal: the account is being filled before anybody looks.
    var isSeeding = false
    var waiters: [UInt64: @Sendable () -> Void] = [:]
    var nextWaiter: UInt64 = 0

    init(salt: UInt64) { self.salt = salt }

    // MARK: Looking up

    func child(of parent: NodeIndex, named lower: String) -> NodeIndex? {
        index[ChildKey(parent: parent, name: Exact(text: lower))]
    }

    /// The living node at `path`; that of the space for an empty one.
    func find(_ path: String) -> NodeIndex? {
        var node = base
        for name in Names.components(path) {
            guard let next = child(of: node, named: Names.lower(name)) else { return nil }
            node = next
        }
        return node
    }

    /// The path of a node in the space.
    func truePath(_ node: NodeIndex) -> String { path(of: node, from: base) }

    /// The path of a node from the root on, or from the top of its tree if that is not mounted.
    func absolutePath(_ node: NodeIndex) -> String { path(of: node, from: 0) }

    private func path(of node: NodeIndex, from top: NodeIndex) -> String {
        var names: [String] = []
        var current = node
        while current != top, current >= 0, nodes[Int(current)].parent >= 0 {
            names.append(nodes[Int(current)].name)
            current = nodes[Int(current)].parent
        }
        return names.reversed().reduce(into: "") { $0 += "/" + $1 }
    }

    func isInside(_ node: NodeIndex, _ ancestor: NodeIndex) -> Bool {
        var current = node
        while current >= 0 {
            if current == ancestor { return true }
            current = nodes[Int(current)].parent
        }
        return false
    }

    /// The nodes below and including `top`; folders before what is in them, or after when `bottomUp`.
    func subtree(_ top: NodeIndex, bottomUp: Bool = false) -> [NodeIndex] {
        var result: [NodeIndex] = []
        var stack = [top]
        while let node = stack.popLast() {
            result.append(node)
            var child = nodes[Int(node)].lastChild
            while child >= 0 {
                stack.append(child)
                child = nodes[Int(child)].previous
            }
        }
        return bottomUp ? result.reversed() : result
    }

    func children(_ folder: NodeIndex) -> [NodeIndex] {
        var result: [NodeIndex] = []
        var child = nodes[Int(folder)].firstChild
        while child >= 0 {
            result.append(child)
            child = nodes[Int(child)].next
        }
        return result
    }

    // MARK: Linking

    mutating func link(_ node: NodeIndex, into parent: NodeIndex) {
        let last = nodes[Int(parent)].lastChild
        nodes[Int(node)].parent = parent
        nodes[Int(node)].previous = last
        nodes[Int(node)].next = -1
        if last >= 0 { nodes[Int(last)].next = node } else { nodes[Int(parent)].firstChild = node }
        nodes[Int(parent)].lastChild = node
        index[ChildKey(parent: parent, name: Exact(text: nodes[Int(node)].lower))] = node
    }

    mutating func unlink(_ node: NodeIndex) {
        let bead = nodes[Int(node)]
        if bead.previous >= 0 {
            nodes[Int(bead.previous)].next = bead.next
        } else {
            nodes[Int(bead.parent)].firstChild = bead.next
        }
        if bead.next >= 0 {
            nodes[Int(bead.next)].previous = bead.previous
        } else {
            nodes[Int(bead.parent)].lastChild = bead.previous
        }
        index[ChildKey(parent: bead.parent, name: Exact(text: bead.lower))] = nil
    }

    mutating func addNode(_ name: String, in parent: NodeIndex, revision: Int32) -> NodeIndex {
        let node = NodeIndex(nodes.count)
        let lower = Names.lower(name)
        nodes.append(Node(name: name, lower: lower, parent: parent, revision: revision))
        link(node, into: parent)
        return node
    }

    // MARK: Journal

    /// Records what a node is now, for the spaces that show it or for those given.
    mutating func record(_ node: NodeIndex, _ sight: Sight? = nil) {
        guard !isSeeding else { return }
        let path = absolutePath(node)
        gone[Exact(text: Names.lower(path))] = nil
        let sight = sight ?? self.sight(of: node)
        var event = Event(path: path, node: node, revision: nodes[Int(node)].revision)
        if sight != .everywhere { event.sight = sights.place(of: sight) }
        if let sharing = sharing(of: node) { event.sharing = sharings.place(of: sharing) }
        journal.append(event)
    }

    /// Records that nothing stands any more where a node stands now.
    mutating func recordDeletion(_ node: NodeIndex) { recordDeletion(absolutePath(node), sight(of: node)) }

    /// Records that nothing stands any more at a path from the root on.
    mutating func recordDeletion(_ path: String, _ sight: Sight) {
        guard !isSeeding else { return }
        var event = Event(path: path, node: -1, revision: -1)
        if sight != .everywhere { event.sight = sights.place(of: sight) }
        journal.append(event)
    }
}

/// Values of which each is kept once, and which are known by their place.
struct Collected<Value: Hashable> {
    private(set) var values: [Value] = []
    private var places: [Value: Int32] = [:]

    mutating func place(of value: Value) -> Int32 {
        if let place = places[value] { return place }
        values.append(value)
        places[value] = Int32(values.count - 1)
        return Int32(values.count - 1)
    }

    /// The value at a place; `nil` for -1.
    subscript(place: Int32) -> Value? { place < 0 ? nil : values[Int(place)] }
}
