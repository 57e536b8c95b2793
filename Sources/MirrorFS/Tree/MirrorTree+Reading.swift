public import FileSystem
import Glibc
public import SyncModel

// What stands in the mirror, or is kept, is opened for whoever wants a copy of it.
extension MirrorTree {
    /// Opens a file of the mirror for reading.
    ///
    /// - Throws: `MirrorError` if no file stands there, or it cannot be read.
    public func openFile(at path: MirrorPath) throws(MirrorError) -> Descriptor {
        guard let parent = path.parent, let name = path.name else { throw .call("open", path) }
        return try Self.openFile(name.text, in: root.folder(parent))
    }

    /// Opens a file that is kept for reading.
    ///
    /// - Parameter place: where it is, below `.dbxsync`.
    /// - Throws: `MirrorError` if it is not there any more, or cannot be read.
    public func openKept(_ place: String) throws(MirrorError) -> Descriptor {
        let (folder, name) = try trashLeaf(place)
        do {
            return try Self.openFile(name, in: folder)
        } catch  where error.number == ENOENT {
            // A displaced file is called otherwise as long as a part uses it.
            return try Self.openFile(name + Self.inUse, in: folder)
        }
    }

    /// The bytes of the target of a symbolic link that is kept; `nil` if something else is there.
    ///
    /// - Parameter place: where it is, below `.dbxsync`.
    /// - Throws: `MirrorError` if it cannot be looked at.
    public func keptLinkTarget(_ place: String) throws(MirrorError) -> [UInt8]? {
        let (folder, name) = try trashLeaf(place)
        guard case .link = try folder.observe(name) else { return nil }
        return try folder.linkTarget(name)
    }

    private static func openFile(_ name: String, in folder: Descriptor) throws(MirrorError) -> Descriptor {
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        guard try file.status().st_mode & S_IFMT == S_IFREG else {
            throw MirrorError(code: .call, message: "\(name) is no file", number: EINVAL)
        }
        return file
    }

    /// The files of a folder that is kept, with all that is in it.
    ///
    /// - Parameter place: where it is, below `.dbxsync`.
    /// - Returns: paths below it; links and the like are left out.
    /// - Throws: `MirrorError` if it is not there any more, or cannot be read.
    public func filesKept(in place: String) throws(MirrorError) -> [String] {
        let (above, name) = try trashLeaf(place)
        var found: [String] = []
        try collectFiles(in: above.folder(name), "", &found)
        return found.sorted()
    }

    private func collectFiles(in folder: Descriptor, _ prefix: String, _ found: inout [String]) throws(MirrorError) {
        for name in try names(in: folder) {
            switch try folder.observe(name) {
            case .file: found.append(prefix + name)
            case .folder: try collectFiles(in: folder.folder(name), "\(prefix)\(name)/", &found)
            case .nothing, .link, .other: continue
            }
        }
    }

    /// Makes `target`, which is empty, hold what `source` holds: blocks are shared where the file system can.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public static func copy(from source: Descriptor, to target: Descriptor) throws(MirrorError) {
        try FileContent.copy(from: source, to: target)
    }

    /// When a file was modified last.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public static func modified(_ file: Descriptor) throws(MirrorError) -> Timestamp {
        Timestamp(seconds: Int64(try file.status().st_mtim.tv_sec))
    }

    /// How many bytes a file has.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public static func size(_ file: Descriptor) throws(MirrorError) -> Int64 { Int64(try file.status().st_size) }
}
