import CLinux
import FileSystem
import Glibc
public import SyncModel

/// What is kept below `.dbxsync`: what was removed or replaced in `trash`, what was not from Dropbox in `aside`.
extension MirrorTree {
    /// The folder for what leaves the mirror at a time, below `.dbxsync`: `trash/2026-11-30/054527`, in UTC.
    public static func trashFolder(at time: Timestamp) -> String {
        let (day, clock) = utc(time_t(time.seconds))
        return "trash/\(day)/\(clock)"
    }

    /// Something that was set aside.
    ///
    /// - Parameters:
    ///   - path: where it stood.
    ///   - place: where it is now, relative to the mirror.
    public func setAsideItem(_ path: MirrorPath, at place: String) -> KeptItem {
        let below = String(place.dropFirst(Self.own.utf8.count + 1))
        var item = KeptItem(path: path.remoteText, place: below, reason: .aside, size: 0)
        guard let (folder, name) = try? trashLeaf(below) else { return item }
        if case .folder? = try? folder.observe(name) { item.isFolder = true }
        item.size = (try? measure(name, in: folder)) ?? 0  // what cannot be read counts as nothing
        return item
    }

    /// The folder that holds a place below `.dbxsync`, and the name in it.
    func trashLeaf(_ place: String) throws(MirrorError) -> (folder: Descriptor, name: String) {
        guard let slash = place.lastIndex(of: "/") else {
            throw MirrorError(code: .call, message: "\(place) is no place in the trash", number: EINVAL)
        }
        let folder = try root.folder(relative: Self.own + "/" + place[..<slash])
        return (folder, String(place[place.index(after: slash)...]))
    }

    /// Its bytes, of a folder with all that is in it.
    private func measure(_ name: String, in folder: Descriptor) throws(MirrorError) -> Int64 {
        switch try folder.observe(name) {
        case .file(let print): return print.size
        case .nothing, .link, .other: return 0
        case .folder: break
        }
        let inside = try folder.folder(name)
        var size: Int64 = 0
        for name in try names(in: inside) { size = size.saturatingSum(try measure(name, in: inside)) }
        return size
    }

    /// Removes something that was kept, a folder with all that is in it, and the folders above it that are empty then.
    ///
    /// What is gone already does no harm.
    ///
    /// - Throws: `MirrorError` if it cannot be removed.
    public func purge(_ place: String) throws(MirrorError) {
        guard let (folder, name) = try existingLeaf(place) else { return }
        try remove(name, in: folder)
        var above = place
        while let slash = above.lastIndex(of: "/") {
            above = String(above[..<slash])
            guard above.contains("/"), let (folder, name) = try? trashLeaf(above),
                unlinkat(folder.number, name, AT_REMOVEDIR) == 0
            else { return }
        }
    }

    private func remove(_ name: String, in folder: Descriptor) throws(MirrorError) {
        if unlinkat(folder.number, name, 0) == 0 || errno == ENOENT { return }
        guard errno == EISDIR || errno == EPERM else { throw .call("remove from the trash", name) }
        let inside = try folder.folder(name)
        try removeAll(in: inside) { entry throws(MirrorError) in
            try remove(entry, in: inside)
            return true
        }
        guard unlinkat(folder.number, name, AT_REMOVEDIR) == 0 else { throw .call("remove from the trash", name) }
    }

    /// Moves a displaced file into the trash, unless it stands elsewhere in the mirror by now.
    ///
    /// - Parameters:
    ///   - item: what was noted when it was displaced.
    ///   - trash: the folder for it, below `.dbxsync`.
    /// - Returns: where it is now; its old place if a part that uses it may yet be given up; `nil` if it was reused.
    /// - Throws: `MirrorError` if it cannot be moved.
    public func keepDisplaced(_ item: KeptItem, in trash: String) throws(MirrorError) -> String? {
        guard let path = MirrorPath(text: item.path) else { return nil }
        guard let (folder, bare) = try existingLeaf(item.place) else { return nil }
        do {
            let isUsed = try folder.observe(bare) == .nothing
            let name = isUsed ? bare + Self.inUse : bare
            var status = stat()
            guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
            if isUsed, status.st_nlink > 1 {
                if try isStaged(inode: UInt64(status.st_ino)) { return item.place }
                unlinkat(folder.number, name, 0)
                return nil
            }
            let folders = TrashFolders(self, place: trash)
            let place = try folders.keep(name, in: folder, path)
            if try folders.syncTouched() { try syncEverything() }
            return place
        } catch  where error.number == ENOENT {
            return nil
        }
    }

    /// The same as `trashLeaf`; nil if the folder is not there.
    private func existingLeaf(_ place: String) throws(MirrorError) -> (folder: Descriptor, name: String)? {
        do {
            return try trashLeaf(place)
        } catch  where [ENOENT, ENOTDIR].contains(error.number) {
            return nil
        }
    }

    private func isStaged(inode: UInt64) throws(MirrorError) -> Bool {
        var isThere = false
        try forEachEntry(in: try staging) { _, number in
            isThere = number == inode
            return !isThere
        }
        return isThere
    }

    /// What an effect that was interrupted has kept.
    ///
    /// - Parameters:
    ///   - intent: what was begun.
    ///   - before: what stood there before, as recorded.
    /// - Returns: what is kept now; `nil` if nothing is, or what stood there still does.
    /// - Throws: `MirrorError` if it cannot be looked at.
    public func settleKept(_ intent: Intent, before: LocalEntry?) throws(MirrorError) -> KeptItem? {
        guard let place = intent.place else { return nil }
        if case .link(_, _, let inode)? = before?.node {
            return try settleKeptLink(intent, at: place, inode: inode)
        }
        guard case .file(_, let version, let print)? = before?.node else { return nil }
        let displaced = Self.displacedPlace(version.hash, inode: print.inode)
        let found: String
        if try inode(at: place) == print.inode {
            found = place
        } else if try inode(at: displaced) == print.inode {
            found = displaced
        } else {
            return nil
        }
        if case .file(let there) = try observe(intent.path), there.inode == print.inode {
            // It had got its second name only.
            let (folder, name) = try trashLeaf(found)
            unlinkat(folder.number, name, 0)
            return nil
        }
        return KeptItem(
            path: intent.path.remoteText, place: found, reason: intent.after == nil ? .removed : .replaced,
            version: version.isUnproven ? nil : version, size: print.size)
    }

    /// The same for a link.
    private func settleKeptLink(_ intent: Intent, at place: String, inode: UInt64) throws(MirrorError) -> KeptItem? {
        guard let (folder, name) = try existingLeaf(place), case .link(inode, _) = try folder.observe(name) else {
            return nil
        }
        if case .link(inode, _) = try observe(intent.path) {
            // It had got its second name only.
            unlinkat(folder.number, name, 0)
            return nil
        }
        return KeptItem(
            path: intent.path.remoteText, place: place, reason: intent.after == nil ? .removed : .replaced, size: 0)
    }

    private func inode(at place: String) throws(MirrorError) -> UInt64? {
        guard let (folder, name) = try existingLeaf(place), case .file(let print) = try folder.observe(name) else {
            return nil
        }
        return print.inode
    }

    /// What is kept on the disk and in none of the places that are known.
    ///
    /// - Parameters:
    ///   - top: a folder below `.dbxsync`: `trash`, `aside`, or one of a batch in the trash.
    ///   - known: places below `.dbxsync`.
    /// - Returns: each item with the path it had, as far as its place tells, and when it came there.
    /// - Throws: `MirrorError` if the disk refuses it.
    public func unknownKept(
        in top: String, besides known: Set<String>
    ) throws(MirrorError) -> [(item: KeptItem, at: Timestamp)] {
        var found: [(item: KeptItem, at: Timestamp)] = []
        do {
            let depth = ["trash": 2, "aside": 1][top] ?? 0
            let folder = try root.folder(relative: "\(Self.own)/\(top)")
            try collect(folder, top, depth: depth, path: "", known, &found)
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return []
        }
        return found
    }

    private func collect(
        _ folder: Descriptor, _ place: String, depth: Int, path: String, _ known: Set<String>,
        _ found: inout [(item: KeptItem, at: Timestamp)]
    ) throws(MirrorError) {
        for name in try names(in: folder) {
            let here = "\(place)/\(name)"
            if known.contains(here) { continue }
            var status = stat()
            guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let below = depth > 0 ? "" : "\(path)/\(name)"
            if status.st_mode & S_IFMT == S_IFDIR {
                try collect(folder.folder(name), here, depth: depth - 1, path: below, known, &found)
            } else {
                let item = KeptItem(
                    path: below.isEmpty ? "/\(name)" : below, place: here, reason: .found, size: Int64(status.st_size))
                found.append((item, Timestamp(seconds: Int64(status.st_ctim.tv_sec))))
            }
        }
    }
}
