import SyncModel
import TestSupport

/// What a planner is asked about: what stands, what is wanted, and the pending keys between them.
struct Situation {
    let have: [RemoteKey: Standing]
    let want: [RemoteKey: RemoteNode]

    init(have: String, want: String) throws {
        var standings: [RemoteKey: Standing] = [:]
        for (number, entry) in try TreeText(have).entries.enumerated() {
            let parent = entry.key.parent.flatMap { standings[$0]?.path } ?? .root
            standings[entry.key] = Standing(
                key: entry.key, path: try parent.appending(entry.name),
                node: Situation.standing(entry, inode: UInt64(number + 1)))
        }
        self.have = standings
        self.want = Dictionary(uniqueKeysWithValues: try TreeText(want).entries.map { ($0.key, $0.node) })
    }

    private static func standing(_ entry: TreeText.Entry, inode: UInt64) -> LocalNode {
        guard case .file(_, let version) = entry.node else { return .folder(name: entry.name, inode: inode) }
        let print = Fingerprint(
            inode: inode, size: version.size, modifiedNanoseconds: version.modified.seconds * 1_000_000_000)
        return .file(name: entry.name, version, print)
    }

    /// Every key whose want and have differ, ascending.
    var window: [PendingItem] {
        Set(have.keys).union(want.keys).sorted().compactMap { key in
            let (wanted, standing) = (want[key], have[key])
            if let wanted, standing?.node.satisfies(wanted) == true { return nil }
            var item = PendingItem(
                key: key, want: wanted, standing: standing, below: [], parent: place(of: key.parent ?? .root))
            if item.kindFlips {
                item.below = have.values.filter { key.contains($0.key) }.sorted { $0.key > $1.key }
            }
            return item
        }
    }

    /// All that stands, by content.
    var donors: Donors {
        var donors = Donors()
        for standing in have.values.sorted(by: { $0.key < $1.key }) {
            guard case .file(_, let version, _) = standing.node else { continue }
            donors.byHash[version.hash, default: []].append(
                Donors.Donor(standing: standing, isLeaving: want[standing.key] == nil))
        }
        return donors
    }

    private func place(of key: RemoteKey) -> ParentState {
        if key == .root { return .stands(.root) }
        if let standing = have[key], standing.node.isFolder { return .stands(standing.path) }
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

extension SyncModel.Operation {
    /// A few words, for tables.
    var brief: String {
        switch self {
        case .clear(let key, let standings): "clear \(key): " + standings.map(\.path.text).joined(separator: " ")
        case .place(let placement):
            "place \(placement.path) <- " + placement.sources.map(\.description).joined(separator: " | ")
        case .park(let key, _): "park \(key)"
        default: description
        }
    }
}
