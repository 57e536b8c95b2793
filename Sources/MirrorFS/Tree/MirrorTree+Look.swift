public import FileEvents
import FileSystem
import Glibc
public import SyncModel

/// What a look by stat tells of entries of one folder.
public struct Comparison: Sendable {
    /// What differs.
    public var drift: [KnownEntry] = []
    /// What could not be looked at, and why.
    public var unproven: [(name: FileName, reason: String)] = []
    /// How many of the entries are there by name.
    public var known = 0
}

/// An open folder of the mirror and the names that were in it when it was opened.
public final class FolderLook: Sendable {
    private let tree: MirrorTree
    private let path: MirrorPath
    private let folder: Descriptor
    private let present: NameSet

    /// The number of the kernel's watch, or the negative error number; `nil` if nobody wanted one.
    public let watch: Int32?
    /// The folder's inode.
    public let inode: UInt64

    fileprivate init(
        _ tree: MirrorTree, path: MirrorPath, folder: Descriptor, watcher: Inotify?
    ) throws(MirrorError) {
        (self.tree, self.path, self.folder) = (tree, path, folder)
        watch = watcher?.watch(folder.number)
        inode = UInt64(try folder.status().st_ino)
        var names = NameSet()
        try tree.forEachName(in: folder) { entry in
            names.insert(FileName(MirrorTree.shown(entry)))
            return true
        }
        present = names
    }

    /// Whether there may be names in it besides `known` ones that are ours.
    public func mayHoldMore(than known: Int) -> Bool { present.count > (path == .root ? known + 1 : known) }

    /// Compares what stands in the folder with what have says of it, by stat alone.
    ///
    /// - Parameter entries: some of the entries that are recorded in have for this folder.
    public func compare(_ entries: [KnownEntry]) -> Comparison {
        var result = Comparison()
        for entry in entries {
            // On a file system that folds case another spelling would be found, too.
            guard present.contains(entry.name) else {
                result.drift.append(entry)
                continue
            }
            result.known += 1
            do {
                let seen = try folder.observe(entry.name.text)
                if Drift(entry, seen, comparingInodes: tree.keepsInodes) != nil { result.drift.append(entry) }
            } catch {
                result.unproven.append((entry.name, error.description))
            }
        }
        return result
    }

    /// The names in the folder that are none of `known`, in no order.
    public func names(besides known: [NameSet]) throws(MirrorError) -> [FileName] {
        var found: [FileName] = []
        try tree.forEachName(in: folder) { entry in
            let name = FileName(MirrorTree.shown(entry))
            if !known.contains(where: { $0.contains(name) }), path != .root || !MirrorTree.ownNames.contains(name) {
                found.append(name)
            }
            return true
        }
        return found
    }
}

extension MirrorTree {
    /// What is at the top of a mirror and nobody's: dbxsync's own folder, and what every ext4 file system has there.
    static let ownNames = [MirrorPath.ownFolder, FileName("lost+found")]

    /// How what stands at a path differs from what have says of it, as far as stat tells; `nil` if it does not.
    public func drift(of entry: LocalEntry) throws(MirrorError) -> Drift? {
        let known = KnownEntry(entry)
        // By the spelling that the folder has, as a look at the whole folder does.
        return Drift(known, try observe(entry.path, exactly: true), comparingInodes: keepsInodes)
    }

    /// Opens a folder and reads its names.
    ///
    /// - Parameter watcher: what watches the folder from before its names are read, so that nothing falls in between.
    /// - Returns: `nil` if there is no such folder, or a link in its stead.
    public func look(into path: MirrorPath, watching watcher: Inotify? = nil) throws(MirrorError) -> FolderLook? {
        do {
            return try FolderLook(self, path: path, folder: root.folder(path), watcher: watcher)
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
    }
}
