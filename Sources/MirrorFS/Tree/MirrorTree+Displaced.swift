import FileSystem
import Glibc
public import SyncModel

/// Keeps managed files that were displaced by something of another kind, by content hash, until the pass ends: their
/// content need not be downloaded again in the same pass.
///
/// Nothing else knows of them. Whoever uses one becomes its only user and verifies it as if it were a leftover part.
extension MirrorTree {
    /// Keeps its name of earlier versions, which clean up there.
    private static let displacedName = "spared"
    private static let displacedPath = own + "/" + displacedName

    /// Where a displaced file is, below `.dbxsync`.
    static func displacedPlace(_ hash: ContentHash, inode: UInt64) -> String {
        "\(displacedName)/\(hash.hex)/\(inode)"
    }

    /// Moves a file of ours out of the way.
    ///
    /// - Returns: where it is now, below `.dbxsync`; nil if it was not moved: a file that has other names, perhaps
    ///   outside the mirror, is not displaced: its time would change under all of them.
    func displace(_ name: String, in folder: Descriptor, holding hash: ContentHash) -> String? {
        var status = stat()
        guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_nlink == 1,
            status.st_size > 0, let all = try? root.makeFolders(relative: Self.displacedPath, mode: 0o700)
        else { return nil }
        mkdirat(all.number, hash.hex, 0o700)
        guard let same = try? all.folder(hash.hex) else { return nil }
        guard renameat(folder.number, name, same.number, String(status.st_ino)) == 0 else { return nil }
        return Self.displacedPlace(hash, inode: UInt64(status.st_ino))
    }

    /// Makes a displaced file that may hold `version` the part file `part`, if there is one and no such part yet.
    func reuseDisplaced(_ version: FileVersion, as part: String, in staging: Descriptor) throws(MirrorError) {
        guard let same = try displacedFolder(version.hash.hex), try staging.observe(part) == .nothing else { return }
        for _ in 0..<Self.tries {
            guard let name = try firstName(in: same) else { return }
            if same.renameNoReplace(name, to: same, name + Self.inUse) == 0 || errno == EINVAL {
                return try use(name, of: same, as: part, in: staging)
            }
            guard errno == ENOENT else { throw .call("use a displaced file as", part) }
        }
    }

    /// Gives a file that this thread alone uses a second name: should the part be given up, the file is still there.
    private func use(
        _ name: String, of same: Descriptor, as part: String, in staging: Descriptor
    ) throws(MirrorError) {
        if linkat(same.number, name + Self.inUse, staging.number, part, 0) == 0 { return }
        if renameat(same.number, name + Self.inUse, staging.number, part) == 0 { return }
        if renameat(same.number, name, staging.number, part) == 0 || errno == ENOENT { return }
        throw .call("use a displaced file as", part)
    }

    /// What is added to the name of a displaced file that is used.
    static let inUse = ".used"

    /// How often another thread may be faster.
    private static let tries = 100

    private func firstName(in folder: Descriptor) throws(MirrorError) -> String? {
        var first: String?
        try forEachName(in: folder) { entry in
            let name = Self.shown(entry)
            if name.hasSuffix(Self.inUse) { return true }
            first = name
            return false
        }
        return first
    }

    /// Whether a displaced file may hold `version`, or whether there is any.
    func hasDisplaced(_ version: FileVersion? = nil) throws(MirrorError) -> Bool {
        try displacedFolder(version?.hash.hex) != nil
    }

    private func displacedFolder(_ name: String? = nil) throws(MirrorError) -> Descriptor? {
        do {
            return try root.folder(relative: Self.displacedPath + (name.map { "/" + $0 } ?? ""))
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
    }

    /// Whether there are displaced files.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func holdsDisplaced() throws(MirrorError) -> Bool { try hasDisplaced() }

    /// What the displaced files hold.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func displacedContents() throws(MirrorError) -> Set<ContentHash> {
        guard let all = try displacedFolder() else { return [] }
        var contents: Set<ContentHash> = []
        try forEachName(in: all) { entry in
            if let hash = ContentHash(hex: Self.shown(entry)) { contents.insert(hash) }
            return true
        }
        return contents
    }

    /// Removes the displaced files that were not reused, except those with one of some contents.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func purgeDisplaced(keeping contents: Set<ContentHash> = []) throws(MirrorError) {
        guard let all = try displacedFolder() else { return }
        let kept = Set(contents.map(\.hex))
        try removeAll(in: all, except: kept) { name throws(MirrorError) in
            let same = try all.folder(name)
            try removeAll(in: same) { unlinkat(same.number, $0, 0) == 0 }
            return unlinkat(all.number, name, AT_REMOVEDIR) == 0
        }
        let above = try root.folder(relative: Self.own)
        unlinkat(above.number, Self.displacedName, AT_REMOVEDIR)  // it stays if something in it does
    }

    /// Removes the entries of a folder, some at a time, until one cannot be removed.
    func removeAll(
        in folder: Descriptor, except kept: Set<String> = [], _ remove: (String) throws(MirrorError) -> Bool
    ) throws(MirrorError) {
        while true {
            var some: [String] = []
            try forEachName(in: folder) { entry in
                let name = Self.shown(entry)
                if !kept.contains(name) { some.append(name) }
                return some.count < 1_000
            }
            if some.isEmpty { return }
            for name in some where try !remove(name) { return }
        }
    }
}
