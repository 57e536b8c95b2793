import CLinux
import FileSystem

/// What a file system can be relied on for (statfs(2), `f_type`).
public enum FileSystemKind: Hashable, Sendable {
    /// Inode numbers are stable, and the kernel tells of every change.
    case local
    /// What other machines change there is not told, and inode numbers may be handed out anew: a network file system, or
    /// one in user space, by its name.
    case remote(String)

    /// From `linux/magic.h`; those that are not in it from the kernel's own sources.
    private static let remote: [UInt32: String] = [
        0x6969: "nfs", 0x517B: "smb", 0xFF53_4D42: "cifs", 0xFE53_4D42: "smb2", 0x6573_5546: "fuse", 0x0102_1997: "9p",
        0x00C3_6400: "ceph", 0x5346_414F: "afs", 0x6B41_4653: "afs", 0x7461_636F: "ocfs2", 0x0116_1970: "gfs2",
        0x0BD0_0BD0: "lustre", 0x7375_7245: "coda", 0x564C: "ncp", 0x6E66_7364: "nfsd", 0x786F_4256: "vboxsf",
    ]

    init(of descriptor: Descriptor) {
        let type = dbx_file_system(descriptor.number)
        self = UInt32(exactly: type).flatMap { Self.remote[$0] }.map { .remote($0) } ?? .local
    }
}
