import CLinux
import FileSystem
import Glibc
import SyncModel

/// The folder of one batch in the trash: what leaves the mirror is renamed into it, under the path it had.
///
/// Never copied: what cannot be renamed there is not kept.
final class TrashFolders {
    private let tree: MirrorTree
    /// Below `.dbxsync`.
    private let place: String
    private var folders: [MirrorPath: Folder] = [:]
    /// Folders whose entries have changed and are not durable.
    private(set) var touched: [Descriptor] = []
    private var mustSyncEverything = false

    /// A folder of the batch, and where it is.
    private struct Folder {
        var descriptor: Descriptor
        var place: String
    }

    /// Folders kept open at a time.
    private static let openFolders = 64
    /// Folders up to which each is made durable by itself.
    private static let syncedSingly = 8
    /// Names that are tried until one is free.
    private static let attempts = 100

    init(_ tree: MirrorTree, place: String) {
        self.tree = tree
        self.place = place
    }

    /// Renames what stands under `name` in `folder` into the trash.
    ///
    /// - Parameter path: where it stands.
    /// - Returns: where it is now, below `.dbxsync`.
    /// - Throws: `MirrorError`; then it stands where it stood.
    func keep(_ name: String, in folder: Descriptor, _ path: MirrorPath) throws(MirrorError) -> String {
        try put(path) { target, free in
            let result = folder.renameNoReplace(name, to: target, free)
            if result == 0 || errno != EINVAL { return result }
            // Some file systems know no such rename: there the look before has to do.
            guard (try? target.observe(free)) == .nothing else {
                errno = EEXIST
                return -1
            }
            return renameat(folder.number, name, target.number, free)
        }
    }

    /// Gives what stands under `name` in `folder` a second name in the trash, because another file is about to take its
    /// first one.
    ///
    /// - Returns: where it is now, too, below `.dbxsync`; `nil` if the file system knows no second names.
    /// - Throws: `MirrorError`.
    func link(_ name: String, in folder: Descriptor, _ path: MirrorPath) throws(MirrorError) -> String? {
        do {
            return try put(path) { target, free in linkat(folder.number, name, target.number, free, 0) }
        } catch  where [EPERM, EOPNOTSUPP, EMLINK, ENOSYS].contains(error.number) {
            return nil
        }
    }

    /// Undoes `link` and `keep`: what was kept stands under its first name again, and no longer in the trash.
    ///
    /// What somebody has put there meanwhile stays, and so does what is in the trash then.
    ///
    /// - Parameters:
    ///   - place: where it is, below `.dbxsync`.
    ///   - name: its first name, in `folder`.
    func takeBack(_ place: String, to name: String, in folder: Descriptor) {
        guard let (trash, kept) = try? tree.trashLeaf(place) else { return }
        if trash.renameNoReplace(kept, to: folder, name) == 0 { return }
        guard let there = try? folder.observe(name) else { return }
        if there == .nothing {
            renameat(trash.number, kept, folder.number, name)
        } else if there == (try? trash.observe(kept)) {
            unlinkat(trash.number, kept, 0)
        }
    }

    /// Makes durable what came into the trash.
    ///
    /// - Returns: whether all of the disk has to be.
    func syncTouched() throws(MirrorError) -> Bool {
        if mustSyncEverything { return true }
        for folder in touched { try folder.sync() }
        return false
    }

    private func put(_ path: MirrorPath, _ rename: (Descriptor, String) -> Int32) throws(MirrorError) -> String {
        guard let name = path.name, let parent = path.parent else { throw .call("keep", path) }
        let target = try folder(for: parent)
        for attempt in 0..<Self.attempts {
            let free = MirrorTree.numbered(name.text, attempt)
            if rename(target.descriptor, free) == 0 {
                touch(target.descriptor)
                return "\(target.place)/\(free)"
            }
            guard errno == EEXIST else { break }
        }
        throw .call("move into the trash", path)
    }

    private func folder(for parent: MirrorPath) throws(MirrorError) -> Folder {
        if let known = folders[parent] { return known }
        var found: Folder
        if let above = parent.parent, let name = parent.name {
            found = try make(name.text, in: folder(for: above))
        } else {
            found = Folder(descriptor: try tree.root.folder(relative: MirrorTree.own), place: "")
            for part in place.split(separator: "/") { found = try make(String(part), in: found) }
        }
        if folders.count >= Self.openFolders { folders = [:] }
        folders[parent] = found
        return found
    }

    /// Makes a folder, which becomes durable with the batch; beside a file of its name it gets a number.
    private func make(_ name: String, in folder: Folder) throws(MirrorError) -> Folder {
        for attempt in 0..<Self.attempts {
            let free = MirrorTree.numbered(name, attempt)
            if mkdirat(folder.descriptor.number, free, 0o700) == 0 {
                touch(folder.descriptor)
            } else if errno != EEXIST {
                throw .call("make a folder in the trash", name, in: folder.descriptor)
            }
            do {
                let made = try Descriptor.open(free, in: folder.descriptor, flags: O_RDONLY | O_DIRECTORY)
                return Folder(descriptor: made, place: folder.place.isEmpty ? free : "\(folder.place)/\(free)")
            } catch  where [ENOTDIR, ELOOP].contains(error.number) {
                continue
            }
        }
        throw .call("make a folder in the trash", name)
    }

    private func touch(_ folder: Descriptor) {
        if mustSyncEverything || touched.contains(where: { $0 === folder }) { return }
        touched.append(folder)
        if touched.count > Self.syncedSingly {
            touched = []
            mustSyncEverything = true
        }
    }
}
