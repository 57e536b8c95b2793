import Store
import SyncModel

/// Reads and records the parts of a listing, several at a time (`ListingPlan`).
struct PartedListing: Sendable {
    let reader: ChangeFeedReader

    /// What has come for a part; no tuple: out of a task group, Swift 6.3 reads another one's memory for it if optimised.
    private struct Answer: Sendable {
        var part: ListingPart
        var page: Result<ChangePage?, any Error>
    }

    /// Reads until no part is left.
    ///
    /// - Throws: what the remote or the store throws; what is complete by then stays so.
    func run() async throws {
        var plan = ListingPlan(try await reader.store.listingParts(), limits: reader.limits)
        var emptyInARow = 0
        try await withThrowingTaskGroup(of: Answer.self) { group in
            while true {
                ask(&plan, &group)
                guard let answer = try await group.next() else { return }
                let part = answer.part
                guard plan.isAwaited(part) else { continue }
                let page = try answer.page.get()
                let next = page.flatMap { $0.hasMore ? $0.cursor : nil }
                emptyInARow = next != nil && page?.changes.isEmpty == true ? emptyInARow + 1 : 0
                try reader.refuseEndless(emptyInARow)
                let folders = page.map { Self.folders(in: $0, of: part) } ?? []
                let restarted = plan.didRead(part, entries: page?.entries ?? 0, next: next, folders: folders)
                ask(&plan, &group)  // while this page is recorded
                try await reader.record(page, of: part, next: next, opening: folders ?? [], restarting: restarted)
            }
        }
    }

    private func ask(_ plan: inout ListingPlan, _ group: inout ThrowingTaskGroup<Answer, any Error>) {
        while let part = plan.next() {
            group.addTask { [remote = reader.remote] in
                do {
                    return Answer(part: part, page: .success(try await remote.list(part)))
                } catch {
                    return Answer(part: part, page: .failure(error))
                }
            }
        }
    }

    /// The folders on a page that become parts; `nil` if it holds something that nobody can read, which may be one, or
    /// something that lies elsewhere: parts that open each other would never end.
    static func folders(in page: ChangePage, of part: ListingPart) -> [RemoteKey]? {
        if part.isRecursive { return [] }
        if page.unreadable > 0 { return nil }
        var folders: [RemoteKey] = []
        for case .put(let key, .folder, _) in page.changes where key != part.folder {
            guard key.parent == part.folder else { return nil }
            folders.append(key)
        }
        return folders
    }
}
