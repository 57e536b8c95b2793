import Logging
import MirrorFS
import Store
import SyncModel

/// What left the mirror and is kept: for how long, and how much of it.
///
/// Free space wins always: what is kept goes before a download waits for space.
struct Trash: Sendable {
    let store: StateStore
    let mirror: MirrorTree
    let disk: DiskPool
    let settings: TrashSettings
    let minFreeSpace: Int64
    let pass: Int
    let events: EventLog
    let now: @Sendable () -> Timestamp

    init(_ context: PassContext) {
        (store, mirror, disk) = (context.store, context.mirror, context.disk)
        (settings, minFreeSpace, pass) = (context.settings.trash, context.settings.minFreeSpace, context.pass)
        (events, now) = (context.events, context.environment.now)
    }

    /// Rows that are read at a time.
    private static let window = 1000

    /// The folder for what leaves the mirror now, below `.dbxsync`; `nil` if nothing is kept.
    var folder: String? { settings.keep == nil ? nil : MirrorTree.trashFolder(at: now()) }

    /// Removes what was kept long enough, and the oldest of what is too much or stands in the way of free space.
    ///
    /// Where nothing is to be kept, what is kept already stays as it is.
    ///
    /// - Parameter mayHaveGrown: whether there may be too much; to find out all of its rows are read.
    func tidy(mayHaveGrown: Bool = true) async throws {
        guard settings.keep != nil, let oldest = try await store.trash(limit: 1).first else { return }
        if isOld(oldest) { try await removeOld() }
        if mayHaveGrown { try await keepWithinLimit() }
        _ = try await makeRoom(for: 0)
    }

    private func keepWithinLimit() async throws {
        let limit = try await self.limit()
        let excess = try await store.trashExtent().bytes - limit
        if excess > 0 { try await removeOldest(excess, because: "trash.size allows \(limit) bytes") }
    }

    /// Removes the oldest until `bytes` are free beside `mirror.min_free_space`, or nothing is left.
    ///
    /// - Returns: whether there is room.
    func makeRoom(for bytes: Int64) async throws -> Bool {
        let needed = minFreeSpace.saturatingSum(bytes)
        while true {
            let (free, hasInodes) = try await disk.run { [mirror] in
                (try mirror.freeSpace(), try mirror.hasFreeInodes())
            }
            if free >= needed && hasInodes { return true }
            if settings.keep == nil { return false }
            let removed = try await removeOldest(
                max(1, needed - free),
                because: hasInodes
                    ? "the disk has less free than mirror.min_free_space" : "the disk can hold no more files")
            if removed == 0 { return false }
        }
    }

    /// Has displaced files that were not reused kept or removed, except those with one of some contents.
    ///
    /// As long as it is not known how an effect has ended, what was displaced may have nobody else who knows of it.
    func purgeDisplaced(keeping wanted: Set<ContentHash> = []) async throws {
        guard try await disk.run({ [mirror] in try mirror.holdsDisplaced() }), try await store.intents().isEmpty
        else { return }
        var contents = wanted
        for row in try await store.displaced() where row.item.version.map({ contents.contains($0.hash) }) != true {
            let place = try await keepDisplaced(row.item)
            if place == row.item.place, let hash = row.item.version?.hash { contents.insert(hash) }
            if place != row.item.place { try await store.moveTrash(row.id, to: place) }
        }
        let kept = contents
        try await disk.run { [mirror] in try mirror.purgeDisplaced(keeping: kept) }
    }

    private func keepDisplaced(_ item: KeptItem) async throws -> String? {
        guard let folder else { return nil }
        return try await disk.run { [mirror] in try mirror.keepDisplaced(item, in: folder) }
    }

    /// Takes over what is kept on the disk and the state knows nothing of: after a crash, or after the state was lost.
    ///
    /// It is kept as long as what came there now: how old it is no time of a file tells.
    ///
    /// - Parameter intents: what a crash has left.
    func adoptUnknown(after intents: [Intent]) async throws {
        var tops = Set(intents.compactMap { $0.place?.split(separator: "/").prefix(3).joined(separator: "/") })
        if try await store.trash(limit: 1).isEmpty { tops = ["trash"] }
        if tops.isEmpty { return }
        for top in tops.union(["aside"]) {
            let known = try await store.trashPlaces(below: top)
            let found = try await disk.run { [mirror] in try mirror.unknownKept(in: top, besides: known) }
            let oldestFirst = found.sorted { $0.at < $1.at }.map(\.item)
            try await store.record(EffectRecord(pass: pass, kept: oldestFirst), now: now())
        }
    }

    // MARK: Removing

    private func limit() async throws -> Int64 {
        switch settings.limit {
        case .bytes(let bytes): return bytes
        case .share(let percent):
            let size = try await disk.run { [mirror] in try mirror.fileSystemSize() }
            return Int64(Double(size) * min(max(percent, 0), 100) / 100)
        }
    }

    /// What came there when the clock was ahead counts as old as what came after it.
    private func removeOld() async throws {
        while true {
            let old = try await store.trash(limit: Self.window).prefix(while: isOld)
            try await remove(Array(old))
            if old.count < Self.window { return }
        }
    }

    private func isOld(_ row: TrashRow) -> Bool {
        settings.keep.map { now().seconds(since: row.at) >= $0.components.seconds } ?? false
    }

    /// Removes the oldest until so many bytes are gone.
    ///
    /// - Returns: how many bytes are.
    @discardableResult
    private func removeOldest(_ bytes: Int64, because reason: String) async throws -> Int64 {
        var (removed, count): (Int64, Int) = (0, 0)
        while removed < bytes {
            let rows = try await store.trash(limit: Self.window)
            if rows.isEmpty { break }
            var going: [TrashRow] = []
            for row in rows where removed < bytes {
                going.append(row)
                removed = removed.saturatingSum(max(row.item.size, 1))
            }
            try await remove(going)
            count += going.count
        }
        if count > 0 {
            events.note(
                .notice, "trash: \(count) of the oldest, \(removed) bytes, are removed for good: \(reason)",
                event: "trash_shortened")
        }
        return removed
    }

    /// What the disk refuses to remove is forgotten only when it is gone.
    private func remove(_ rows: [TrashRow]) async throws {
        if rows.isEmpty { return }
        try await disk.run { [mirror] in for row in rows { try mirror.purge(row.item.place) } }
        try await store.forgetTrash(rows.map(\.id))
    }
}

extension StateStore {
    /// Records something that was set aside beside the passes.
    func recordSetAside(
        _ path: MirrorPath, at place: String, in mirror: MirrorTree, _ disk: DiskPool, now: Timestamp
    ) async throws {
        let item = try await disk.run { mirror.setAsideItem(path, at: place) }
        let change = MirrorChange(.setAside, path: path.remoteText, size: item.size, reason: "it is now \(place)")
        try await record(EffectRecord(changes: [change], kept: [item]), now: now)
    }
}
