import MirrorFS
import Store
import SyncModel

/// Makes the folders of a plan, so that its files can be fetched.
struct PlanSettler: Sendable {
    let context: PassContext
    let publisher: Publisher

    /// A plan whose folders stand, as far as they could be made.
    struct Settled: Sendable {
        /// The last key of the window.
        var last: RemoteKey
        /// Items of the window that were not busy.
        var found: Int
        /// Files to fetch, in ascending order of keys.
        var placements: [Placement]
        /// What of them is known to need a download.
        var downloadOnly: Set<RemoteKey> = []
        /// What of them may stand at its target already and can be hashed in a batch.
        var standing: Set<RemoteKey> = []
        /// Folders that could not be made.
        var failedFolders: Set<RemoteKey> = []
    }

    /// Does what needs no fetch; files whose folders could not be made fail with them.
    func settle(_ plan: WindowReader.Plan, failedFolders: Set<RemoteKey>) async throws -> Settled {
        var settled = Settled(last: plan.last, found: plan.found, placements: plan.placements)
        if plan.others.isEmpty && plan.placements.isEmpty { return settled }
        context.board.update { $0.phase = .applying }
        for batch in plan.others.chunks(ofCount: context.settings.batch) {
            settled.failedFolders.formUnion(try await publisher.publish(batch.map { PreparedOperation($0) }))
        }
        let failed = failedFolders.union(settled.failedFolders)
        let (waiting, possible) = plan.placements.partitioned { $0.key.ancestors.contains(where: failed.contains) }
        if !waiting.isEmpty {
            try await publisher.commit(
                waiting.map { .failed($0.key, why: "waits for its folder, which could not be made", retry: nil) })
        }
        settled.placements = possible
        try await context.times.measure(.planning) { try await survey(&settled) }
        return settled
    }

    /// Looks what is on the disk of the files of a plan: small ones of which nothing is there need a download, others
    /// may stand already.
    private func survey(_ settled: inout Settled) async throws {
        let placements = settled.placements.filter(AdoptionQueue.takes)
        if placements.isEmpty { return }
        let small = placements.filter { $0.sources == [.download] && $0.version.size <= SmallBody.limit }
        let needed = small.reduce(context.settings.minFreeSpace) { $0.saturatingSum($1.version.size) }
        let (survey, isRoom) = try await context.reading.run { [mirror = context.mirror] in
            (try mirror.survey(placements), try mirror.freeSpace() > needed)
        }
        settled.standing = survey.standing
        // Where space is short it is asked for before each download.
        if isRoom { settled.downloadOnly = survey.absent.intersection(small.map(\.key)) }
    }
}
