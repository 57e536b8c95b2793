import Glibc
import SyncModel

extension Descriptor {
    /// What stands under `name` in this folder; links are not followed.
    func observe(_ name: String) throws(MirrorError) -> Observed {
        var status = stat()
        guard fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return .nothing }
            throw .call("stat", name)
        }
        return Observed(status)
    }
}

extension Observed {
    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: self = .folder(inode: UInt64(status.st_ino))
        case S_IFREG: self = .file(Fingerprint(status))
        default: self = .other
        }
    }
}

extension Fingerprint {
    init(_ status: stat) {
        self.init(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec))
    }
}
