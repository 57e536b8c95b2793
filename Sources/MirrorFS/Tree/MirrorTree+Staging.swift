import FileSystem
import Glibc
public import SyncModel

extension MirrorTree {
    /// Opens the part file of a version that is to stand at `key`; goes on after what an earlier run has left.
    public func stage(_ version: FileVersion, for key: RemoteKey) throws(MirrorError) -> StagingFile {
        try reuseDisplaced(version, as: Self.partName(version.rev, key), in: staging)
        return try stageAnew(version, for: key)
    }

    /// The same without looking for a displaced file whose content would do.
    public func stageAnew(_ version: FileVersion, for key: RemoteKey) throws(MirrorError) -> StagingFile {
        try StagingFile(
            name: Self.partName(version.rev, key), in: staging, for: version, mode: mode_t(settings.fileMode))
    }

    /// Opens the part file of a large version that is to stand at `key`, for several segments at a time.
    public func stageBlocks(_ version: FileVersion, for key: RemoteKey) throws(MirrorError) -> BlockFile {
        try reuseDisplaced(version, as: Self.partName(version.rev, key), in: staging)
        return try BlockFile(
            name: Self.partName(version.rev, key), in: staging, for: version, mode: mode_t(settings.fileMode))
    }

    /// Stages a version whose bytes stand elsewhere in the mirror; nothing is trusted but the hash.
    ///
    /// - Returns: the staged file; `nil` if there is no such file there or it holds something else.
    public func stageCopy(of candidate: LocalEntry, as version: FileVersion, for key: RemoteKey) throws(MirrorError)
        -> StagedFile?
    {
        guard let parent = candidate.path.parent, let name = candidate.path.name else { return nil }
        let source: Descriptor
        do {
            source = try Descriptor.open(name.text, in: root.folder(parent), flags: O_RDONLY | O_NONBLOCK)
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
        guard case .file(let print) = Observed(try source.status()), print.size == version.size else { return nil }
        let copy = try stageAnew(version, for: key)
        try copy.fill(from: source)
        // A mismatch has thrown the part away; the next source is tried.
        return try? copy.finish()
    }

    /// Stages a version whose bytes are kept; nothing is trusted but the hash.
    ///
    /// - Parameter place: where they are, below `.dbxsync`.
    /// - Returns: the staged file; `nil` if that is something else.
    /// - Throws: `MirrorError` if it is not there any more, or something cannot be read or written.
    public func stageKept(_ place: String, as version: FileVersion, for key: RemoteKey) throws(MirrorError)
        -> StagedFile?
    {
        let source = try openKept(place)
        guard case .file(let print) = Observed(try source.status()), print.size == version.size else { return nil }
        let copy = try stageAnew(version, for: key)
        try copy.fill(from: source)
        // A mismatch has thrown the part away.
        return try? copy.finish()
    }

    /// Bytes of the disk that the part file of a version takes, reserved ones included.
    public func spaceOfPart(_ version: FileVersion, for key: RemoteKey) throws(MirrorError) -> Int64 {
        try spaceOfPart(of: version.rev, for: key)
    }

    private func spaceOfPart(of rev: Rev, for key: RemoteKey) throws(MirrorError) -> Int64 {
        var status = stat()
        let name = Self.partName(rev, key)
        let staging = try staging
        if fstatat(staging.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            return Int64(status.st_blocks) * 512
        }
        guard errno == ENOENT else { throw .call("stat", name) }
        return 0
    }

    /// Removes the part file of a version that is no longer wanted at `key`, if there is one.
    ///
    /// - Throws: `MirrorError` if staging cannot be opened; a part that cannot be removed stays.
    public func removePart(of version: FileVersion, for key: RemoteKey) throws(MirrorError) {
        let name = Self.partName(version.rev, key)
        let staging = try staging
        unlinkat(staging.number, name, 0)
        unlinkat(staging.number, BlockFile.listName(of: name), 0)
    }

    /// The revisions of which an earlier run has left parts.
    public func stagedRevisions() throws(MirrorError) -> Set<Rev> {
        Set(try names(in: staging).map { Rev(String($0.prefix { $0 != "." })) })
    }

    /// Removes the parts of all other revisions.
    ///
    /// - Throws: `MirrorError` if staging cannot be opened or listed; a part that cannot be removed stays.
    public func sweepStaging(keeping revisions: Set<Rev>) throws(MirrorError) {
        let staging = try staging
        for name in try names(in: staging) where !revisions.contains(Rev(String(name.prefix { $0 != "." }))) {
            unlinkat(staging.number, name, 0)
        }
    }

    /// Removes parts of other files, those that have come least far first, until one file fits beside what is to stay free.
    ///
    /// - Returns: whether it fits.
    public func makeRoom(
        for bytes: Int64, of rev: Rev, at key: RemoteKey, reserve: Int64
    ) throws(MirrorError) -> Bool {
        let own = Self.partName(rev, key)
        let needed = bytes - min(try spaceOfPart(of: rev, for: key), bytes)
        func fits() throws(MirrorError) -> Bool {
            let (rest, overflow) = try freeSpace().subtractingReportingOverflow(needed)
            return !overflow && rest >= reserve
        }
        if try fits() { return true }
        let staging = try staging
        var parts: [(name: String, bytes: Int64)] = []
        for name in try names(in: staging) where name != own && name != BlockFile.listName(of: own) {
            var status = stat()
            guard fstatat(staging.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            parts.append((name, Int64(status.st_blocks) * 512))
        }
        // The list of a part goes with it.
        for part in parts.sorted(by: { $0.bytes < $1.bytes }) where !part.name.hasSuffix(BlockFile.listName(of: "")) {
            unlinkat(staging.number, part.name, 0)
            unlinkat(staging.number, BlockFile.listName(of: part.name), 0)
            if try fits() { return true }
        }
        return false
    }

    /// A name that no two downloads share: two entries may hold the same revision of a shared file.
    static func partName(_ rev: Rev, _ key: RemoteKey) -> String {
        let isPlain =
            !rev.text.isEmpty && rev.text.utf8.count <= 64
            && rev.text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
            }
        let revision = isPlain ? rev.text : "x" + String(fnv1a(rev.text), radix: 16)
        return "\(revision).\(String(fnv1a(key.text), radix: 16)).part"
    }

    /// FNV-1a, 64 bits: the same in every run, which Swift's own hashes are not.
    private static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// The names of all entries of a folder.
    func names(in folder: Descriptor) throws(MirrorError) -> [String] {
        var found: [String] = []
        try forEachName(in: folder) { entry in
            found.append(Self.shown(entry))
            return true
        }
        return found
    }

    /// The name of an entry as text: what is not UTF-8 is shown as U+FFFD, or, where that would be longer than a name
    /// can be, all that is not ASCII as a question mark.
    static func shown(_ entry: UnsafePointer<CChar>) -> String {
        let text = String(cString: entry)
        if text.utf8.count <= 255 { return text }
        let bytes = UnsafeBufferPointer(start: entry, count: strlen(entry)).map { UInt8(truncatingIfNeeded: $0) }
        return String(decoding: bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    /// The bytes of the entry that is shown as `name`; those of `name` itself if there is no other one.
    func bytes(of name: String, in folder: Descriptor) throws(MirrorError) -> [CChar] {
        var found = Array(name.utf8CString)
        if try folder.observe(name) != .nothing { return found }
        try forEachName(in: folder) { entry in
            guard Self.shown(entry) == name else { return true }
            found = Array(UnsafeBufferPointer(start: entry, count: strlen(entry) + 1))
            return false
        }
        return found
    }

    /// Hands each name of a folder to `take`, until that says no.
    func forEachName(in folder: Descriptor, _ take: (UnsafePointer<CChar>) -> Bool) throws(MirrorError) {
        try forEachEntry(in: folder) { name, _ in take(name) }
    }

    /// Hands name and inode of each entry of a folder to `take`, until that says no.
    func forEachEntry(in folder: Descriptor, _ take: (UnsafePointer<CChar>, UInt64) -> Bool) throws(MirrorError) {
        do {
            try DirectoryEntries(of: folder).forEach { take($0.name, $0.inode) }
        } catch {
            errno = error.number
            throw .call("list", "a folder")
        }
    }
}
