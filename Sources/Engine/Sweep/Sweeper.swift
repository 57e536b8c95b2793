import Logging
import MirrorFS
import Store
import SyncModel

/// Compares what stands in the mirror with have, by stat alone, folder by folder.
///
/// What is gone is forgotten and what was touched is marked unproven, which makes both pending: the planner and the
/// applier put it right like everything else, and `local_changes` decides about what stands in the way. May run beside
/// a pass: a difference counts only if it is still there while nothing is being published.
struct Sweeper: Sendable {
    let store: StateStore
    let mirror: MirrorTree
    let disk: DiskPool
    let settings: EngineSettings
    /// Whether the account is known, so that what is not from there can be told.
    let seeksStrangers: Bool
    let gate: AsyncMutex
    /// What watches the folders that are looked into.
    let watch: WatchedFolders
    let board: StatusBoard
    let events: EventLog
    let now: @Sendable () -> Timestamp

    /// Entries compared in one go.
    private static let window = 4096
    /// Entries that are decided about while nothing else is published.
    private static let part = 64

    /// What a comparison has found.
    struct Found: Sendable {
        /// Entries looked at.
        var entries = 0
        /// Keys that became pending.
        var drifted = 0
        /// Folders that were never looked into, or that others have taken the place of, if one folder was looked at.
        var unknown: [RemoteKey] = []
    }

    /// Looks at everything, and notes that it was.
    func sweep(now: Timestamp) async throws -> Found {
        watch.beginLookingAtAll()
        defer { board.update { $0.watch = watch.summary } }
        var found = Found()
        var open: OpenFolder?
        var position: SweepPosition? = .start
        while let here = position {
            try Task.checkCancellation()
            let (pages, next) = try await store.folderPages(from: here, limit: Self.window)
            open = try await look(at: pages, open, &found)
            position = next
            board.swept(found.entries)
        }
        try await store.markSwept(asOf: now)
        return found
    }

    /// Looks at one folder.
    func look(at folder: RemoteKey) async throws -> Found {
        var found = Found()
        var open: OpenFolder?
        var start: String?
        repeat {
            guard let (page, next) = try await store.folderPage(of: folder, from: start, limit: Self.window) else {
                try await store.note([FolderFinding(folder: folder)])
                break
            }
            open = try await look(at: [page], open, &found)
            found.unknown += page.entries.filter { $0.isFolder && !watch.isKnown($0.key, inode: $0.print.inode) }.map(
                \.key)
            start = next
        } while start != nil
        return found
    }

    // MARK: Folders

    /// A folder of which not every page was compared yet.
    private struct OpenFolder: Sendable {
        let path: MirrorPath
        var look: FolderLook?
        var known = 0
        var finding: FolderFinding
    }

    private struct Looked: Sendable {
        var drift: [KnownEntry] = []
        var done: [OpenFolder] = []
        var open: OpenFolder?
    }

    private func look(at pages: [FolderPage], _ open: OpenFolder?, _ found: inout Found) async throws -> OpenFolder? {
        let looked = try await disk.run { [self] in try compare(pages, open) }
        var findings: [FolderFinding] = []
        for folder in looked.done { findings.append(try await withStrangers(folder)) }
        found.entries += pages.reduce(0) { $0 + $1.entries.count }
        let drift = try await recordDrift(looked.drift)
        found.drifted += drift.count
        found.unknown += drift.otherFolders
        try await store.note(findings)
        return looked.open
    }

    /// Compares pages in order; on a thread of the disk.
    private func compare(_ pages: [FolderPage], _ open: OpenFolder?) throws -> Looked {
        var looked = Looked(open: open)
        for page in pages {
            var folder: OpenFolder
            if !page.isFirst, let open = looked.open { folder = open } else { folder = try enter(page) }
            let entries = settings.selection.isEverything ? page.entries : page.entries.filter(isOurs)
            if let comparison = folder.look?.compare(entries) {
                looked.drift += comparison.drift
                folder.known += comparison.known
                folder.finding.unproven += comparison.unproven.map { .init(name: $0.name.text, reason: $0.reason) }
            }
            looked.open = page.isLast ? nil : folder
            if page.isLast { looked.done.append(folder) }
        }
        return looked
    }

    /// A folder that is not there is reported by the comparison of its parent; one that cannot be read is unproven.
    private func enter(_ page: FolderPage) throws -> OpenFolder {
        var folder = OpenFolder(path: page.path, finding: FolderFinding(folder: page.folder))
        if settings.isInOutbox(page.path) { return folder }
        do {
            folder.look = try mirror.look(into: page.path, watching: watch.watcher)
            if let look = folder.look, let number = look.watch {
                watch.note(page.folder, inode: look.inode, watch: number)
            }
        } catch {
            guard error.isAboutOnePath else { throw error }
            folder.finding.unproven = [.init(name: "", reason: error.description)]
        }
        return folder
    }

    private func isOurs(_ entry: KnownEntry) -> Bool {
        settings.selection.match(of: entry.key, isFolder: entry.isFolder, size: entry.isFolder ? nil : entry.print.size)
            != .outside
    }

    // MARK: Drift

    /// Looks once more at what differs, with what have says by now, and records it.
    ///
    /// - Returns: how many keys became pending, and where another folder stands: nothing is known of what is in it.
    private func recordDrift(_ entries: [KnownEntry]) async throws -> (count: Int, otherFolders: [RemoteKey]) {
        var (count, others): (Int, [RemoteKey]) = (0, [])
        for part in entries.chunks(ofCount: Self.part) {
            let drift = try await gate.withLock { try await recordDriftNow(part) }
            count += drift.count
            others += drift.otherFolders
        }
        return (count, others)
    }

    /// Looks again and records what it finds; nothing is published meanwhile.
    private func recordDriftNow(
        _ known: ArraySlice<KnownEntry>
    ) async throws -> (count: Int, otherFolders: [RemoteKey]) {
        var entries: [LocalEntry] = []
        for row in known {
            if let entry = try await store.entry(of: row.key), !settings.isInOutbox(entry.path) {
                entries.append(entry)
            }
        }
        let seen = entries
        let looks = try await disk.run { try seen.map(lookAgain) }
        var gone: [RemoteKey] = []
        var touched: [RemoteKey] = []
        var renewed: [Outcome] = []
        var others: [RemoteKey] = []
        for (entry, look) in zip(entries, looks) {
            switch look {
            case .nothing: break
            case .newFolder(let inode):
                renewed.append(.have(entry.key, .folder(name: entry.node.name, inode: inode)))
                others.append(entry.key)
            case .newLink(let node): renewed.append(.have(entry.key, node))
            case .drift(let drift):
                switch drift {
                case .missing, .kind: gone.append(entry.key)
                case .changed, .replaced:
                    if entry.node.isUnproven { continue }
                    touched.append(entry.key)
                }
                log(entry, drift)
            }
        }
        try await store.forget(gone)
        try await store.markUnproven(touched)
        try await store.commit(renewed, now: .epoch, jitter: { 0 })
        return (gone.count + touched.count, others)
    }

    /// What a second look has found.
    private enum SecondLook: Sendable {
        case nothing
        case drift(Drift)
        /// Another folder of that name, which does as well: what is in it is compared for itself.
        case newFolder(inode: UInt64)
        /// Another link of that name with the same target, which does as well.
        case newLink(LocalNode)
    }

    /// What cannot be looked at is no drift: the comparison of its parent reports it.
    private func lookAgain(at entry: LocalEntry) throws -> SecondLook {
        do {
            guard let drift = try mirror.drift(of: entry) else { return .nothing }
            guard drift == .replaced else { return .drift(drift) }
            switch (entry.node, try mirror.observe(entry.path)) {
            case (_, .folder(let inode)): return .newFolder(inode: inode)
            case (.link(let name, let version, _), .link(let inode, let target)) where target == version.hash:
                return .newLink(.link(name: name, version, inode: inode))
            default: return .drift(drift)
            }
        } catch {
            if error.isAboutOnePath { return .nothing }
            throw error
        }
    }

    private func log(_ entry: LocalEntry, _ drift: Drift) {
        events.count { $0.drifted += 1 }
        events.changed("drift", "\(entry.path.remoteText): \(drift)", path: entry.path)
    }

    // MARK: Strangers

    /// Adds what stands in a folder and is nobody's business; sets it aside if that is wanted.
    private func withStrangers(_ folder: OpenFolder) async throws -> FolderFinding {
        var finding = folder.finding
        guard seeksStrangers, let look = folder.look, look.mayHoldMore(than: folder.known) else { return finding }
        let ours = try await namesOfOurs(in: finding.folder)
        var strangers = try await disk.run { try look.names(besides: ours) }.filter { isStranger($0, in: folder) }
        if settings.strangers == .aside { strangers = try await setAside(strangers, in: folder) }
        finding.strangers = strangers.count
        finding.names = Array(strangers.map(\.text).sorted().prefix(FolderFinding.mostNames))
        return finding
    }

    /// What the selection leaves alone is none of anybody's business, and neither is an outbox.
    private func isStranger(_ name: FileName, in folder: OpenFolder) -> Bool {
        guard let path = try? folder.path.appending(name) else { return false }
        if settings.isInOutbox(path) { return false }
        if settings.selection.isEverything { return true }
        // Dropbox has no key for it: in lower case its patterns say the same.
        let key = RemoteKey("\(folder.finding.folder.text)/\(name.text.lowercased())")
        return ![true, false].contains { settings.selection.match(of: key, isFolder: $0) == .outside }
    }

    /// What stands there, and what is to stand there.
    private func namesOfOurs(in folder: RemoteKey) async throws -> [NameSet] {
        [try await store.names(in: folder), try await store.wantedNames(in: folder)]
    }

    /// - Returns: those that stay.
    private func setAside(_ names: [FileName], in folder: OpenFolder) async throws -> [FileName] {
        var staying: [FileName] = []
        for part in names.chunks(ofCount: Self.part) {
            staying += try await gate.withLock {
                let ours = try await namesOfOurs(in: folder.finding.folder)  // one may be ours by now
                return try await setAsideNow(part.filter { name in !ours.contains { $0.contains(name) } }, folder.path)
            }
        }
        return staying
    }

    private func setAsideNow(_ names: [FileName], _ folder: MirrorPath) async throws -> [FileName] {
        var staying: [FileName] = []
        for name in names {
            guard let path = try? folder.appending(name) else { continue }
            do {
                let place = try await disk.run { [mirror] in try mirror.setAside(path) }
                try await store.recordSetAside(path, at: place, in: mirror, disk, now: now())
                events.count { $0.setAside += 1 }
                events.setAside(path.remoteText, to: place)
            } catch let error as MirrorError where error.isAboutOnePath {
                events.notePath(
                    .warning, "\(path.remoteText): not from Dropbox, and cannot be set aside: \(error)",
                    path: path.remoteText, event: "not_set_aside")
                staying.append(name)
            }
        }
        return staying
    }
}

extension EngineSettings {
    /// Whether a path belongs to an outbox in the mirror.
    func isInOutbox(_ path: MirrorPath) -> Bool {
        guard let outbox, path.components.count >= outbox.components.count else { return false }
        return path.components.prefix(outbox.components.count).elementsEqual(outbox.components)
    }
}
