import CLinux
import FileSystem
import Glibc
import SyncModel

// Symbolic links of the account: made, replaced and removed as what they are, and never followed.
extension Applier {
    func makeLink(_ placement: LinkPlacement) throws -> Outcome {
        let path = placement.path
        let (folder, name) = try leaf(path, making: true)
        for _ in 0..<Self.looks {
            let seen = try folder.observe(name)
            if seen != .nothing, let why = try conflict(of: name, in: folder, path) {
                return .parked(placement.key, reason: why)
            }
            if let node = standing(placement, seen) {
                setTime(name, in: folder, placement.link.modified)
                touch(path)
                return .have(placement.key, node)
            }
            if let refusal = try stage(placement) { return .parked(placement.key, reason: refusal) }
            var kept: KeptItem?
            let isOurs = placement.replacing.map { $0.isLink(seen) } ?? false
            if isOurs {
                kept = try keptReplaced(path, in: folder, name).map {
                    KeptItem(path: path.remoteText, place: $0, reason: .replaced, size: 0)
                }
            } else if seen != .nothing {
                switch try clearTarget(path, folder: folder, name: name, seen: seen) {
                case .keepLocalEdit(let why):
                    unlinkat(try tree.staging.number, placement.part, 0)
                    return .failed(placement.key, why: why, retry: .seconds(3600))
                case .clear(.replaceable): try giveWay(path, folder: folder, name: name)
                case .clear(.vacant), .adopt, .nameCollision: break
                }
            }
            try tree.faults(.rename)
            if try tree.staging.rename(placement.part, to: folder, name, replacing: isOurs) == 0 {
                if let kept { self.kept.append(kept) }
                touch(path)
                let made = try folder.observe(name)
                return standing(placement, made).map { .have(placement.key, $0) } ?? .recheck(placement.key)
            }
            let reason = errno
            if let kept { trash?.takeBack(kept.place, to: name, in: folder) }
            errno = reason
            guard !isOurs, errno == EEXIST else { break }
        }
        throw MirrorError.call("rename a link to", path)
    }

    /// What is recorded if what is wanted stands there.
    private func standing(_ placement: LinkPlacement, _ seen: Observed) -> LocalNode? {
        let version = placement.link.version
        guard case .link(let inode, version.hash) = seen, let name = placement.path.name else { return nil }
        return .link(name: name, version, inode: inode)
    }

    /// Makes the link under a name of its own in the staging folder.
    ///
    /// - Returns: why the file system does not take it, if it does not.
    private func stage(_ placement: LinkPlacement) throws -> String? {
        let staging = try tree.staging
        unlinkat(staging.number, placement.part, 0)
        guard symlinkat(placement.link.target, staging.number, placement.part) == 0 else {
            switch errno {
            case EPERM, EOPNOTSUPP, ENOSYS: return "the mirror's file system cannot hold symbolic links"
            case ENAMETOOLONG: return "the mirror's file system takes no symbolic link with so long a target"
            default: throw MirrorError.call("make link", placement.path, in: staging)
            }
        }
        setTime(placement.part, in: staging, placement.link.modified)
        return nil
    }

    /// The time of a link matters to nobody here: where it cannot be set it stays as it is.
    private func setTime(_ name: String, in folder: Descriptor, _ time: Timestamp) {
        _ = dbx_set_link_modified(folder.number, name, time.seconds)
    }

    /// Removes a link of ours.
    func removeLink(_ entry: LocalEntry) throws -> Outcome {
        guard let (folder, name) = try existing(entry.path) else { return .have(entry.key, nil) }
        let seen = try folder.observe(name)
        // What is no link any more was put there by somebody else and is none of our business.
        guard case .link = seen else { return .have(entry.key, nil) }
        if entry.isLink(seen) {
            try remove(entry.path, in: folder, name: name, size: 0, holding: nil)
            return .have(entry.key, nil)
        }
        switch tree.settings.localChanges {
        case .keep:
            return .failed(
                entry.key, why: "deleted in Dropbox, changed here (local_changes = \"keep\")", retry: .seconds(3600))
        case .aside: try setAside(entry.path, in: folder, name: name)
        case .overwrite: try remove(entry.path, in: folder, name: name, size: 0, holding: nil)
        }
        return .have(entry.key, nil)
    }
}

extension LocalEntry {
    /// Whether `seen` is the link that is recorded: that with this target, whatever its inode.
    fileprivate func isLink(_ seen: Observed) -> Bool {
        guard case .link(_, let version, _) = node, case .link(_, version.hash) = seen else { return false }
        return true
    }
}

extension LinkPlacement {
    /// What it is called while it is made.
    fileprivate var part: String { MirrorTree.partName(link.rev, key) }
}
