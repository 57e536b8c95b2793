package import FileSystem
import Glibc
package import SyncModel

/// Whose file something becomes.
package struct FileOwner: Hashable, Sendable {
    /// Number of the user.
    package var user: UInt32
    /// Number of the group.
    package var group: UInt32

    /// Names both.
    package init(user: UInt32, group: UInt32) { (self.user, self.group) = (user, group) }
}

/// A place outside the mirror where a file is to be that never takes the place of another one.
package struct NewFile: Sendable {
    /// Where it is to be.
    package var path: String
    /// Whether what is unfinished has a name that an outbox leaves alone.
    package var isHidden: Bool
    /// Whose it becomes; nil for whoever runs this.
    package var owner: FileOwner?

    /// Names a place.
    package init(_ path: String, isHidden: Bool = false, owner: FileOwner? = nil) {
        (self.path, self.isHidden, self.owner) = (path, isHidden, owner)
    }

    /// Copies a file there.
    ///
    /// - Parameters:
    ///   - version: what the copy has to be; nil if nobody knows.
    ///   - label: what tells an unfinished copy of this from others; the revision, if there is one.
    ///   - modified: its modification time.
    ///   - meter: counts what is there.
    ///   - copy: fills an empty file.
    /// - Returns: false if it is there already, byte for byte.
    /// - Throws: `DownloadError`, with `.exists` if something else is there, and what `copy` throws.
    package func copy(
        _ version: FileVersion?, label: Rev, modified: Timestamp, meter: DownloadMeter,
        _ copy: (Descriptor) throws -> Void
    ) throws -> Bool {
        if try isThere(version, meter) { return false }
        let part = try PartFile(for: path, label, isHidden: isHidden, meter: meter)
        do {
            try part.fill(copy)
        } catch {
            try? part.restart()  // what is left of it is of no use
            part.discard()
            throw error
        }
        if let version, !part.isWhole(version) {
            try part.restart()
            part.discard()
            throw DownloadError(.mismatch, "\(path): what was copied is not what its content hash says")
        }
        try part.publishNew(modified, owner: owner)
        meter.addFile()
        return true
    }

    /// Makes a symbolic link there.
    ///
    /// - Parameter target: the bytes of its target, taken as they are.
    /// - Returns: false if it is there already.
    /// - Throws: `DownloadError`, with `.exists` if something else is there.
    package func link(to target: [UInt8]) throws(DownloadError) -> Bool {
        let characters = target.map { CChar(bitPattern: $0) }
        if symlink(characters + [0], path) == 0 {
            if let owner, lchown(path, owner.user, owner.group) != 0 {
                throw DownloadError(.unusable, "\(path): cannot be given away: \(SystemError(errno))")
            }
            return true
        }
        guard errno == EEXIST else {
            throw DownloadError(.unusable, "\(path): the link cannot be made: \(SystemError(errno))")
        }
        var there = [CChar](repeating: 0, count: target.count + 1)
        let count = readlink(path, &there, there.count)
        guard count == target.count, there.prefix(count).elementsEqual(characters) else {
            throw PartFile.exists(path)
        }
        return false
    }

    /// Whether it is there already, byte for byte.
    fileprivate func isThere(_ version: FileVersion?, _ meter: DownloadMeter) throws(DownloadError) -> Bool {
        var status = stat()
        if lstat(path, &status) != 0 { return false }
        guard let version, PartFile.isThere(path, version, settingTime: false) else { throw PartFile.exists(path) }
        meter.add(version.size)
        meter.addFile()
        return true
    }

    /// Makes the folders of a relative path in `top`, as far as they are not there.
    ///
    /// No symbolic link below `top` is followed: it may lead anywhere, and its target may come from the account.
    ///
    /// - Throws: `DownloadError`, with `.exists` if something else stands in place of one.
    package static func makeFolders(_ names: [String], in top: String, owner: FileOwner?) throws(DownloadError) {
        var path = top
        for name in [""] + names {
            if !name.isEmpty { path += path.hasSuffix("/") ? name : "/" + name }
            if mkdir(path, 0o777) == 0 {
                if let owner, lchown(path, owner.user, owner.group) != 0 {
                    throw DownloadError(.unusable, "\(path): cannot be given away: \(SystemError(errno))")
                }
                continue
            }
            guard errno == EEXIST else {
                throw DownloadError(.unusable, "\(path): cannot be made: \(SystemError(errno))")
            }
            if !name.isEmpty { try requireFolder(path) }
        }
    }

    private static func requireFolder(_ path: String) throws(DownloadError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw DownloadError(.unusable, "\(path): cannot be looked at: \(SystemError(errno))")
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return
        case S_IFLNK:
            throw DownloadError(
                .exists, "\(path): is a symbolic link, which is not followed; remove it, or name another directory")
        default: throw DownloadError(.exists, "\(path): stands there already, and is not a folder")
        }
    }
}

extension Download {
    /// Downloads this version to a place where nothing stands.
    ///
    /// - Returns: false if it is there already, byte for byte.
    /// - Throws: `DownloadError`, with `.exists` if something else is there, and what the client throws.
    package func restore(_ version: FileVersion, to place: NewFile) async throws -> Bool {
        if try place.isThere(version, meter) { return false }
        let part = try PartFile(for: place.path, version.rev, isHidden: place.isHidden, meter: meter)
        try await fill(part, version)
        try part.publishNew(version.modified, owner: place.owner)
        meter.addFile()
        return true
    }
}
