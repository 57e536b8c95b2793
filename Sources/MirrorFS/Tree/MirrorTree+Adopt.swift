import FileSystem
import Glibc
public import SyncModel

// Files that stand in the mirror already and may be what is wanted there.
extension MirrorTree {
    /// The fingerprint of the file at `path` if it holds exactly `version`.
    ///
    /// - Returns: the fingerprint from before it was read; `nil` if it is no such file.
    public func adoptable(_ path: MirrorPath, as version: FileVersion) throws(MirrorError) -> Fingerprint? {
        guard let parent = path.parent, let name = path.name else { return nil }
        do {
            let file = try Descriptor.open(name.text, in: root.folder(parent), flags: O_RDONLY | O_NONBLOCK)
            guard case .file(let print) = Observed(try file.status()), print.size == version.size else { return nil }
            return try file.holds(version, print, ContentHasher()) ? print : nil
        } catch  where [ENOENT, ENOTDIR, ELOOP, ENXIO].contains(error.number) {
            return nil
        }
    }

    /// Those of `placements` whose files stand at their targets already, with their fingerprints from before they were
    /// read.
    ///
    /// Reads many in a row: a folder that several have in common is opened once. A file that cannot be read, whatever
    /// the reason, is left out: whoever gets it ready meets the same, and it is that file's trouble alone.
    ///
    /// - Parameter isCancelled: asked before each file; the rest is left out then.
    public func adoptable(
        _ placements: some Sequence<Placement>, unless isCancelled: () -> Bool
    ) -> [RemoteKey: Fingerprint] {
        var found: [RemoteKey: Fingerprint] = [:]
        var hasher = ContentHasher()
        var last: (path: MirrorPath, folder: Descriptor)?
        for placement in placements {
            if isCancelled() { break }
            guard let parent = placement.path.parent, let name = placement.path.name else { continue }
            do {
                if last?.path != parent { last = (parent, try root.folder(parent)) }
                guard let folder = last?.folder else { continue }
                let file = try Descriptor.open(name.text, in: folder, flags: O_RDONLY | O_NONBLOCK)
                let seen = Observed(try file.status())
                guard case .file(let print) = seen, placement.mayAlreadyBe(seen),
                    try file.holds(placement.version, print, hasher)
                else { continue }
                found[placement.key] = print
            } catch {
                hasher = ContentHasher()  // it may have taken a part of the file
            }
        }
        return found
    }
}

extension Descriptor {
    /// Whether this file, which had the fingerprint `print` when it was opened, holds exactly `version` and has not
    /// changed meanwhile.
    ///
    /// - Parameter hasher: one that has taken nothing; so it is left unless an error is thrown.
    fileprivate func holds(
        _ version: FileVersion, _ print: Fingerprint, _ hasher: ContentHasher
    ) throws(MirrorError) -> Bool {
        _ = try FileContent.feed(self, size: off_t(print.size), to: hasher)
        let after = Observed(try status())
        return hasher.finish() == version.hash && after == .file(print)
    }
}
