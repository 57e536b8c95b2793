import Concurrency
import FileEvents
import FileSystem
import Glibc
import Logging
import Store
import SyncModel

/// Sees what stands in the watched folder, and tells the state file when it has settled.
///
/// Events and scans only say where to look. What counts is what stands there after it was left alone for a while.
struct FolderWatcher: Sendable {
    /// Time between scans while not everything can be watched.
    private static let shortRescan = Duration.seconds(30)
    /// Paths in one transaction.
    private static let batch = 500

    private let outbox: OutboxService
    private var inotify: Inotify?
    private var rules: OutboxRules
    private var watched = WatchedPaths()
    private var settling: SettlingPaths
    private var nextScan = ContinuousClock.now
    private var rootInode: UInt64 = 0
    /// Whether some folder is not watched, so that scans come more often.
    private var isBlind = false
    private var problems: [OutboxPath: String] = [:]

    init(_ outbox: OutboxService) {
        self.outbox = outbox
        rules = OutboxRules(outbox.settings)
        settling = SettlingPaths(settleTime: outbox.settings.settle)
    }

    private var now: ContinuousClock.Instant { .now }

    /// Settles what a crash has left, and looks at everything for the first time.
    mutating func begin() async throws {
        if outbox.listens {
            do {
                inotify = try Inotify { [watchEvents = outbox.watchEvents] in watchEvents.add($0.map(WatchEvent.event))
                }
            } catch {
                let problem = DiskProblem("cannot be watched", error.number)
                outbox.logger.warning(
                    "\(outbox.settings.directory): \(problem); it is looked through every 30 s instead")
            }
        }
        try await scan(isFirst: true)
    }

    /// Looks wherever something may have happened, until the task is cancelled.
    mutating func run() async throws {
        while !Task.isCancelled {
            await outbox.watchEvents.signal.wait(until: min(nextScan, settling.nextLook ?? nextScan))
            do {
                for event in outbox.watchEvents.take() { try await handle(event) }
                if let look = settling.nextLook, look <= now { try await settle() }
                if nextScan <= now { try await scan(isFirst: false) }
            } catch  where !Task.isCancelled && OutboxErrorAction(error) != .end {
                // What was not seen to is found by the scan.
                outbox.logger.warning("the outbox could not be looked through, and will be again in 30 s: \(error)")
                nextScan = now + Self.shortRescan
            }
        }
    }

    // MARK: Events

    private mutating func handle(_ event: WatchEvent) async throws {
        switch event {
        case .event(.overflow):
            outbox.logger.info(
                "more has happened in the outbox than the kernel could report: all of it is looked through")
            nextScan = now
        case .event(.unwatched(let watch)):
            if let path = watched.remove(watch), path.text.isEmpty { nextScan = now }
        case .look(let path): if let disk = try? open() { touch(path, in: disk) }
        case .event(.touched(let watch, let bytes, let isFolder)):
            guard let folder = watched[watch] else { return }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                nextScan = min(nextScan, now + outbox.settings.settle)
                return
            }
            let path = folder.appending(name)
            if rules.ignores(path, isFolder: isFolder) { return }
            guard let disk = try? open() else { return }
            if isFolder {
                try await changed(path, disk)
            } else {
                touch(path, in: disk)
            }
        }
    }

    private func open() throws(DiskProblem) -> WatchedFolder { try WatchedFolder(outbox.settings.directory) }

    /// Drops the folder's watches, queues every recorded file below it, and walks it if it stands.
    private mutating func changed(_ folder: OutboxPath, _ disk: WatchedFolder) async throws {
        for watch in watched.remove(below: folder) { inotify?.unwatch(watch) }
        var last: OutboxPath?
        while true {
            let rows = try await outbox.store.presentInOutbox(below: folder, after: last, limit: Self.batch)
            for row in rows { touch(row.path, in: disk) }
            guard rows.count == Self.batch else { break }
            last = rows.last?.path
        }
        if disk.isFolder(folder) { try await walk(folder, disk, isFirst: false) }
    }

    private mutating func touch(_ path: OutboxPath, in disk: WatchedFolder) { touch(path, disk.state(path)) }

    private mutating func touch(_ path: OutboxPath, _ state: FileState?) { settling.touch(path, state, at: now) }

    // MARK: Settling

    /// Looks at what was left alone for long enough: what is as it was then has settled.
    private mutating func settle() async throws {
        guard let disk = try? open() else {
            settling.removeAll()
            nextScan = now
            return
        }
        let settled = settling.settle(at: now) { disk.state($0) }
        for part in settled.keys.sorted().chunks(ofCount: Self.batch) {
            try await outbox.note(Array(part)) { .settled(settled[$0] ?? nil) }
        }
    }

    // MARK: Scanning

    private mutating func scan(isFirst: Bool) async throws {
        problems = [:]
        isBlind = inotify == nil
        do {
            let disk = try open()
            let inode = Self.inode(disk.root)
            if inode != rootInode { forgetWatches() }
            rootInode = inode
            try await walk(.root, disk, isFirst: isFirst)
            try await findGone(disk)
        } catch let error as DiskProblem {
            problems[.root] = "the folder \(error.reason)"
            isBlind = true
        }
        for path in try await outbox.store.noteOutboxProblems(problems) {
            outbox.logger.log(
                level: outbox.lines.level("parked"),
                "\(outbox.settings.directory)/\(path.text): not uploaded: \(problems[path] ?? "")",
                metadata: ["event": "parked", "path": "\(path.text)"])
        }
        let more = outbox.lines.renew()
        if more.troubles > 0 {
            outbox.logger.warning(
                "not uploaded: \(more.troubles) more files of the outbox; `dbxsync status` lists them",
                metadata: ["event": "failed", "withheld": "\(more.troubles)"])
        }
        if more.uploads > 0 {
            outbox.logger.info(
                "uploaded: \(more.uploads) more files of the outbox",
                metadata: ["event": "uploaded", "withheld": "\(more.uploads)"])
        }
        let pause = outbox.settings.rescan
        nextScan = now + (isBlind ? min(pause, Self.shortRescan) : pause)
    }

    private static func inode(_ handle: Descriptor) -> UInt64 {
        var status = stat()
        return fstat(handle.number, &status) == 0 ? UInt64(status.st_ino) : 0
    }

    private mutating func forgetWatches() {
        for watch in watched.removeAll() { inotify?.unwatch(watch) }
    }

    /// Watches a folder with all that are below it, then looks at what stands in them: nothing falls in between.
    private mutating func walk(_ top: OutboxPath, _ disk: WatchedFolder, isFirst: Bool) async throws {
        var waiting = [top]
        while let path = waiting.popLast() {
            try Task.checkCancellation()
            await Task.yield()
            do {
                let folder = try disk.folder(path)
                watch(path, folder)
                let items = try WatchedFolder.items(folder)
                if isFirst { try await recover(items, path: path, folder: folder, disk: disk) }
                waiting += try await look(items, path)
            } catch let error as DiskProblem {
                if path.text.isEmpty { throw error }
                if error.number != ENOENT { problems[path] = error.reason }
            }
        }
    }

    private mutating func watch(_ path: OutboxPath, _ folder: Descriptor) {
        guard let inotify else { return }
        let watch = inotify.watch(folder.number)
        guard watch >= 0 else {
            if !isBlind {
                let hint = watch == -ENOSPC ? "raise fs.inotify.max_user_watches; " : ""
                outbox.logger.warning(
                    "\(outbox.settings.directory)/\(path.text) \(DiskProblem("cannot be watched", -watch)); \(hint)the outbox is looked through every 30 s instead"
                )
            }
            isBlind = true
            return
        }
        watched.set(watch, path)
    }

    /// Touches the files that are not known as they are.
    ///
    /// - Returns: the folders among the items.
    private mutating func look(_ items: [WatchedFolder.Item], _ folder: OutboxPath) async throws -> [OutboxPath] {
        var files: [(path: OutboxPath, state: FileState)] = []
        var below: [OutboxPath] = []
        for item in items {
            switch item {
            case .file(let name, let state):
                let path = folder.appending(name)
                if !rules.ignores(path, isFolder: false) { files.append((path, state)) }
            case .folder(let name):
                let path = folder.appending(name)
                if !rules.ignores(path, isFolder: true) { below.append(path) }
            case .misnamed(let name):
                problems[folder.appending(name)] =
                    "its name is not valid UTF-8, which Dropbox requires; it is not uploaded, nor anything in it; rename it"
            }
        }
        for part in files.chunks(ofCount: Self.batch) {
            let known = try await outbox.store.seenInOutbox(part.map(\.path))
            for (path, state) in part where !isUpToDate(known[path], state) && !settling.contains(path) {
                touch(path, state)
            }
        }
        return below
    }

    private func isUpToDate(_ row: OutboxFile?, _ state: FileState) -> Bool {
        guard let row, row.seen == state else { return false }
        return row.isOpen == (OutboxPlan(row, finishes: outbox.settings.finishes) != .nothing)
    }

    /// Queues recorded paths that have disappeared or are excluded now.
    private mutating func findGone(_ disk: WatchedFolder) async throws {
        var last: OutboxPath?
        while true {
            let rows = try await outbox.store.presentInOutbox(after: last, limit: Self.batch)
            var ignored: [OutboxPath] = []
            for row in rows {
                if isIgnored(row.path) {
                    ignored.append(row.path)
                } else if disk.state(row.path) == nil, !settling.contains(row.path) {
                    touch(row.path, nil)
                }
            }
            try await outbox.note(ignored) { _ in .settled(nil) }
            guard rows.count == Self.batch else { return }
            last = rows.last?.path
        }
    }

    private mutating func isIgnored(_ path: OutboxPath) -> Bool { rules.ignores(path, isFolder: false) }

    // MARK: After a crash

    /// Settles files that were about to be removed or moved.
    private mutating func recover(
        _ items: [WatchedFolder.Item], path: OutboxPath, folder: Descriptor, disk: WatchedFolder
    ) async throws {
        let action = PostUploadAction(folder: disk, after: outbox.settings.after, hook: outbox.hook)
        for case .file(let name, let state) in items where name.hasPrefix(PostUploadAction.asidePrefix) {
            let row = try await outbox.store.receiptInOutbox(of: state)
            do {
                try action.recover(name, in: path, folder, as: row)
            } catch let error as DiskProblem {
                problems[path.appending(name)] = error.reason
            }
        }
    }
}
