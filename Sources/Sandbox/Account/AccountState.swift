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
}

/// Everything that an account holds.
struct AccountState {
    /// What tells the ids and cursors of this account from those of others.
    let salt: UInt64
    var nodes: ContiguousArray<Node> = [Node(name: "", lower: "", parent: -1, revision: -1)]
    var index: [ChildKey: NodeIndex] = [:]
    var revisions: ContiguousArray<Revision> = []
    var journal: ContiguousArray<Event> = []
    /// Paths that once were: lower-case path to the path of its time.
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

    /// The living node at `path`; 0 for the root.
    func find(_ path: String) -> NodeIndex? {
        var node: NodeIndex = 0
        for name in Names.components(path) {
            guard let next = child(of: node, named: Names.lower(name)) else { return nil }
            node = next
        }
        return node
    }

    func truePath(_ node: NodeIndex) -> String {
        var names: [String] = []
        var current = node
        while current > 0 {
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

    mutating func record(_ node: NodeIndex) {
        guard !isSeeding else { return }
        let path = truePath(node)
        gone[Exact(text: Names.lower(path))] = nil
        journal.append(Event(path: path, node: node, revision: nodes[Int(node)].revision))
    }

    mutating func recordDeletion(_ path: String) {
        guard !isSeeding else { return }
        journal.append(Event(path: path, node: -1, revision: -1))
    }
}
