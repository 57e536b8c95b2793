import FileSystem
import Glibc
public import SyncModel

extension MirrorTree {
    /// Takes over a file that somebody has put into the mirror and that has been uploaded from there: it gets the name that
    /// Dropbox chose, and is made durable.
    ///
    /// A name that is taken stays with who has it: what the account has under it goes beside it, as ever.
    ///
    /// - Parameters:
    ///   - path: where it stands, from the top of the mirror.
    ///   - inode: the file that went up; another one that has taken its place meanwhile is left alone.
    ///   - name: how it is called in the account.
    /// - Returns: the folders above it from the top down; `nil` if one is not there any more, another file stands
    ///   there, or the mirror is away.
    public func adoptUpload(_ path: OutboxPath, inode: UInt64, as name: String) -> [FolderIdentity]? {
        guard let root = try? root else { return nil }
        var folders: [FolderIdentity] = []
        var here = root.descriptor
        for component in path.parent.components {
            guard let next = try? here.folder(component), let status = try? next.status() else { return nil }
            folders.append(FolderIdentity(name: component, inode: UInt64(status.st_ino)))
            here = next
        }
        // What cannot be made durable, or renamed, is left to the next pass: it compares what stands with what is wanted.
        if let file = try? Descriptor.open(path.name, in: here, flags: O_RDONLY | O_NONBLOCK) {
            if let status = try? file.status(), UInt64(status.st_ino) != inode { return nil }
            try? file.sync()
        }
        if !path.name.utf8.elementsEqual(name.utf8) { _ = here.renameNoReplace(path.name, to: here, name) }
        try? here.sync()
        return folders
    }
}
