import FileSystem
import Glibc
public import SyncModel

/// What a look by stat tells of files that are to be placed.
public struct Survey: Sendable {
    /// Those of which nothing is here: nothing that may be what is wanted stands at their target, and no part of an
    /// earlier download is left.
    public var absent: Set<RemoteKey> = []
    /// Those at whose target something stands that may be what is wanted.
    public var standing: Set<RemoteKey> = []
}

extension MirrorTree {
    /// Looks at the targets of `placements`.
    ///
    /// Looks at many at once: a folder that several have in common is opened once. Something that comes to stand there
    /// afterwards is noticed when the file is put in place.
    public func survey(_ placements: [Placement]) throws(MirrorError) -> Survey {
        var found = Survey()
        var last: (path: MirrorPath, folder: Descriptor?)?
        let staging = try staging
        let mayBeDisplaced = try hasDisplaced()
        for placement in placements {
            do {
                guard let parent = placement.path.parent, let name = placement.path.name else { continue }
                if last?.path != parent { last = (parent, try existingFolder(parent)) }
                let seen = try last?.folder?.observe(name.text) ?? .nothing
                if placement.mayAlreadyBe(seen) {
                    found.standing.insert(placement.key)
                    continue
                }
                let part = Self.partName(placement.version.rev, placement.key)
                guard try staging.observe(part) == .nothing,
                    try mayBeDisplaced ? !hasDisplaced(placement.version) : true
                else { continue }
                found.absent.insert(placement.key)
            } catch  where error.disposition == .skipItem {
                continue  // whoever gets it ready meets the same, and it is that file's trouble alone
            }
        }
        return found
    }

    /// The folder at `path`; `nil` if there is none, or a link in its stead.
    private func existingFolder(_ path: MirrorPath) throws(MirrorError) -> Descriptor? {
        do {
            return try root.folder(path)
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return nil
        }
    }
}

extension Placement {
    /// Whether `seen`, which stands at the target, is not the file we know there and may be what is wanted.
    public func mayAlreadyBe(_ seen: Observed) -> Bool {
        guard case .file(let print) = seen, print.size == version.size else { return false }
        guard case .file(_, let held, let known)? = replacing?.node else { return true }
        return known != print || held.isUnproven
    }
}
