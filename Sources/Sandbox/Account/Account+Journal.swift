internal import Synchronization

extension Account {
    /// What `files/list_folder` answers.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    public func list(_ options: ListOptions = ListOptions()) throws -> Page {
        let cursor = try change { state in try state.beginListing(options) }
        return try page(cursor)
    }

    /// What `files/list_folder/continue` answers.
    public func continueList(_ cursor: String) throws -> Page {
        try page(state.withLock { state in try state.checked(cursor) })
    }

    /// What `files/list_folder/get_latest_cursor` answers.
    ///
    /// - Throws: `AccountError`, as the service refuses it.
    public func latestCursor(_ options: ListOptions = ListOptions()) throws -> String {
        try state.withLock { state in
            let (folder, path) = try state.folder(options)
            return Cursor(
                epoch: state.epoch, listing: 0, position: state.journal.count, folder: folder, path: path,
                space: state.space, options: options
            ).text(salt: state.salt)
        }
    }

    /// Whether a call of continue would find something unread, in the whole account rather than in the watched folder.
    public func hasChanges(_ cursor: String) throws -> Bool {
        try state.withLock { state in try state.hasChanges(cursor) }
    }

    /// Waits until there is something unread; false when `limit` passes first.
    public func awaitChange(after cursor: String, for limit: Duration) async throws -> Bool {
        guard try !hasChanges(cursor) else { return true }
        let clock = ContinuousClock()
        let end = clock.now + limit
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.nextWake(unlessChangesFor: cursor) }
            group.addTask { try? await clock.sleep(until: end) }
            await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
        return try hasChanges(cursor)
    }

    private func nextWake(unlessChangesFor cursor: String) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let waiter = try? onChange(after: cursor) { continuation.finish() }
        guard let waiter else { return }
        for await _ in stream {}
        forget(waiter)
    }

    /// Calls `body` once when there is something unread, at once if that is so already.
    func onChange(after cursor: String, _ body: @escaping @Sendable () -> Void) throws -> UInt64 {
        let (waiter, isNow) = try state.withLock { state in
            let isNow = try state.hasChanges(cursor)
            state.nextWaiter += 1
            if !isNow { state.waiters[state.nextWaiter] = body }
            return (state.nextWaiter, isNow)
        }
        if isNow { body() }
        return waiter
    }

    func forget(_ waiter: UInt64) { state.withLock { state in state.waiters[waiter] = nil } }

    /// Makes all cursors that were handed out so far answer with `reset`.
    public func expireCursors() {
        var woken: [@Sendable () -> Void] = []
        state.withLock { state in
            state.epoch += 1
            state.listings = [:]
            woken = Array(state.waiters.values)
            state.waiters = [:]
        }
        for wake in woken { wake() }
    }

    private func page(_ cursor: Cursor) throws -> Page {
        try withHashes { state, missing in
            cursor.listing == 0 ? state.journalPage(cursor, &missing) : try state.listingPage(cursor, &missing)
        }
    }
}

extension AccountState {
    /// Nodes that all listings in memory may hold together, before the oldest is forgotten.
    private static let listingCapacity = 20_000_000

    func folder(_ options: ListOptions) throws(AccountError) -> (NodeIndex, String) {
        let node = try resolve(options.path)
        guard nodes[Int(node)].isFolder else { throw .lookup("not_folder") }
        return (node, Names.lower(truePath(node)))
    }

    mutating func beginListing(_ options: ListOptions) throws(AccountError) -> Cursor {
        let (folder, path) = try folder(options)
        var members: [NodeIndex]
        if options.isRecursive {
            members = subtree(folder, bottomUp: settings.childrenBeforeParents)
            let hidesTop = folder == base || !settings.listsWatchedFolder
            if hidesTop { members.removeAll { $0 == folder } }
        } else {
            members = children(folder)
        }
        var old: [String] = []
        if options.includesDeleted {
            let prefix = Names.lower(absolutePath(base))
            old = gone.filter { $0.key.text.utf8.starts(with: prefix.utf8) }
                .map { String(Substring($0.value.utf8.dropFirst(prefix.utf8.count))) }
                .filter { Self.covers(path, Names.lower($0), options.isRecursive) }.sorted()
        }
        let number = nextListing
        nextListing += 1
        listings[number] = Listing(nodes: members, gone: old, start: journal.count)
        while listings.count > 1, listings.values.reduce(0, { $0 + $1.count }) > Self.listingCapacity {
            listings[listings.keys.min() ?? 0] = nil
        }
        return Cursor(
            epoch: epoch, listing: number, position: 0, folder: folder, path: path, space: space,
            options: options)
    }

    /// The cursor that `text` spells, when it is still good.
    func checked(_ text: String) throws(AccountError) -> Cursor {
        let cursor = try Cursor(text, salt: salt)
        guard cursor.space == space, cursor.epoch == epoch, cursor.listing == 0 || listings[cursor.listing] != nil,
            cursor.listing != 0 || cursor.position <= journal.count, nodes.indices.contains(Int(cursor.folder))
        else { throw .reset }
        let isThere = cursor.path.isEmpty || find(cursor.path) == cursor.folder
        guard isThere || !settings.refusesLostFolders else { throw .lookup("not_found") }
        return cursor
    }

    mutating func hasChanges(_ text: String) throws(AccountError) -> Bool {
        // Who waits does not say from where it looks: the cursor knows.
        enter(try Cursor(text, salt: salt).space)
        let cursor: Cursor
        do { cursor = try checked(text) } catch .lookup { return true } catch { throw error }
        guard !cursor.options.includesMediaInfo else { throw .badCursor }
        return cursor.listing != 0 || cursor.position < journal.count
    }

    private func isEmptyTurn(_ cursor: Cursor) -> Bool {
        settings.emptyPageEvery > 0 && cursor.page % settings.emptyPageEvery == 0
    }

    func listingPage(_ cursor: Cursor, _ missing: inout [Int32]) throws(AccountError) -> Page {
        guard let listing = listings[cursor.listing] else { throw .reset }
        var next = cursor
        next.page += 1
        guard !isEmptyTurn(cursor) || cursor.position == listing.count else {
            return Page(entries: [], cursor: next.text(salt: salt), hasMore: true)
        }
        let limit = cursor.options.limit ?? settings.pageSize
        var entries: [Entry] = []
        while next.position < listing.count, entries.count < limit {
            if next.position < listing.nodes.count {
                let node = listing.nodes[next.position]
                if !nodes[Int(node)].isGone, isInside(node, cursor.folder) {
                    let entry = entry(node, &missing)
                    if isListed(entry, cursor.options) { entries.append(entry) }
                }
            } else {
                entries.append(.deleted(deletedMetadata(listing.gone[next.position - listing.nodes.count])))
            }
            next.position += 1
        }
        if next.position == listing.count {
            next.listing = 0
            next.position = listing.start
        }
        let hasMore = next.listing != 0 || next.position < journal.count
        return Page(entries: entries, cursor: next.text(salt: salt), hasMore: hasMore)
    }

    func journalPage(_ cursor: Cursor, _ missing: inout [Int32]) -> Page {
        var next = cursor
        next.page += 1
        guard cursor.position == journal.count || !isEmptyTurn(cursor) else {
            return Page(entries: [], cursor: next.text(salt: salt), hasMore: true)
        }
        let limit = cursor.options.limit ?? settings.pageSize
        var entries: [Entry] = []
        while next.position < journal.count, entries.count < limit {
            let event = journal[next.position]
            next.position += 1
            let sight = sights[event.sight] ?? .everywhere
            guard let path = sight.path(event.path, in: cursor.space),
                Self.covers(cursor.path, Names.lower(path), cursor.options.isRecursive)
            else { continue }
            let entry = entry(event, path, &missing)
            if isListed(entry, cursor.options) { entries.append(entry) }
        }
        return Page(entries: entries, cursor: next.text(salt: salt), hasMore: next.position < journal.count)
    }

    /// Whether a cursor on `folder` reports `path`.
    private static func covers(_ folder: String, _ path: String, _ isRecursive: Bool) -> Bool {
        guard path.utf8.starts(with: folder.utf8), path.utf8.count > folder.utf8.count else {
            return isRecursive && !folder.isEmpty && path.utf8.elementsEqual(folder.utf8)
        }
        let rest = path.utf8.dropFirst(folder.utf8.count)
        return rest.first == UInt8(ascii: "/") && (isRecursive || !rest.dropFirst().contains(UInt8(ascii: "/")))
    }

    private func isListed(_ entry: Entry, _ options: ListOptions) -> Bool {
        guard case .file(let file) = entry else { return true }
        return file.traits.isDownloadable || options.includesNonDownloadable
    }

    private func entry(_ event: Event, _ path: String, _ missing: inout [Int32]) -> Entry {
        guard event.node >= 0 else { return .deleted(deletedMetadata(path)) }
        let sharing = sharings[event.sharing]
        guard event.revision >= 0 else {
            var folder = folderMetadata(event.node, path: path)
            folder.sharing = sharing
            return .folder(folder)
        }
        var file = fileMetadata(event.revision, path: path, &missing)
        file.sharing = sharing
        return .file(file)
    }
}
