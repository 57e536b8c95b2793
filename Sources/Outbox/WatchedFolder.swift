import CLinux
import FileSystem
import Glibc
import SyncModel

/// Why something on the disk could not be done: the end of a sentence that begins with the path.
struct DiskProblem: Error, Hashable, Sendable, CustomStringConvertible {
    let reason: String
    let number: Int32

    init(_ what: String, _ number: Int32) {
        reason = "\(what): \(SystemError(number))"
        self.number = number
    }

    var description: String { reason }
}

/// The calls that the outbox makes, with its own errors.
extension Descriptor {
    /// What stands under a name in this folder, if it is a file; symbolic links are not followed.
    func state(_ name: String) -> FileState? {
        var status = stat()
        guard fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return FileState(status)
    }

    /// The state of this file; `nil` if it is none.
    var state: FileState? {
        var status = stat()
        return fstat(number, &status) == 0 ? FileState(status) : nil
    }

    /// Another descriptor for the same, which belongs to the caller.
    func copy() throws(DiskProblem) -> Int32 {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw DiskProblem("cannot be opened", errno) }
        return copy
    }

    /// Opens a file in this folder for reading.
    ///
    /// - Returns: `nil` if there is none.
    func open(_ name: String) throws(DiskProblem) -> Descriptor? {
        // A named pipe would block.
        let file = openat(number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 && [ENOENT, ENOTDIR, ELOOP, ENXIO].contains(errno) { return nil }
        guard file >= 0 else { throw DiskProblem("cannot be opened", errno) }
        return Descriptor(file)
    }

    /// Renames without replacing anything.
    ///
    /// - Returns: 0, or the error number.
    func rename(_ name: String, to folder: Descriptor, _ target: String) -> Int32 {
        renameNoReplace(name, to: folder, target) == 0 ? 0 : errno
    }
}

extension FileState {
    /// The state of a regular file; `nil` for everything else.
    init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        self.init(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedNanoseconds: nanoseconds(status.st_mtim), changedNanoseconds: nanoseconds(status.st_ctim))
    }
}

/// The watched folder, held by descriptor; nothing outside it is reached, and no symbolic link is followed.
struct WatchedFolder: Sendable {
    let path: String
    let root: Descriptor

    /// Opens it.
    init(_ path: String) throws(DiskProblem) {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw DiskProblem("cannot be opened", errno) }
        self.path = path
        root = Descriptor(number)
    }

    /// Opens a folder in it.
    func folder(_ path: OutboxPath) throws(DiskProblem) -> Descriptor {
        if path.text.isEmpty { return root }
        let number = dbx_open_beneath(root.number, path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw DiskProblem("cannot be read", errno) }
        return Descriptor(number)
    }

    /// Whether there is a folder at a path.
    func isFolder(_ path: OutboxPath) -> Bool { (try? folder(path)) != nil }

    /// The file that stands at a path; `nil` for none.
    func state(_ path: OutboxPath) -> FileState? { (try? folder(path.parent))?.state(path.name) }

    /// Opens the file at a path for reading; `nil` if there is none.
    func file(_ path: OutboxPath) throws(DiskProblem) -> Descriptor? {
        do {
            return try folder(path.parent).open(path.name)
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
    }

    /// One thing in a folder.
    enum Item {
        case file(String, FileState)
        case folder(String)
        /// A name that is not UTF-8, as far as it can be shown.
        case misnamed(String)
    }

    /// What stands in an open folder; what is neither file nor folder is passed over.
    static func items(_ folder: Descriptor) throws(DiskProblem) -> [Item] {
        var items: [Item] = []
        do {
            try DirectoryEntries(of: folder).forEach { entry in
                if let item = item(entry, of: folder) { items.append(item) }
                return true
            }
        } catch {
            throw DiskProblem("cannot be read", error.number)
        }
        return items
    }

    private static func item(_ entry: DirectoryEntries.Entry, of folder: Descriptor) -> Item? {
        guard let name = String(validating: entry.bytes, as: UTF8.self) else { return .misnamed(entry.text) }
        var status = stat()
        guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }  // it has just gone
        if let state = FileState(status) { return .file(name, state) }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder(name) : nil
    }
}
