import FileSystem
import Glibc
public import SyncModel

/// How something in the mirror is not what have says.
public enum Damage: String, Hashable, Sendable {
    /// Nothing stands there.
    case missing
    /// Something of another kind stands there.
    case kind
    /// The bytes, or the target of a link, are not those of the revision.
    case content
    /// The modification time is not `client_modified`.
    case time
    /// It cannot be read.
    case unreadable
    /// Something is mounted there, or above it: what the mirror holds is hidden.
    case mount
}

extension MirrorTree {
    /// Compares what stands at a path with what have says of it, files byte for byte.
    ///
    /// - Returns: the damage; `nil` if there is none.
    public func inspect(_ entry: LocalEntry) throws(MirrorError) -> Damage? {
        do {
            return try damage(entry)
        } catch  where error.code == .otherFileSystem {
            return .mount
        } catch  where error.isAboutOnePath {
            return .unreadable
        }
    }

    private func damage(_ entry: LocalEntry) throws(MirrorError) -> Damage? {
        switch (entry.node, try observe(entry.path)) {
        case (_, .nothing): return .missing
        case (.folder, .folder):
            _ = try root.folder(entry.path)
            return nil
        case (.file(_, let version, let known), .file(let print)):
            if print.size != version.size { return .content }
            if try adoptable(entry.path, as: version) == nil { return .content }
            // A time that the file system cannot hold has become the nearest one that it can when the file was placed.
            let times = [version.modified.nanoseconds, known.modifiedNanoseconds]
            return times.contains(print.modifiedNanoseconds) ? nil : .time
        case (.link(_, let version, _), .link(_, let target)): return target == version.hash ? nil : .content
        default: return .kind
        }
    }

    /// What stands in a folder of the mirror under none of the names that are known, in no order.
    ///
    /// At the top dbxsync's own folder is left out, and `lost+found`, which every ext4 file system has there.
    ///
    /// - Returns: nothing if there is no such folder.
    /// - Throws: `MirrorError` if the disk refuses it.
    public func strangers(in path: MirrorPath, besides known: NameSet = NameSet()) throws(MirrorError) -> [MirrorPath] {
        var found: [MirrorPath] = []
        do {
            let folder = try root.folder(path)
            try forEachName(in: folder) { entry in
                let name = FileName(Self.shown(entry))
                if !known.contains(name), let stranger = try? path.appending(name) { found.append(stranger) }
                return true
            }
            guard path == .root, case .folder = try folder.observe(Self.lostAndFound.text) else { return found }
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return []
        }
        return found.filter { $0.name != Self.lostAndFound }
    }

    private static let lostAndFound = FileName("lost+found")

    /// Makes a folder readable again, or moves what cannot be read out of the way, so that it can be placed anew.
    ///
    /// - Returns: where it is now, relative to the mirror; `nil` if it stays.
    public func relieve(_ path: MirrorPath) throws -> String? {
        guard let parent = path.parent, let name = path.name else { return nil }
        let folder = try root.folder(parent)
        if case .folder = try folder.observe(name.text),
            fchmodat(folder.number, name.text, mode_t(settings.directoryMode), AT_SYMLINK_NOFOLLOW) == 0
        {
            return nil
        }
        let place = try setAside(path, in: folder, name: name.text)
        try folder.sync()
        return place
    }

    /// Moves something that is not ours out of the way, unless `local_changes` says to keep it.
    ///
    /// - Returns: where it is now, relative to the mirror; `nil` if it stays.
    public func setAsideStranger(_ path: MirrorPath) throws -> String? {
        settings.localChanges == .keep ? nil : try setAside(path)
    }

    /// Moves something that is not ours out of the way, whatever it is.
    ///
    /// - Returns: where it is now, relative to the mirror.
    public func setAside(_ path: MirrorPath) throws -> String {
        guard let folder = path.parent, let name = path.name else {
            throw MirrorError(code: .call, message: "set the mirror's root aside", number: EINVAL)
        }
        let parent = try root.folder(folder)
        let place = try setAside(path, in: parent, name: name.text)
        try parent.sync()
        return place
    }
}
