import CLinux
import FileSystem
import Glibc
import SyncModel

extension Descriptor {
    /// What stands under `name` in this folder; links are not followed.
    ///
    /// - Throws: `MirrorError` with `.otherFileSystem` if something is mounted on it.
    func observe(_ name: String) throws(MirrorError) -> Observed {
        var entry = dbx_entry()
        guard dbx_look(number, name, &entry) == 0 else {
            if errno == ENOENT { return .nothing }
            throw .call("stat", name)
        }
        if entry.is_mount != 0 { throw .mounted(name) }
        guard entry.mode & S_IFMT == S_IFLNK else { return Observed(entry) }
        guard let target = try linkTarget(name) else { return .nothing }
        return .link(inode: entry.inode, target: ContentHash(of: target))
    }

    /// The bytes of the target of the link under `name`; nil if there is no such link any more.
    func linkTarget(_ name: String) throws(MirrorError) -> [UInt8]? {
        // One more than the longest target there can be (PATH_MAX).
        var bytes = [CChar](repeating: 0, count: 4097)
        let count = readlinkat(number, name, &bytes, bytes.count)
        guard count >= 0 else {
            if errno == ENOENT || errno == EINVAL { return nil }
            throw .call("read link", name)
        }
        return bytes.prefix(count).map { UInt8(bitPattern: $0) }
    }
}

extension Observed {
    init(_ entry: dbx_entry) {
        switch entry.mode & S_IFMT {
        case S_IFDIR: self = .folder(inode: entry.inode)
        case S_IFREG: self = .file(Fingerprint(entry))
        default: self = .other
        }
    }

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: self = .folder(inode: UInt64(status.st_ino))
        case S_IFREG: self = .file(Fingerprint(status))
        default: self = .other
        }
    }
}

extension Fingerprint {
    init(_ entry: dbx_entry) {
        self.init(
            inode: entry.inode, size: entry.size,
            modifiedNanoseconds: entry.seconds &* 1_000_000_000 &+ Int64(entry.nanoseconds))
    }

    init(_ status: stat) {
        self.init(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec))
    }
}
