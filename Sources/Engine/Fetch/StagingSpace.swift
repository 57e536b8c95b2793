import MirrorFS
import Store
import SyncModel

/// The room that parts of downloads take in the staging folder, when the disk has none left.
struct StagingSpace: Sendable {
    let context: PassContext

    /// When a file that is too large for the disk is tried again.
    static let retry = Duration.seconds(300)
    /// So many bytes beyond the reserve are room for other files.
    private static let roomForOthers: Int64 = 4 << 20

    /// Removes parts of downloads that nobody waits for any more.
    func tidy() async throws {
        let staged = try await context.disk.run { [mirror = context.mirror] in try mirror.stagedRevisions() }
        guard !staged.isEmpty else { return }
        let wanted = try await context.store.pendingRevisions(among: staged)
        try await context.disk.run { [mirror = context.mirror] in try mirror.sweepStaging(keeping: wanted) }
    }

    /// Makes room for one file of so many bytes: parts that nobody waits for go first, then those of other files, the
    /// smallest ones first.
    ///
    /// Nothing else may be under way.
    ///
    /// - Returns: whether the file fits.
    func make(for placement: Placement, _ bytes: Int64) async throws -> Bool {
        try await tidy()
        let reserve = context.settings.minFreeSpace
        let trash = Trash(context)
        try await trash.purgeDisplaced()
        // More of a file of unknown size may come than has: in steps that grow it fits after a few tries.
        let wanted = placement.isOfUnknownSize ? bytes.saturatingSum(bytes) : bytes
        if try await trash.makeRoom(for: wanted) { return true }
        return try await context.disk.run { [mirror = context.mirror] in
            try mirror.makeRoom(for: bytes, of: placement.version.rev, at: placement.key, reserve: reserve)
        }
    }

    /// Whether small files still find room.
    func isRoomForOthers() async throws -> Bool {
        let free = try await context.disk.run { [mirror = context.mirror] in try mirror.freeSpace() }
        return free - context.settings.minFreeSpace > Self.roomForOthers
    }
}
