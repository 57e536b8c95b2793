import Concurrency
import Logging
import SyncModel
import Store

/// Brings the want up to date: pages of changes are recorded until there are no more.
struct ChangeFeedReader: Sendable {
    let remote: any RemoteSource
    let store: StateStore
    let now: @Sendable () -> Timestamp
    let board: StatusBoard
    let events: EventLog
    /// Notified whenever a page is recorded.
    var pageRecorded = AsyncSignal()
    /// The keys that have changed; a first listing adds none.
    let changedKeys = ChangedKeysCollector()
    /// Whether to list anew when the cursor is no longer valid, rather than say so.
    var mayReset = true
    /// How a listing is divided into parts.
    var limits = ListingLimits()
    /// Learns whether there were changes; `nil` without longpolls.
    var longpollBackoff: LongpollBackoff?

    /// Pages in a row that bring nothing and announce more, after which the server is taken to be confused.
    private static let emptyPagesAllowed = 1000

    /// Resets in one go after which the server is taken to be confused.
    private static let resetsAllowed = 3

    /// What the remote has sent, and when it was asked for that.
    private typealias Answer = Result<(page: ChangePage, asked: Timestamp), any Error>

    /// Reads and records pages until the remote has no more.
    ///
    /// The next page is on its way while one is recorded. A listing that turns out to be long goes on in parts.
    ///
    /// - Returns: the time before the last page was asked for: the want is complete as of then.
    func run() async throws -> Timestamp {
        let progress = try await store.progress()
        var answer = await resume(progress)
        var (pages, mayDivide) = (0, progress.cursor == nil)
        var resets = 0
        var emptyInARow = 0
        var foundAny = false
        while true {
            try Task.checkCancellation()
            let (page, asked): (ChangePage, Timestamp)
            do {
                (page, asked) = try answer.get()
            } catch  where mayReset && disposition(of: error) == .cursorReset {
                resets += 1
                guard resets < Self.resetsAllowed else {
                    throw EngineError(.abortPass, "Dropbox refuses every cursor, its own newest one included: \(error)")
                }
                try await reset(because: error)
                answer = await ask(since: nil)
                mayDivide = false
                continue
            }
            pages += 1
            if mayDivide, page.hasMore, pages == limits.pages, let divided = await divide(page) {
                answer = divided
                continue
            }
            async let next = page.hasMore ? ask(since: page.cursor) : nil
            let recorded = try await record(page)
            if progress.everListed { changedKeys.add(recorded, of: page) }
            foundAny = foundAny || page.entries > 0
            guard let following = await next else {
                if recorded.lacksParts {
                    answer = .failure(EngineError(.cursorReset, "folders were not found that no change tells of"))
                    continue
                }
                longpollBackoff?.changesRead(foundAny: foundAny)
                return asked
            }
            emptyInARow = page.changes.isEmpty ? emptyInARow + 1 : 0
            try refuseEndless(emptyInARow)
            answer = following
        }
    }

    /// Refuses to go on after too many empty pages in a row.
    func refuseEndless(_ emptyInARow: Int) throws {
        guard emptyInARow >= Self.emptyPagesAllowed else { return }
        throw EngineError(.abortPass, "Dropbox announces more changes and sends none, \(emptyInARow) pages long")
    }

    // MARK: Parts

    /// The first page of this run, once all parts of a listing that was interrupted are there.
    private func resume(_ progress: Progress) async -> Answer {
        guard progress.isListing, let cursor = progress.cursor else { return await ask(since: progress.cursor) }
        return await readParts(thenSince: cursor)
    }

    /// Goes on with a listing in parts; `nil` if that is not possible.
    ///
    /// The page that it has come to is recorded, so that files begin to arrive, and listed again in its part: what has
    /// changed before the new cursor nobody tells.
    private func divide(_ page: ChangePage) async -> Answer? {
        do {
            guard let cursor = try await remote.latestCursor() else { return nil }
            _ = try await record(page)
            try await store.beginListingInParts(from: cursor)
            return await readParts(thenSince: cursor)
        } catch  where disposition(of: error) == .skipItem {
            return nil
        } catch {
            return .failure(error)
        }
    }

    private func readParts(thenSince cursor: Cursor) async -> Answer {
        do {
            try await PartedListing(reader: self).run()
        } catch  where [.skipItem, .parked].contains(disposition(of: error)) {
            let why = "a folder cannot be listed by itself: \(error)"
            return .failure(EngineError(.cursorReset, why))
        } catch {
            return .failure(error)
        }
        return await ask(since: cursor)
    }

    /// Records a page of a part; nothing if its folder was not found, of which the changes have to tell.
    func record(
        _ answer: ChangePage?, of part: ListingPart, next: Cursor?, opening folders: [RemoteKey],
        restarting restarted: ListingPart?
    ) async throws {
        let page = answer ?? ChangePage(changes: [], cursor: Cursor(""), hasMore: false)
        log(page)
        let recorded = try await events.times.measure(.recording) {
            try await store.record(
                PageFold.edits(for: page.changes), unread: page.unread, shared: page.shared, of: part, next: next,
                isGone: answer == nil, opening: folders, restarting: restarted, now: now())
        }
        tell(recorded, page, isListing: true)
    }

    private func ask(since cursor: Cursor?) async -> Answer {
        let asked = now()
        do {
            return .success((try await remote.changes(since: cursor), asked))
        } catch {
            return .failure(error)
        }
    }

    private func reset(because error: any Error) async throws {
        events.count { $0.resets += 1 }
        events.note(
            .notice, "the whole account is listed anew and compared: \(error)",
            event: "reset")
        try await store.beginRelist()
    }

    private func record(_ page: ChangePage) async throws -> Recorded {
        if page.rootChange == .gone {
            throw EngineError(
                .sourceGone,
                "Dropbox reports that the mirrored folder itself was removed or replaced; nothing is removed from the "
                    + "mirror; check mirror.remote_root")
        }
        log(page)
        let recorded = try await events.times.measure(.recording) {
            try await store.record(
                PageFold.edits(for: page.changes), unread: page.unread, shared: page.shared, cursor: page.cursor,
                isLast: !page.hasMore, now: now())
        }
        tell(recorded, page, isListing: page.hasMore)
        return recorded
    }

    private func tell(_ recorded: Recorded, _ page: ChangePage, isListing: Bool) {
        pageRecorded.notify()
        events.count { $0.listed += page.entries }
        board.update { status in
            if case .waiting = status.phase { status.phase = .listing }
            status.listed += page.entries
            status.filesTotal += recorded.files
            status.bytesTotal = status.bytesTotal.saturatingSum(recorded.bytes)
            status.isListing = isListing
        }
    }
}

extension ChangeFeedReader {
    /// Entries that nobody can read may come by the thousand; `status` lists them.
    private static let linesPerPage = 10

    private func log(_ page: ChangePage) {
        for entry in page.skipped { events.note(.warning, "passed over: \(entry)", event: "passed_over") }
        let unread = page.unread
        for entry in unread.prefix(Self.linesPerPage) {
            events.note(
                .warning, "an entry of the account cannot be read: \(entry.what): \(entry.reason)", event: "unread")
        }
        let more = unread.count - Self.linesPerPage
        if more > 0 { events.note(.warning, "\(more) more entries of the account cannot be read", event: "unread") }
    }

    /// The reader of a pass.
    init(_ context: PassContext, pageRecorded: AsyncSignal = AsyncSignal(), mayReset: Bool = true) {
        self.init(
            remote: context.remote, store: context.store, now: context.environment.now, board: context.board,
            events: context.events, pageRecorded: pageRecorded, mayReset: mayReset, limits: context.settings.listing,
            longpollBackoff: context.wakeup.longpollBackoff)
    }
}
