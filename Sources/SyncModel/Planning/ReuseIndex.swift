/// Files of the mirror by what they hold: where content may come from without a download.
public struct ReuseIndex: Sendable {
    /// A candidate, and whether its own key is no longer wanted, so that it may be moved rather than copied.
    public struct ReuseCandidate: Hashable, Sendable {
        /// Where it stands.
        public var entry: LocalEntry
        /// Whether nothing is wanted at its key.
        public var isLeaving: Bool

        /// Creates a candidate.
        public init(entry: LocalEntry, isLeaving: Bool) {
            self.entry = entry
            self.isLeaving = isLeaving
        }
    }

    /// The candidates by content hash.
    public var byHash: [ContentHash: [ReuseCandidate]]

    /// Creates an index.
    public init(byHash: [ContentHash: [ReuseCandidate]] = [:]) { self.byHash = byHash }
}

/// Chooses where content comes from; gives every leaving file away once.
struct ContentSourceSelector {
    /// The files that hold one content.
    private struct Candidates {
        /// Files that stay where they are as long as this plan is executed.
        var staying: [LocalEntry] = []
        /// Files that may be moved, by the time they were placed with; the next one last.
        var leaving: [Timestamp: [LocalEntry]] = [:]
        /// Files that are being moved: where they stand, and where they will.
        var moving: [(from: LocalEntry, to: LocalEntry)] = []
    }

    private var byContent: [ContentHash: Candidates] = [:]

    init(candidates: ReuseIndex, moving: [RemoteKey: LocalEntry]) {
        for (hash, candidates) in candidates.byHash {
            var found = Candidates()
            for candidate in candidates.reversed() {
                guard case .file(_, let held, _) = candidate.entry.node else { continue }
                if let target = moving[candidate.entry.key] {
                    found.moving.append((candidate.entry, target))
                } else if candidate.isLeaving {
                    found.leaving[held.modified, default: []].append(candidate.entry)
                } else {
                    found.staying.append(candidate.entry)
                }
            }
            found.staying.reverse()
            byContent[hash] = found
        }
    }

    /// Where the content of `version` may come from that is to stand at `key` and `path`, in order.
    mutating func choose(for version: FileVersion, at key: RemoteKey, _ path: MirrorPath) -> [ContentSource] {
        guard var found = byContent.removeValue(forKey: version.hash) else { return [.download] }
        defer { byContent[version.hash] = found }
        func hasContent(_ entry: LocalEntry) -> Bool {
            guard case .file(_, let held, _) = entry.node else { return false }
            return held.sameContent(as: version) && entry.key != key
        }
        if let moveSource = found.leaving[version.modified]?.last, hasContent(moveSource) {
            found.leaving[version.modified]?.removeLast()
            found.moving.append((moveSource, LocalEntry(key: key, path: path, node: moveSource.node)))
            return [.move(from: moveSource), .download]
        }
        if let candidate = found.staying.first(where: hasContent) { return [.copy(from: candidate), .download] }
        if let time = found.leaving.first(where: { $0.value.last.map(hasContent) ?? false })?.key,
            let candidate = found.leaving[time]?.popLast()
        {
            // Once others copy from it, it is not moved away under them.
            found.staying.append(candidate)
            return [.copy(from: candidate), .download]
        }
        guard let (from, to) = found.moving.first(where: { hasContent($0.from) }) else { return [.download] }
        return [.copy(from: from), .copy(from: to), .download]
    }
}
