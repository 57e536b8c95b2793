import FileSystem
import Glibc

/// What stands below a local directory.
struct LocalTree {
    /// One thing of it, with its path below the directory.
    enum Item: Hashable, Sendable {
        case file(String, size: Int64)
        /// A directory with nothing in it that goes up.
        case emptyFolder(String)
        /// Something that does not go up, and why.
        case leftOut(String, String)
    }

    private let root: String
    /// Directories that are still to be read.
    private var folders = [""]

    init(_ root: String) { self.root = root }

    /// What stands in the next directory; `nil` when there is none any more.
    mutating func next() throws(UploadError) -> [Item]? {
        guard let folder = folders.popLast() else { return nil }
        let names = try names(in: folder)
        var items: [Item] = []
        var isEmpty = true
        for name in names {
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            var status = stat()
            guard lstat("\(root)/\(path)", &status) == 0 else { continue }  // it has just gone
            switch status.st_mode & S_IFMT {
            case S_IFREG: items.append(.file(path, size: Int64(status.st_size)))
            case S_IFDIR: folders.append(path)
            case S_IFLNK:
                items.append(.leftOut(path, "a symbolic link"))
                continue
            default:
                items.append(.leftOut(path, "neither a file nor a directory"))
                continue
            }
            isEmpty = false
        }
        if isEmpty { items.append(.emptyFolder(folder)) }
        return items
    }

    private func names(in folder: String) throws(UploadError) -> [String] {
        let path = folder.isEmpty ? root : "\(root)/\(folder)"
        do {
            return try DirectoryEntries(of: path).names().sorted()
        } catch {
            throw error.number == ENOENT
                ? UploadError(.missing, path, "no such directory")
                : UploadError(.unreadable, path, "cannot be read: \(error)")
        }
    }
}
