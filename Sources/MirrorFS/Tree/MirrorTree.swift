import CLinux
import FileSystem
import Glibc
public import SyncModel
import Synchronization

/// What to do with files of the mirror that were changed or put there by somebody else.
public enum LocalChanges: String, Hashable, Sendable, CaseIterable {
    /// Move them into `.dbxsync/aside` and go on.
    case aside
    /// Replace or remove them.
    case overwrite
    /// Leave them; the path is listed as failing.
    case keep
}

/// How things in the mirror are made.
public struct MirrorSettings: Hashable, Sendable {
    /// Permission bits of files.
    public var fileMode: UInt32
    /// Permission bits of folders.
    public var directoryMode: UInt32
    /// Number of the group of what is made; nil: as in the folder that it is made in.
    public var group: UInt32?
    /// What to do with files that are not ours.
    public var localChanges: LocalChanges

    /// Makes settings.
    public init(
        fileMode: UInt32 = 0o640, directoryMode: UInt32 = 0o750, group: UInt32? = nil,
        localChanges: LocalChanges = .aside
    ) {
        self.fileMode = fileMode
        self.directoryMode = directoryMode
        self.group = group
        self.localChanges = localChanges
    }
}

/// The mirror on the disk: the only code that changes it.
///
/// Synchronous and blocking; each effect looks before it acts, so doing one twice does no harm.
public final class MirrorTree: Sendable {
    /// The mirror directory.
    public let path: String
    /// Nil while the mirror is away.
    let anchor: Mutex<Anchor?>
    let openings = Atomic<Int>(1)
    /// Who takes the lock; nil for who only looks.
    let holder: LockHolder?
    let settings: MirrorSettings
    let notices = Notices()
    let faults: FaultHook
    /// The identity in the marker file.
    public let id: String

    static let own = MirrorPath.ownFolder.text
    static let markerName = "mirror-id"
    static let markerPath = own + "/" + markerName

    private init(
        anchor: Anchor, id: String, holder: LockHolder?, settings: MirrorSettings, faults: @escaping FaultHook
    ) {
        path = anchor.root.path
        self.anchor = Mutex(anchor)
        self.id = id
        self.holder = holder
        self.settings = settings
        self.faults = faults
    }

    /// Opens the mirror at `path`.
    ///
    /// - Parameters:
    ///   - path: the mirror directory.
    ///   - expected: the identity that the state file knows; `nil` if it knows none, then the mirror's own is taken, or
    ///     `newID` is given to a directory that has none.
    ///   - newID: the identity for a mirror that begins its life; `nil` if it has to have begun already.
    ///   - settings: how things are made.
    ///   - holder: who works on it, and so takes the mirror's lock; `nil` takes none.
    ///   - faults: for tests.
    /// - Throws: `MirrorError` with `.notOurMirror` if the directory or its marker is missing or another mirror's:
    ///   an unmounted disk must not look like an empty mirror. With `.held` if another process works on it.
    public static func open(
        at path: String, expecting expected: String?, newID: String?, settings: MirrorSettings,
        holder: LockHolder? = nil, faults: @escaping FaultHook = { _ in }
    ) throws -> MirrorTree {
        let (anchor, marker) = try Anchor.take(at: path, expecting: expected, newID: newID, holder: holder)
        return MirrorTree(anchor: anchor, id: marker.id, holder: holder, settings: settings, faults: faults)
    }

    /// Opens a mirror that is there already, for looking only.
    ///
    /// - Throws: `MirrorError` with `.notOurMirror`, as `open` does.
    public static func openReadOnly(at path: String, expecting expected: String?) throws -> MirrorTree {
        let root = try MirrorRoot(path: path)
        let marker = try Marker.read(in: root)
        try refuse(marker, unless: expected, at: path)
        return MirrorTree(
            anchor: Anchor(root, nil), id: marker?.id ?? "", holder: nil, settings: MirrorSettings(), faults: { _ in })
    }

    /// What stands at `path`.
    ///
    /// - Parameter exactly: whether what the file system finds there under another spelling of the name is nothing.
    public func observe(_ path: MirrorPath, exactly: Bool = false) throws(MirrorError) -> Observed {
        guard let name = path.name, let parent = path.parent else {
            return .folder(inode: UInt64(try root.descriptor.status().st_ino))
        }
        do {
            let folder = try root.folder(parent)
            let seen = try folder.observe(name.text)
            var known: Set<[UInt8]> = []
            guard exactly, seen != .nothing else { return seen }
            return try collidingName(of: name.text, in: folder, known: &known) == nil ? seen : .nothing
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return .nothing  // behind a link stands nothing of ours
        }
    }

    /// What is special about its file system.
    public var fileSystem: FileSystemKind { anchor.withLock { $0?.fileSystem } ?? .local }

    /// Whether a file has the same inode number as long as it stands.
    var keepsInodes: Bool { fileSystem == .local }

    /// Bytes that can still be written to the mirror's disk by this user.
    public func freeSpace() throws(MirrorError) -> Int64 {
        try diskSpace().free
    }

    /// Whether the mirror's file system can hold more files; some do not tell.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func hasFreeInodes() throws(MirrorError) -> Bool {
        try !diskSpace().lacksInodes
    }

    /// The size of the mirror's file system in bytes.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func fileSystemSize() throws(MirrorError) -> Int64 {
        try diskSpace().size
    }

    private func diskSpace() throws(MirrorError) -> DiskSpace {
        var status = statvfs()
        let root = try root.descriptor
        guard retrying({ fstatvfs(root.number, &status) }) == 0 else { throw .call("statvfs", path) }
        return DiskSpace(status)
    }

    /// Waits until everything written to the mirror's disk so far is on stable storage.
    ///
    /// - Throws: `MirrorError` if the disk refuses it.
    public func syncEverything() throws(MirrorError) {
        let root = try root.descriptor
        guard dbx_syncfs(root.number) == 0 else { throw .call("syncfs", path) }
    }
}
