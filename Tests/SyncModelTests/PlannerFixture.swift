import SyncModel
import TestSupport

/// What a planner is asked about: what stands, what is wanted, and the pending keys between them.
struct PlannerFixture {
    let have: [RemoteKey: LocalEntry]
    let want: [RemoteKey: RemoteNode]

    init(have: String, want: String) throws {
        var entries: [RemoteKey: LocalEntry] = [:]
        for (number, entry) in try TreeText(have).entries.enumerated() {
            let parent = entry.key.parent.flatMap { entries[$0]?.path } ?? .root
            entries[entry.key] = LocalEntry(
                key: entry.key, path: try parent.appending(entry.name),
                node: PlannerFixture.entry(entry, inode: UInt64(number + 1)))
        }
        self.have = entries
        self.want = Dictionary(uniqueKeysWithValues: try TreeText(want).entries.map { ($0.key, $0.node) })
    }

    private static func entry(_ entry: TreeText.Entry, inode: UInt64) -> LocalNode {
        guard case .file(_, let version) = entry.node else { return .folder(name: entry.name, inode: inode) }
        let print = Fingerprint(
            inode: inode, size: version.size, modifiedNanoseconds: version.modified.seconds * 1_000_000_000)
        return .file(name: entry.name, version, print)
    }

    /// Every key whose want and have differ, ascending.
    var window: [PendingItem] {
        Set(have.keys).union(want.keys).sorted().compactMap { key in
            let (wanted, entry) = (want[key], have[key])
            if let wanted, entry?.node.satisfies(wanted) == true { return nil }
            var item = PendingItem(
                key: key, want: wanted, entry: entry, below: [], parent: place(of: key.parent ?? .root))
            if item.kindFlips {
                item.below = have.values.filter { key.contains($0.key) }.sorted { $0.key > $1.key }
            }
            return item
        }
    }

    /// All that stands, by content.
    var candidates: ReuseIndex {
        var candidates = ReuseIndex()
        for entry in have.values.sorted(by: { $0.key < $1.key }) {
            guard case .file(_, let version, _) = entry.node else { continue }
            candidates.byHash[version.hash, default: []].append(
                ReuseIndex.ReuseCandidate(entry: entry, isLeaving: want[entry.key] == nil))
        }
        return candidates
    }

    private func place(of key: RemoteKey) -> ParentState {
        if key == .root { return .stands(.root) }
        if let entry = have[key], entry.node.isFolder { return .stands(entry.path) }
        let parent = place(of: key.parent ?? .root)
        let path: MirrorPath
        switch parent {
        case .stands(let above), .wanted(let above): path = above
        case .impossible: return parent
        }
        switch want[key] {
        case .folder(let name)?:
            do {
                return .wanted(try path.appending(name))
            } catch {
                return .impossible(key, reason: error.description)
            }
        case .unavailable(_, let why, _)?: return .impossible(key, reason: why.description)
        default: return .impossible(key, reason: "it is not a folder")
        }
    }
}

extension SyncModel.PlannedOperation {
    /// A few words, for tables.
    var brief: String {
        switch self {
        case .clear(let key, let entries): "clear \(key): " + entries.map(\.path.text).joined(separator: " ")
        case .place(let placement):
            "place \(placement.path) <- " + placement.sources.map(\.description).joined(separator: " | ")
        case .park(let key, _): "park \(key)"
        default: description
        }
    }
}
