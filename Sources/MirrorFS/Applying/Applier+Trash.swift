import FileSystem
import Glibc
import SyncModel

// What leaves the mirror and is kept.
extension Applier {
    /// Notes that something is kept.
    func keep(
        _ path: MirrorPath, _ place: String, _ reason: KeptReason, size: Int64, _ version: FileVersion?
    ) {
        kept.append(
            KeptItem(path: path.remoteText, place: place, reason: reason, version: version?.proven, size: size))
    }

    /// Moves something that is not ours out of the way, and keeps it.
    func setAside(_ path: MirrorPath, in folder: Descriptor, name: String) throws {
        let place = try tree.setAside(path, in: folder, name: name)
        kept.append(tree.setAsideItem(path, at: place))
        touch(path)
    }

    /// Moves what stands under `name` into the trash.
    ///
    /// - Returns: where it is now; nil if nothing is kept, or it cannot be.
    func trashed(_ path: MirrorPath, in folder: Descriptor, name: String) throws(MirrorError) -> String? {
        guard let trash else { return nil }
        return try orUnkept(path) { () throws(MirrorError) in try trash.keep(name, in: folder, path) }
    }

    /// Keeps what stands under `name` and is about to be replaced.
    ///
    /// - Returns: where it is now, too; nil if nothing is kept, or it cannot be.
    func keptReplaced(_ path: MirrorPath, in folder: Descriptor, _ name: String) throws(MirrorError) -> String? {
        guard let trash else { return nil }
        return try orUnkept(path) { () throws(MirrorError) in
            // Without second names there is a moment in which nothing stands under the first.
            if let place = try trash.link(name, in: folder, path) {
                place
            } else {
                try trash.keep(name, in: folder, path)
            }
        }
    }

    /// Why something cannot be kept that can be removed.
    private static let unkeepable = [ENOSPC, EDQUOT, EXDEV, ENAMETOOLONG, EMLINK, ENOENT]

    /// What a full disk, or one that is mounted in the mirror, cannot keep is removed all the same, and that is told.
    func orUnkept(_ path: MirrorPath, _ keep: () throws(MirrorError) -> String) throws(MirrorError) -> String? {
        do {
            return try keep()
        } catch {
            guard Self.unkeepable.contains(error.number) || error.code == .noInodes else { throw error }
            if error.number != ENOENT { tree.notices.add("\(path.remoteText) cannot be kept in the trash: \(error)") }
            return nil
        }
    }
}

extension FileVersion {
    /// The same, unless the file may hold something else.
    fileprivate var proven: FileVersion? { isUnproven ? nil : self }
}
