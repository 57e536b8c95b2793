import FileSystem
import Glibc
import SyncModel

// Making, renaming and removing folders, and removing files.
extension Applier {
    func makeFolder(_ key: RemoteKey, at path: MirrorPath) throws -> Outcome {
        let (folder, name) = try leaf(path, making: true)
        let mode = mode_t(tree.settings.directoryMode)
        if mkdirat(folder.number, name, mode) != 0 {
            guard errno == EEXIST else { throw MirrorError.call("make folder", path, in: folder) }
            let seen = try folder.observe(name)
            if let why = try conflict(of: name, in: folder, path) { return .parked(key, reason: why) }
            if case .folder(let inode) = seen { return .have(key, .folder(name: FileName(name), inode: inode)) }
            switch try clearTarget(path, folder: folder, name: name, seen: seen) {
            case .keepLocalEdit(let why): return .failed(key, why: why, retry: .seconds(3600))
            case .clear(.replaceable): try giveWay(path, folder: folder, name: name)
            case .clear(.vacant), .adopt, .nameCollision: break
            }
            guard mkdirat(folder.number, name, mode) == 0 else {
                throw MirrorError.call("make folder", path, in: folder)
            }
        }
        touch(path)
        let made = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_DIRECTORY)
        if let refusal = try inheritance(of: path).giveGroup(to: made) { tree.notices.add(refusal) }
        try made.setMode(ofNewFolder: mode)
        return .have(key, .folder(name: FileName(name), inode: UInt64(try made.status().st_ino)))
    }

    func relocate(_ entry: LocalEntry, to path: MirrorPath) throws -> Outcome {
        guard let (from, oldName) = try existing(entry.path),
            let source = try from.observe(oldName).ofKind(of: entry.node)
        else {
            // Somebody removed it; a folder is made anew so that what is recorded below it keeps its parent.
            return entry.node.isFolder ? try makeFolder(entry.key, at: path) : .have(entry.key, nil)
        }
        let (folder, name) = try leaf(path)
        // On a file system that folds case the new name leads to the same thing; then rename(2) just renames.
        let target = try folder.observe(name)
        if target != .nothing, target != source {
            if let why = try conflict(of: name, in: folder, path) { return .parked(entry.key, reason: why) }
            switch try clearTarget(path, folder: folder, name: name, seen: target) {
            case .keepLocalEdit(let why): return .failed(entry.key, why: why, retry: .seconds(3600))
            case .clear(.replaceable): try giveWay(path, folder: folder, name: name)
            case .clear(.vacant), .adopt, .nameCollision: break
            }
        }
        try tree.faults(.rename)
        guard from.rename(oldName, to: folder, name, replacing: target == source) == 0 else {
            throw MirrorError.call("rename \(entry.path) to", path)
        }
        forgetFolders()
        touch(entry.path)
        touch(path)
        _ = try leaf(entry.path)
        return .have(entry.key, entry.node.renamed(FileName(name)))
    }

    /// Removes a file of ours.
    ///
    /// - Parameter sparing: whether its content may be wanted elsewhere before long.
    func removeFile(_ entry: LocalEntry, sparing: Bool = false) throws -> Outcome {
        guard case .file(_, let held, let known) = entry.node else { return .recheck(entry.key) }
        guard let (folder, name) = try existing(entry.path) else { return .have(entry.key, nil) }
        // What is no regular file any more was put there by somebody else and is none of our business.
        guard case .file(let there) = try folder.observe(name) else { return .have(entry.key, nil) }
        if known != there, try !hash(folder, name: name, print: there, is: held) {
            switch tree.settings.localChanges {
            case .keep:
                return .failed(
                    entry.key, why: "deleted in Dropbox, changed here (local_changes = \"keep\")",
                    retry: .seconds(3600))
            case .aside:
                try setAside(entry.path, in: folder, name: name)
                return .have(entry.key, nil)
            case .overwrite:
                try remove(entry.path, in: folder, name: name, size: there.size, holding: nil)
                return .have(entry.key, nil)
            }
        }
        if sparing, known == there, let place = tree.displace(name, in: folder, holding: held.hash) {
            // It may be wanted elsewhere before the pass ends; what is left then goes into the trash.
            if trash != nil { keep(entry.path, place, .removed, size: there.size, held) }
        } else {
            try remove(entry.path, in: folder, name: name, size: there.size, holding: held)
        }
        touch(entry.path)
        return .have(entry.key, nil)
    }

    /// Moves a file or link into the trash, or removes it if there is none.
    func remove(
        _ path: MirrorPath, in folder: Descriptor, name: String, size: Int64, holding version: FileVersion?
    ) throws {
        touch(path)
        if let place = try trashed(path, in: folder, name: name) {
            return keep(path, place, .removed, size: size, version)
        }
        guard unlinkat(folder.number, name, 0) == 0 || errno == ENOENT else { throw MirrorError.call("remove", path) }
    }

    /// Moves something that is not ours, and may be overwritten, out of the way.
    func giveWay(_ path: MirrorPath, folder: Descriptor, name: String) throws {
        let seen = try folder.observe(name)
        if let place = try trashed(path, in: folder, name: name) {
            let size: Int64 = if case .file(let print) = seen { print.size } else { 0 }
            return keep(path, place, .replaced, size: size, nil)
        }
        unlinkat(folder.number, name, 0)
    }

    func removeFolder(_ entry: LocalEntry) throws -> Outcome {
        guard let (folder, name) = try existing(entry.path) else { return .have(entry.key, nil) }
        if unlinkat(folder.number, name, AT_REMOVEDIR) == 0 {
            forget(entry.path)
            touch(entry.path)
            return .have(entry.key, nil)
        }
        switch errno {
        case ENOTEMPTY, EEXIST:
            let why = "deleted in Dropbox, but it holds files that are not from there"
            return .failed(entry.key, why: why, retry: nil)
        // Gone already: that is what was asked for. What is no folder any more is none of our business.
        case ENOENT, ENOTDIR: return .have(entry.key, nil)
        default: throw MirrorError.call("remove folder", entry.path)
        }
    }

    func clear(_ key: RemoteKey, _ entries: [LocalEntry]) throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for entry in entries {
            let outcome =
                switch entry.node {
                case .folder: try clearFolder(entry)
                case .file: try removeFile(entry, sparing: true)
                case .link: try removeLink(entry)
                }
            outcomes.append(outcome)
            guard case .failed(let failed, let why, let retry) = outcome else { continue }
            // What waits for the place waits with what stands there.
            return failed == key ? outcomes : outcomes + [.failed(key, why: why, retry: retry)]
        }
        return outcomes + [.recheck(key)]
    }

    /// Removes a folder; with strangers in it, it is set aside as a whole.
    private func clearFolder(_ entry: LocalEntry) throws -> Outcome {
        let outcome = try removeFolder(entry)
        guard case .failed = outcome, tree.settings.localChanges != .keep,
            let (folder, name) = try existing(entry.path)
        else { return outcome }
        try setAside(entry.path, in: folder, name: name)
        forgetFolders()
        return .have(entry.key, nil)
    }
}

extension Observed {
    /// The same if it is a folder, file or link as `node` is.
    fileprivate func ofKind(of node: LocalNode) -> Observed? {
        switch (self, node) {
        case (.folder, .folder), (.file, .file), (.link, .link): self
        default: nil
        }
    }
}
