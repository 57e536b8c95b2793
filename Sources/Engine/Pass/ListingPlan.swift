import DequeModule
import SyncModel

/// How an account is divided into parts that are listed side by side.
public struct ListingLimits: Hashable, Sendable {
    /// Pages asked for at a time.
    public var width = 10
    /// Pages of a listing, and of a part, before it is divided.
    public var pages = 2
    /// Parts of one folder that tell what the others will be like.
    public var sample = 32
    /// Entries of a part, on the average, below which folders are not worth a request each.
    public var leastEntries = 100

    /// Makes limits for a remote that takes a fraction of a second for a page of up to 1,000 entries.
    public init() {}
}

/// Which folders of an account are listed side by side; pure.
///
/// A listing begins with what is in the mirrored folder itself; each folder in it is a part with all below it. A part
/// that goes on and on while there is nothing else to do is listed anew by its own folders. Where the folders hold so
/// little that asking for each takes longer than asking for all of them page by page, they become one part again.
struct ListingPlan {
    private let limits: ListingLimits
    private var waiting: Deque<ListingPart>
    private var running: [RemoteKey: ListingPart] = [:]
    /// Pages of the parts that are not complete.
    private var pages: [RemoteKey: Int] = [:]
    /// What the complete parts have brought, by the folder that they are in.
    private var yields: [RemoteKey: (parts: Int, entries: Int)] = [:]
    private var entries: [RemoteKey: Int] = [:]
    /// Parts that are not divided again.
    private var whole: Set<RemoteKey> = []
    /// Grows with each page that has come: the first one shows whether there is an account at all.
    private var width = 1

    /// A plan that goes on with `parts`.
    init(_ parts: [ListingPart], limits: ListingLimits) {
        self.limits = limits
        waiting = Deque(parts)
    }

    /// The next part to ask for a page; `nil` while nobody else is to be asked.
    mutating func next() -> ListingPart? {
        guard running.count < width, let part = waiting.popFirst() else { return nil }
        running[part.folder] = part
        return part
    }

    /// Whether the answer for a part is still of use.
    func isAwaited(_ part: ListingPart) -> Bool { running[part.folder] == part }

    /// Takes note of a page.
    ///
    /// - Parameters:
    ///   - part: what was asked for.
    ///   - count: the number of its entries.
    ///   - next: the cursor of the next page; `nil` if it was the last one.
    ///   - folders: those that become parts; `nil` if the page does not tell all of them.
    /// - Returns: a part that is begun anew, in place of all that was planned of its folder.
    mutating func didRead(
        _ part: ListingPart, entries count: Int, next: Cursor?, folders: [RemoteKey]?
    ) -> ListingPart? {
        running[part.folder] = nil
        width = min(width * 2, limits.width)
        guard let folders else { return unite(part.folder) }
        for folder in folders { waiting.append(ListingPart(folder, isRecursive: true)) }
        pages[part.folder, default: 0] += 1
        entries[part.folder, default: 0] += count
        guard let next else { return didComplete(part) }
        if isWorthDividing(part) { return restart(ListingPart(part.folder, isRecursive: false)) }
        waiting.prepend(ListingPart(part.folder, isRecursive: part.isRecursive, cursor: next))
        return nil
    }

    private func isWorthDividing(_ part: ListingPart) -> Bool {
        part.isRecursive && !whole.contains(part.folder) && waiting.isEmpty && running.count <= limits.width / 2
            && pages[part.folder, default: 0] >= limits.pages
    }

    private mutating func didComplete(_ part: ListingPart) -> ListingPart? {
        pages[part.folder] = nil
        let count = entries.removeValue(forKey: part.folder) ?? 0
        guard part.isRecursive, let parent = part.folder.parent else { return nil }
        var yield = yields[parent] ?? (0, 0)
        yield = (yield.parts + 1, yield.entries + count)
        yields[parent] = yield
        guard yield.parts >= limits.sample, yield.entries / yield.parts < limits.leastEntries else { return nil }
        let others = waiting.count { $0.folder.parent == parent && $0.cursor == nil }
        return others >= limits.sample ? unite(parent) : nil
    }

    private mutating func unite(_ folder: RemoteKey) -> ListingPart {
        whole.insert(folder)
        return restart(ListingPart(folder, isRecursive: true))
    }

    /// Replaces whatever is planned of a folder.
    private mutating func restart(_ part: ListingPart) -> ListingPart {
        func isReplaced(_ key: RemoteKey) -> Bool { key == part.folder || part.folder.contains(key) }
        waiting.removeAll { isReplaced($0.folder) }
        running = running.filter { !isReplaced($0.key) }
        pages = pages.filter { !isReplaced($0.key) }
        entries = entries.filter { !isReplaced($0.key) }
        waiting.append(part)
        return part
    }
}
