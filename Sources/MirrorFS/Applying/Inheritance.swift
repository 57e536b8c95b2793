import CLinux
import FileSystem
import Glibc

/// What a new entry gets from the folder it comes into, as if it had been made there: the group of a folder that hands its
/// own on (the set-group-ID bit, inode(7)), and its default ACL (acl(5)).
///
/// Files are made in the staging folder and renamed, so that the kernel does not see to it.
struct Inheritance {
    /// The group; nil for whatever the entry has.
    let group: gid_t?
    /// The default ACL as the kernel gives it (linux/posix_acl_xattr.h); empty if there is none.
    let defaultACL: [UInt8]

    /// Looks at a folder.
    ///
    /// - Parameter fixed: the group of everything that is made, if one is configured.
    init(from folder: Descriptor, group fixed: gid_t?) throws(MirrorError) {
        let status = try folder.status()
        group = fixed ?? (status.st_mode & S_ISGID != 0 ? status.st_gid : nil)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = bytes.withUnsafeMutableBytes { dbx_default_acl(folder.number, $0.baseAddress, $0.count) }
        defaultACL = Array(bytes.prefix(max(0, length)))
    }

    /// Gives a file what it inherits.
    ///
    /// - Returns: what was refused, in words; it is no reason not to have the file.
    func apply(to name: String, in folder: Descriptor, mode: mode_t) throws(MirrorError) -> String? {
        if group == nil && defaultACL.isEmpty { return nil }
        let file = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_NONBLOCK)
        if let refusal = try giveGroup(to: file) { return refusal }
        guard let acl = Self.accessACL(from: defaultACL, mode: mode) else { return nil }
        if acl.withUnsafeBytes({ dbx_set_access_acl(file.number, $0.baseAddress, $0.count) }) == 0 { return nil }
        return
            "files do not get the access rights that their folder's default ACL grants: \(SystemError(errno))"
    }

    /// Gives an open file or folder the group.
    ///
    /// - Returns: what was refused, in words.
    func giveGroup(to entry: Descriptor) throws(MirrorError) -> String? {
        guard let group, try entry.status().st_gid != group, fchown(entry.number, .max, group) != 0 else { return nil }
        return
            "new files and folders do not get the group \(group) of their folder: \(SystemError(errno)); "
            + "the user that dbxsync runs as has to be a member of it"
    }

    /// The access ACL of a file made with `mode` where `defaults` hold (acl(5), "object creation and default ACLs").
    ///
    /// - Returns: nil if there are none.
    static func accessACL(from defaults: [UInt8], mode: mode_t) -> [UInt8]? {
        // A version of four bytes, then entries: tag (2 bytes), permissions (2), id (4), little-endian.
        guard defaults.count > 4, (defaults.count - 4) % 8 == 0 else { return nil }
        let (owner, group, mask, other): (UInt8, UInt8, UInt8, UInt8) = (0x01, 0x04, 0x10, 0x20)
        let entries = stride(from: 4, to: defaults.count, by: 8)
        let hasMask = entries.contains { defaults[$0] == mask }
        var acl = defaults
        for entry in entries {
            switch acl[entry] {
            case owner: acl[entry + 2] &= UInt8(mode >> 6 & 7)
            case mask: acl[entry + 2] &= UInt8(mode >> 3 & 7)
            case group where !hasMask: acl[entry + 2] &= UInt8(mode >> 3 & 7)
            case other: acl[entry + 2] &= UInt8(mode & 7)
            default: break
            }
        }
        return acl
    }
}

extension Descriptor {
    /// Gives a new folder its mode, beside the set-group-ID bit that it has from the folder it is in (mkdir(2)).
    ///
    /// A process that is not a member of the folder's group would clear that bit by any chmod(2), even one to the same mode.
    func setMode(ofNewFolder mode: mode_t) throws(MirrorError) {
        let present = try status().st_mode & 0o7777
        let wanted = mode | (present & S_ISGID)
        if present == wanted { return }
        guard fchmod(number, wanted) == 0 else { throw .call("set the mode of", "a new folder") }
    }
}
