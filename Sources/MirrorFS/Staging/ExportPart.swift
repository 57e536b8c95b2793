import FileSystem
import Glibc
public import SyncModel

/// An export that is being received: its size and hash are known when it has come.
///
/// Not for use by two threads at a time.
public final class ExportPart: @unchecked Sendable {
    // `@unchecked`: one user at a time by contract.
    private let folder: Descriptor
    private let file: Descriptor
    private let name: String
    private let hasher = ContentHasher()
    private var size: Int64 = 0

    /// Begins the part file `name` anew.
    init(name: String, in folder: Descriptor, mode: mode_t) throws(MirrorError) {
        self.folder = folder
        self.name = name
        file = try Descriptor.open(name, in: folder, flags: O_RDWR | O_CREAT | O_TRUNC, mode: mode | 0o600)
    }

    private var place: String { MirrorTree.own + "/staging/" + name }

    /// Writes the next bytes and hashes them.
    ///
    /// - Throws: `MirrorError`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(MirrorError) {
        try file.write(bytes, at: size, of: place)
        size += Int64(bytes.count)
        hasher.update(bytes)
    }

    /// Forgets everything received.
    ///
    /// - Throws: `MirrorError`.
    public func restart() throws(MirrorError) {
        guard ftruncate(file.number, 0) == 0 else { throw .call("truncate", place) }
        size = 0
        _ = hasher.finish()
    }

    /// What has come.
    public func finish() -> ExportedFile.Content { ExportedFile.Content(size: size, hash: hasher.finish()) }

    /// Keeps it as the complete part file of a version, which `MirrorTree.stageAnew` finds.
    ///
    /// - Throws: `MirrorError`.
    public func keep(as version: FileVersion, for key: RemoteKey) throws(MirrorError) {
        let part = MirrorTree.partName(version.rev, key)
        unlinkat(folder.number, BlockFile.listName(of: part), 0)
        guard renameat(folder.number, name, folder.number, part) == 0 else { throw .call("rename", place) }
    }

    /// Removes the part file.
    public func discard() { unlinkat(folder.number, name, 0) }
}

extension MirrorTree {
    /// Begins to receive the export of a revision that is to stand at `key`.
    public func stageExport(_ rev: Rev, for key: RemoteKey) throws(MirrorError) -> ExportPart {
        // Its name begins with the revision, like that of every part: it goes with those that nobody wants any more.
        try ExportPart(name: Self.partName(rev, key) + ".export", in: staging, mode: mode_t(settings.fileMode))
    }
}
