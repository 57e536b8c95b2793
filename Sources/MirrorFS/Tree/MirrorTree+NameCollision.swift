import FileSystem
import Glibc
import SyncModel

// File systems that take different names for the same: folders that fold case, or forms of composition.
extension MirrorTree {
    /// How the entry that `name` leads to is spelled, if otherwise.
    ///
    /// It may be another entry of the account, which the file system cannot hold beside this one. Only for what is not
    /// known to be ours: it may read the whole folder.
    ///
    /// - Parameter known: names that were read before; those of the folder, if it was read now.
    func collidingName(of name: String, in folder: Descriptor, known: inout Set<[UInt8]>) throws(MirrorError) -> String?
    {
        let bytes = Array(name.utf8)
        guard try folder.mayFold(name), !known.contains(bytes), let inode = try folder.inode(of: name) else {
            return nil
        }
        var (names, same): (Set<[UInt8]>, String?) = ([], nil)
        try forEachEntry(in: folder) { entry, number in
            let spelled = UnsafeBufferPointer(start: entry, count: strlen(entry)).map { UInt8(truncatingIfNeeded: $0) }
            names.insert(spelled)
            if number == inode, spelled != bytes { same = MirrorTree.shown(entry) }
            return true
        }
        known = names
        return names.contains(bytes) ? nil : same ?? "another entry"
    }
}

extension Descriptor {
    /// Whether this folder may take `name` for another one; not if a name in ASCII is not found in the other case.
    fileprivate func mayFold(_ name: String) throws(MirrorError) -> Bool {
        guard name.utf8.allSatisfy({ $0 < 0x80 }) else { return true }
        let other = String(decoding: name.utf8.map(\.inOtherCase), as: UTF8.self)
        guard other != name, let inode = try inode(of: other) else { return false }
        return try self.inode(of: name) == inode
    }

    /// The inode that `name` leads to; `nil` if nothing stands there.
    fileprivate func inode(of name: String) throws(MirrorError) -> UInt64? {
        var status = stat()
        guard fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw .call("stat", name)
        }
        return UInt64(status.st_ino)
    }
}

extension UInt8 {
    fileprivate var inOtherCase: UInt8 {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): self ^ 0x20
        default: self
        }
    }
}
