import FileSystem
import Glibc

/// What the file system of a directory does with what a mirror asks of it, found out by trying.
///
/// It is tried in a folder of its own, which is gone afterwards. Of a process that was killed meanwhile a folder may be
/// left, which the next trial removes.
public struct DiskTrial: Hashable, Sendable {
    /// What is tried.
    public enum Ability: String, Hashable, Sendable, CaseIterable {
        /// A file is moved from one folder to another.
        case move = "moving a file to another folder"
        /// It is moved only if nothing stands at the target.
        case moveWithoutReplacing = "moving without replacing (RENAME_NOREPLACE)"
        /// It takes the place of another.
        case replace = "replacing a file in one step"
        /// Content and names are made durable.
        case sync = "making content and names durable (fsync)"
        /// A name of 255 bytes.
        case longName = "names of 255 bytes"
        /// Names that other systems do not allow.
        case oddName = "names with : ? * | \\ \" < > and with a dot or a space at the end"
        /// Permission bits stay what they are set to.
        case mode = "permission bits"
        /// A file is locked.
        case lock = "locks (flock)"
    }

    /// What is special about the file system.
    public var fileSystem: FileSystemKind
    /// What does not work, with the error number; 0 where the call says that it was done and it was not.
    public var failures: [Ability: Int32] = [:]
    /// To how many nanoseconds modification times are kept: 1 for all of them, 1,000,000,000 for whole seconds.
    public var timeUnit: Int64 = 1
    /// Whether names that differ only in case are one.
    public var foldsCase = false
    /// Whether names that differ only in their Unicode normalization are one.
    public var foldsNormalization = false

    /// A file system that does everything.
    public init(fileSystem: FileSystemKind) { self.fileSystem = fileSystem }

    private static let prefix = ".dbxsync-trial."

    /// The folder in which something may be tried for a mirror: dbxsync's own, or the directory before there is one.
    public static func place(for mirror: String) -> String {
        let own = "\(mirror)/\(MirrorTree.own)"
        var status = stat()
        return lstat(own, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? own : mirror
    }

    /// A name for the folder of a trial, which nothing else has.
    public static func newName() -> String { prefix + String(UInt64.random(in: 0...(.max)), radix: 36) }

    /// Tries everything.
    ///
    /// - Parameters:
    ///   - place: an existing folder.
    ///   - name: of the folder that is made in it, by `newName`.
    /// - Throws: `MirrorError` if no folder can be made there, or the kernel lacks what everything rests on.
    public static func run(in place: String, name: String) throws(MirrorError) -> DiskTrial {
        let parent = try MirrorRoot(path: place).descriptor
        removeLeftovers(in: parent)
        let folder = try parent.makeFolder(name, mode: 0o700)
        _ = flock(folder.number, LOCK_EX | LOCK_NB)  // whoever looks for leftovers leaves it alone
        defer { remove(name, in: parent) }
        var trial = DiskTrial(fileSystem: FileSystemKind(of: folder))
        try trial.tryMoves(in: folder)
        try trial.tryNames(in: folder)
        try trial.tryAttributes(in: folder)
        return trial
    }

    // MARK: Trying

    private mutating func note(_ ability: Ability, _ result: Int32, errno number: Int32) {
        if result != 0 { failures[ability] = number }
    }

    private mutating func tryMoves(in folder: Descriptor) throws(MirrorError) {
        let (from, to) = (try folder.makeFolder("from", mode: 0o700), try folder.makeFolder("to", mode: 0o700))
        _ = try Self.file("one", in: from)
        note(.move, renameat(from.number, "one", to.number, "one"), errno: errno)
        _ = try Self.file("two", in: from)
        let kept = from.renameNoReplace("two", to: to, "one")
        // Something stands there: anything but that refusal means that it is not known.
        if kept == 0 || errno != EEXIST { failures[.moveWithoutReplacing] = kept == 0 ? 0 : errno }
        _ = try Self.file("three", in: from)
        note(.replace, renameat(from.number, "three", to.number, "one"), errno: errno)
        note(.sync, fsync(to.number), errno: errno)
    }

    private mutating func tryNames(in folder: Descriptor) throws(MirrorError) {
        let long = [String(repeating: "n", count: 255), String(repeating: "\u{E4}", count: 127) + "n"]
        for name in long where !failures.keys.contains(.longName) { keepsName(name, in: folder, .longName) }
        for name in [#"a:b?c*d|e\f"g<h>i"#, "dot.", "space "] where !failures.keys.contains(.oddName) {
            keepsName(name, in: folder, .oddName)
        }
        _ = try Self.file("Case", in: folder)
        foldsCase = Self.stands("cASE", in: folder)
        _ = try Self.file("n\u{E9}", in: folder)
        foldsNormalization = Self.stands("ne\u{301}", in: folder)
    }

    /// Whether a file gets exactly this name.
    private mutating func keepsName(_ name: String, in folder: Descriptor, _ ability: Ability) {
        do {
            _ = try Self.file(name, in: folder)
            let isListed = try DirectoryEntries(of: folder).names().contains { $0.utf8.elementsEqual(name.utf8) }
            if !isListed { failures[ability] = 0 }
        } catch let error as MirrorError {
            failures[ability] = error.number
        } catch {
            failures[ability] = EIO
        }
    }

    private mutating func tryAttributes(in folder: Descriptor) throws(MirrorError) {
        let file = try Self.file("attributes", in: folder)
        let asked = timespec(tv_sec: 1_700_000_001, tv_nsec: 123_456_789)
        var times = [asked, asked]
        guard futimens(file.number, &times) == 0 else { throw .call("set the time of", "a file") }
        timeUnit = Self.unit(asked, try file.status().st_mtim)
        for mode in [0o640, 0o600] as [mode_t] {
            note(.mode, fchmod(file.number, mode), errno: errno)
            if try file.status().st_mode & 0o7777 != mode { failures[.mode] = 0 }
        }
        note(.lock, flock(file.number, LOCK_EX | LOCK_NB), errno: errno)
    }

    /// The coarsest unit that explains what became of a time.
    static func unit(_ asked: timespec, _ kept: timespec) -> Int64 {
        if kept.tv_sec != asked.tv_sec { return 2_000_000_000 }
        let units = [1, 100, 1_000, 1_000_000, 10_000_000] as [Int64]
        return units.first { Int64(asked.tv_nsec) / $0 * $0 == Int64(kept.tv_nsec) } ?? 1_000_000_000
    }

    private static func file(_ name: String, in folder: Descriptor) throws(MirrorError) -> Descriptor {
        try .open(name, in: folder, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    }

    private static func stands(_ name: String, in folder: Descriptor) -> Bool {
        var status = stat()
        return fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0
    }

    // MARK: Cleaning up

    /// Removes the folders of trials whose process is gone.
    private static func removeLeftovers(in parent: Descriptor) {
        guard let names = try? DirectoryEntries(of: parent).names() else { return }
        for name in names where name.hasPrefix(prefix) {
            guard let folder = try? parent.folder(name), flock(folder.number, LOCK_EX | LOCK_NB) == 0 else { continue }
            remove(name, in: parent)
        }
    }

    /// Removes a folder of a trial with all that is in it.
    private static func remove(_ name: String, in parent: Descriptor) {
        if unlinkat(parent.number, name, 0) == 0 { return }
        if let folder = try? parent.folder(name), let names = try? DirectoryEntries(of: folder).names() {
            for name in names { remove(name, in: folder) }
        }
        unlinkat(parent.number, name, AT_REMOVEDIR)
    }
}
