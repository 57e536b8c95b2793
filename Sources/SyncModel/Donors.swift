/// Files of the mirror by what they hold: where content may come from without a download.
public struct Donors: Sendable {
    /// A donor, and whether its own key is wanted no more, so that it may be moved rather than copied.
    public struct Donor: Hashable, Sendable {
        /// Where it stands.
        public var standing: Standing
        /// Whether nothing is wanted at its key.
        public var isLeaving: Bool

        /// Makes a donor.
        public init(standing: Standing, isLeaving: Bool) {
            self.standing = standing
            self.isLeaving = isLeaving
        }
    }

    /// The donors by content.
    public var byHash: [ContentHash: [Donor]]

    /// Makes a table of donors.
    public init(byHash: [ContentHash: [Donor]] = [:]) { self.byHash = byHash }
}

/// Chooses where content comes from; gives every leaving file away once.
struct SourceChoice {
    /// The files that hold one content.
    private struct Supply {
        /// Files that stay where they are as long as this plan is executed.
        var staying: [Standing] = []
        /// Files that may be moved, by the time they were placed with; the next one last.
        var leaving: [Timestamp: [Standing]] = [:]
        /// Files that are being moved: where they stand, and where they will.
        var moving: [(from: Standing, to: Standing)] = []
    }

    private var supplies: [ContentHash: Supply] = [:]

    init(donors: Donors, moving: [RemoteKey: Standing]) {
        for (hash, donors) in donors.byHash {
            var supply = Supply()
            for donor in donors.reversed() {
                guard case .file(_, let held, _) = donor.standing.node else { continue }
                if let target = moving[donor.standing.key] {
                    supply.moving.append((donor.standing, target))
                } else if donor.isLeaving {
                    supply.leaving[held.modified, default: []].append(donor.standing)
                } else {
                    supply.staying.append(donor.standing)
                }
            }
            supply.staying.reverse()
            supplies[hash] = supply
        }
    }

    /// Where the content of `version` may come from that is to stand at `key` and `path`, in order.
    mutating func choose(for version: FileVersion, at key: RemoteKey, _ path: MirrorPath) -> [ContentSource] {
        guard var supply = supplies.removeValue(forKey: version.hash) else { return [.download] }
        defer { supplies[version.hash] = supply }
        func serves(_ standing: Standing) -> Bool {
            guard case .file(_, let held, _) = standing.node else { return false }
            return held.sameContent(as: version) && standing.key != key
        }
        if let mover = supply.leaving[version.modified]?.last, serves(mover) {
            supply.leaving[version.modified]?.removeLast()
            supply.moving.append((mover, Standing(key: key, path: path, node: mover.node)))
            return [.move(from: mover), .download]
        }
        if let donor = supply.staying.first(where: serves) { return [.copy(from: donor), .download] }
        if let time = supply.leaving.first(where: { $0.value.last.map(serves) ?? false })?.key,
            let donor = supply.leaving[time]?.popLast()
        {
            // Once others copy from it, it is not moved away under them.
            supply.staying.append(donor)
            return [.copy(from: donor), .download]
        }
        guard let (from, to) = supply.moving.first(where: { serves($0.from) }) else { return [.download] }
        return [.copy(from: from), .copy(from: to), .download]
    }
}
