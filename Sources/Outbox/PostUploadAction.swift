import CLinux
import FileSystem
import Glibc
import SyncModel

/// Removes or moves a file that Dropbox has confirmed, if it still is what was confirmed.
///
/// It is first renamed to a name of dbxsync's own, so that what is looked at is what is removed: a file that is dropped
/// under its name meanwhile is not touched.
struct PostUploadAction {
    /// What became of a file.
    enum Outcome: Hashable, Sendable {
        /// It is removed, or stands at another place.
        case done
        /// It is not what was confirmed, or is gone.
        case changed
        /// Somebody has it open for writing.
        case busy
    }

    /// How names of files begin that are about to be removed or moved.
    static let asidePrefix = OutboxRules.ownPrefix + "-sent-"

    let folder: WatchedFolder
    let after: AfterUpload
    let hook: OutboxHook

    /// Works on one path.
    func perform(_ path: OutboxPath, _ receipt: OutboxReceipt) throws -> Outcome {
        guard let file = try folder.file(path), file.state == receipt.of else { return .changed }
        if dbx_has_writer(file.number) != 0 { return .busy }
        let home = try folder.folder(path.parent)
        let aside = Self.asidePrefix + String(receipt.of.inode, radix: 16)
        let failed = home.rename(path.name, to: home, aside)
        if failed == ENOENT { return .changed }
        guard failed == 0 else { throw DiskProblem("cannot be renamed", failed) }
        try hook(.setAside)
        guard home.state(aside)?.isSameButForRename(as: receipt.of) == true else {
            try putBack(aside, in: home, as: path.name)
            return .changed
        }
        try dispose(aside, in: home, of: path)
        return .done
    }

    /// Settles what a crash has left under a name of dbxsync's own.
    ///
    /// - Parameter row: the file that it was, if it is what was confirmed of that.
    func recover(_ aside: String, in path: OutboxPath, _ home: Descriptor, as row: OutboxFile?) throws {
        guard let row, row.path.parent == path, after != .keep else {
            let name = row.map(\.path.name) ?? "recovered-" + aside.dropFirst(Self.asidePrefix.count)
            return try putBack(aside, in: home, as: name)
        }
        try dispose(aside, in: home, of: row.path)
    }

    private func dispose(_ aside: String, in home: Descriptor, of path: OutboxPath) throws {
        guard case .move(let target) = after else {
            guard unlinkat(home.number, aside, 0) == 0 || errno == ENOENT else {
                let problem = DiskProblem("cannot be removed", errno)
                try putBack(aside, in: home, as: path.name)
                throw problem
            }
            return
        }
        do {
            let place = try place(target, path.parent)
            try rename(aside, from: home, to: place, name: path.name, what: "cannot be moved to \(target)")
        } catch {
            try putBack(aside, in: home, as: path.name)
            throw error
        }
    }

    /// Gives a file its name again, or a numbered one if that is taken by now.
    private func putBack(_ aside: String, in home: Descriptor, as name: String) throws(DiskProblem) {
        try rename(aside, from: home, to: home, name: name, what: "cannot be given its name again")
    }

    /// Renames to a name, or to the first numbered one that is free.
    private func rename(_ old: String, from home: Descriptor, to place: Descriptor, name: String, what: String)
        throws(DiskProblem)
    {
        for number in 0..<10_000 {
            let failed = home.rename(old, to: place, NumberedName.of(name, number))
            if failed == 0 || failed == ENOENT { return }
            guard failed == EEXIST else { throw DiskProblem(what, failed) }
        }
        throw DiskProblem(what, EEXIST)
    }

    /// The folder that receives a file, with what lacks above it.
    private func place(_ target: String, _ below: OutboxPath) throws(DiskProblem) -> Descriptor {
        let isAbsolute = target.hasPrefix("/")
        var here = folder.root
        if isAbsolute {
            let number = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard number >= 0 else { throw DiskProblem("cannot be moved to \(target)", errno) }
            here = Descriptor(number)
        }
        for name in (isAbsolute ? [] : target.pathComponents) + below.components {
            guard mkdirat(here.number, name, 0o777) == 0 || errno == EEXIST else {
                throw DiskProblem("cannot be moved to \(target)", errno)
            }
            let next = openat(here.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw DiskProblem("cannot be moved to \(target)", errno) }
            here = Descriptor(next)
        }
        return here
    }
}

/// A name with a number before its extension; pure.
enum NumberedName {
    /// `a.txt`, `a (1).txt`, `a (2).txt` and so on; cut so that a file system takes it.
    static func of(_ name: String, _ number: Int) -> String {
        if number == 0 { return name }
        let dot =
            name.utf8.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > name.startIndex ? $0 : nil } ?? name.endIndex
        let end = " (\(number))" + name[dot...]
        var stem = name[..<dot]
        while stem.utf8.count + end.utf8.count > 255, !stem.isEmpty { stem.removeLast() }
        return stem + end
    }
}
