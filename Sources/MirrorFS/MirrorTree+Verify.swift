import Glibc
public import SyncModel

/// How something in the mirror is not what have says.
public enum Damage: String, Hashable, Sendable {
    /// Nothing stands there.
    case missing
    /// Something of another kind stands there.
    case kind
    /// The bytes are not those of the revision.
    case content
    /// The modification time is not `client_modified`.
    case time
    /// It cannot be read.
    case unreadable
}

extension MirrorTree {
    /// Compares what stands at a path with what have says of it, files byte for byte.
    ///
    /// - Returns: the damage; `nil` if there is none.
    public func inspect(_ standing: Standing) throws(MirrorError) -> Damage? {
        switch (standing.node, try observe(standing.path)) {
        case (_, .nothing): return .missing
        case (.folder, .folder): return nil
        case (.file(_, let version, let known), .file(let print)):
            if print.size != version.size { return .content }
            if let damage = try damagedContent(standing.path, version) { return damage }
            // A time that the file system cannot hold has become the nearest one that it can when the file was placed.
            let times = [version.modified.nanoseconds, known.modifiedNanoseconds]
            return times.contains(print.modifiedNanoseconds) ? nil : .time
        default: return .kind
        }
    }

    private func damagedContent(_ path: MirrorPath, _ version: FileVersion) throws(MirrorError) -> Damage? {
        do {
            return try adoptable(path, as: version) == nil ? .content : nil
        } catch  where [EACCES, EPERM, EIO].contains(error.number) {
            return .unreadable
        }
    }

    /// The names of everything that stands in a folder of the mirror, dbxsync's own folder left out.
    ///
    /// - Returns: no names if there is no such folder.
    public func names(in path: MirrorPath) throws(MirrorError) -> Set<FileName> {
        do {
            let all = Set(try names(in: root.folder(path)).map { FileName($0) })
            return path == .root ? all.subtracting([MirrorPath.ownFolder]) : all
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return []
        }
    }

    /// Moves something that is not ours out of the way, unless `local_changes` says to keep it.
    ///
    /// - Returns: where it is now, relative to the mirror; `nil` if it stays.
    public func setAsideStranger(_ path: MirrorPath) throws -> String? {
        guard settings.localChanges != .keep, let folder = path.parent, let name = path.name else { return nil }
        let parent = try root.folder(folder)
        let place = try setAside(path, in: parent, name: name.text)
        try parent.sync()
        return place
    }
}
