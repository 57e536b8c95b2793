import CLinux
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
    /// What to do with files that are not ours.
    public var localChanges: LocalChanges

    /// Makes settings.
    public init(fileMode: UInt32 = 0o640, directoryMode: UInt32 = 0o750, localChanges: LocalChanges = .aside) {
        self.fileMode = fileMode
        self.directoryMode = directoryMode
        self.localChanges = localChanges
    }
}

/// The mirror on the disk: the only code that changes it.
///
/// Synchronous and blocking; each effect looks before it acts, so doing one twice does no harm.
public final class MirrorTree: Sendable {
    let root: MirrorRoot
    private let openStaging = Mutex<Descriptor?>(nil)
    let settings: MirrorSettings
    let faults: FaultHook
    /// The identity in the marker file.
    public let id: String
    /// What is special about its file system.
    public let fileSystem: FileSystemKind

    static let own = MirrorPath.ownFolder.text
    static let markerName = "mirror-id"

    private init(root: MirrorRoot, id: String, settings: MirrorSettings, faults: @escaping FaultHook) {
        self.root = root
        self.id = id
        self.settings = settings
        self.faults = faults
        fileSystem = FileSystemKind(of: root.descriptor)
    }

    /// Whether a file has the same inode number as long as it stands.
    var keepsInodes: Bool { fileSystem == .local }

    /// The folder of what is being received; made again if somebody has removed it.
    var staging: Descriptor {
        get throws(MirrorError) {
            // Many threads ask: the lock is not held while the kernel answers.
            if let open = openStaging.withLock({ $0 }), try open.status().st_nlink > 0 { return open }
            return try openStaging.withLock { (open: inout Descriptor?) throws(MirrorError) in
                let made = try root.makeFolders(relative: Self.own + "/staging", mode: 0o700)
                open = made
                return made
            }
        }
    }

    /// Opens the mirror at `path`.
    ///
    /// - Parameters:
    ///   - path: the mirror directory.
    ///   - expected: the identity that the state file knows; `nil` if it knows none, then the mirror's own is taken, or
    ///     `newID` is given to a directory that has none.
    ///   - newID: the identity for a mirror that begins its life.
    ///   - settings: how things are made.
    ///   - faults: for tests.
    /// - Throws: `MirrorError` with `.notOurMirror` if the directory or its marker is missing or another mirror's:
    ///   an unmounted disk must not look like an empty mirror.
    public static func open(
        at path: String, expecting expected: String?, newID: String, settings: MirrorSettings,
        faults: @escaping FaultHook = { _ in }
    ) throws -> MirrorTree {
        let root = try MirrorRoot(path: path)
        let marker = try Marker.read(in: root)
        if let expected { try refuse(marker, unless: expected, at: path) }
        if marker == nil { try Marker.write(newID, in: root) }
        let tree = MirrorTree(root: root, id: marker ?? newID, settings: settings, faults: faults)
        _ = try tree.staging
        return tree
    }

    /// Opens a mirror that is there already, for looking only.
    ///
    /// - Throws: `MirrorError` with `.notOurMirror`, as `open` does.
    public static func openReadOnly(at path: String, expecting expected: String?) throws -> MirrorTree {
        let root = try MirrorRoot(path: path)
        let marker = try Marker.read(in: root)
        try refuse(marker, unless: expected, at: path)
        return MirrorTree(root: root, id: marker ?? "", settings: MirrorSettings(), faults: { _ in })
    }

    private static func refuse(_ marker: String?, unless expected: String?, at path: String) throws {
        if marker != nil && marker == expected { return }
        throw MirrorError(
            code: .notOurMirror,
            message: marker == nil
                ? "\(path)/\(own)/\(markerName) is missing"
                : "\(path) is another mirror: its marker is not the one in the state file",
            hint: "is the right disk mounted at \(path)? nothing was touched")
    }

    /// Checks that the mirror is still the one that was opened: its path leads there and its marker is in place.
    ///
    /// - Throws: `MirrorError` with `.notOurMirror`.
    public func check() throws {
        let now = try MirrorRoot(path: root.path)
        let (there, opened) = (try now.descriptor.status(), try root.descriptor.status())
        guard there.st_dev == opened.st_dev, there.st_ino == opened.st_ino, try Marker.read(in: now) == id else {
            throw MirrorError(
                code: .notOurMirror, message: "\(root.path) is no longer the mirror that was opened",
                hint: "is the right disk mounted there? nothing was touched")
        }
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
            return try otherSpelling(of: name.text, in: folder, known: &known) == nil ? seen : .nothing
        } catch  where [ENOENT, ENOTDIR, ELOOP].contains(error.number) {
            return .nothing  // behind a link stands nothing of ours
        }
    }

    /// Bytes that can still be written to the mirror's disk by this user.
    public func freeSpace() throws(MirrorError) -> Int64 {
        var status = statvfs()
        guard retrying({ fstatvfs(root.descriptor.number, &status) }) == 0 else { throw .call("statvfs", root.path) }
        return Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
    }

    /// Waits until everything written to the mirror's disk so far is on stable storage.
    public func syncEverything() throws(MirrorError) {
        guard dbx_syncfs(root.descriptor.number) == 0 else { throw .call("syncfs", root.path) }
    }
}

/// The file that says which mirror this is.
private enum Marker {
    static let path = MirrorTree.own + "/" + MirrorTree.markerName

    static func read(in root: MirrorRoot) throws(MirrorError) -> String? {
        let file: Descriptor
        do {
            let own = try root.folder(relative: MirrorTree.own)
            file = try Descriptor.open(MirrorTree.markerName, in: own, flags: O_RDONLY | O_NONBLOCK)
        } catch  where error.number == ENOENT {
            return nil
        } catch  where [ELOOP, ENOTDIR].contains(error.number) {
            throw MirrorError(
                code: .notOurMirror, message: "\(root.path)/\(path) is reached through a link or a file",
                number: error.number, hint: "dbxsync's own folder has to stand in the mirror itself")
        }
        var bytes = [UInt8](repeating: 0, count: 256)
        let got = retrying { Glibc.read(file.number, &bytes, bytes.count) }
        guard got >= 0 else { throw .call("read", path) }
        let id = String(decoding: bytes[..<got].prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self)
        return id.isEmpty ? nil : id
    }

    static func write(_ id: String, in root: MirrorRoot) throws(MirrorError) {
        let own = try root.makeFolders(relative: MirrorTree.own, mode: 0o700)
        let draft = MirrorTree.markerName + ".new"
        let file = try Descriptor.open(draft, in: own, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        let text = Array((id + "\n").utf8)
        guard Glibc.write(file.number, text, text.count) == text.count else { throw .call("write", path) }
        try file.sync()
        guard renameat(own.number, draft, own.number, MirrorTree.markerName) == 0 else { throw .call("rename", path) }
        try own.sync()
        try root.descriptor.sync()
    }
}
