import FileSystem
import Glibc
import Synchronization

/// What holds the mirror while it is worked on: its directory, and the lock that keeps others from working on it.
final class Anchor: Sendable {
    let root: MirrorRoot
    /// Nil for who only looks.
    let lock: FileLock?
    let fileSystem: FileSystemKind
    private let openStaging = Mutex<Descriptor?>(nil)

    init(_ root: MirrorRoot, _ lock: FileLock?) {
        self.root = root
        self.lock = lock
        fileSystem = FileSystemKind(of: root.descriptor)
    }

    /// The folder of what is being received; made again if somebody has removed it.
    var staging: Descriptor {
        get throws(MirrorError) {
            // Many threads ask: the lock is not held while the kernel answers.
            if let open = openStaging.withLock({ $0 }), try open.status().st_nlink > 0 { return open }
            return try openStaging.withLock { (open: inout Descriptor?) throws(MirrorError) in
                let made = try root.makeFolders(relative: MirrorTree.own + "/staging", mode: 0o700)
                open = made
                return made
            }
        }
    }

    /// Opens the mirror at `path` and takes its lock; nothing is written to a directory that is not the expected one.
    static func take(
        at path: String, expecting expected: String?, newID: String?, holder: LockHolder?
    ) throws -> (anchor: Anchor, marker: Marker) {
        let root = try MirrorRoot(path: path)
        _ = try marker(in: root, expected, newID)
        let lock = try holder.map { try Self.lock(root, for: $0) }
        // Whoever had the lock before may have written it.
        let (marker, isNew) = try marker(in: root, expected, newID)
        if isNew { try marker.write(in: root) }
        let anchor = Anchor(root, lock)
        _ = try anchor.staging
        return (anchor, marker)
    }

    /// The marker that stands there, or the one that a new mirror gets.
    private static func marker(
        in root: MirrorRoot, _ expected: String?, _ newID: String?
    ) throws(MirrorError) -> (marker: Marker, isNew: Bool) {
        let present = try Marker.read(in: root)
        if let expected { try MirrorTree.refuse(present, unless: expected, at: root.path) }
        if let present { return (present, false) }
        guard let newID else { throw .unmarked(root.path) }
        return (Marker(id: newID), true)
    }

    private static let lockName = "lock"

    private static func lock(_ root: MirrorRoot, for holder: LockHolder) throws(MirrorError) -> FileLock {
        let own = try root.makeFolders(relative: MirrorTree.own, mode: 0o700)
        do {
            return try FileLock.acquire(lockName, in: own.number, mode: 0o600, for: holder)
        } catch {
            let file = "\(root.path)/\(MirrorTree.own)/\(lockName)"
            switch error {
            case .held(let other): throw .held(root.path, by: other)
            case .failed(let call, let number):
                errno = number
                throw .call(call, file, in: own)
            }
        }
    }

    /// Whether whoever wants the lock meets ours; true for who has none.
    func isLocked(in root: MirrorRoot) throws(MirrorError) -> Bool {
        guard let lock else { return true }
        let own = try root.folder(relative: MirrorTree.own)
        return lock.isIn(Self.lockName, own.number)
    }
}

// Being there, being away, and whose it is.
extension MirrorTree {
    /// The mirror directory.
    ///
    /// - Throws: `MirrorError` with `.notOurMirror` while it is away.
    var root: MirrorRoot {
        get throws(MirrorError) { try anchored.root }
    }

    /// The folder of what is being received.
    var staging: Descriptor {
        get throws(MirrorError) { try anchored.staging }
    }

    private var anchored: Anchor {
        get throws(MirrorError) {
            if let anchor = anchor.withLock({ $0 }) { return anchor }
            throw MirrorError(
                code: .notOurMirror, message: "the mirror \(path) is away", hint: "it is opened again when it is back")
        }
    }

    static func refuse(_ marker: Marker?, unless expected: String?, at path: String) throws(MirrorError) {
        if let marker, marker.id == expected { return }
        guard marker != nil else { throw .unmarked(path) }
        throw MirrorError(
            code: .notOurMirror,
            message: "\(path) is another mirror: its marker is not the one in the state file",
            hint: MirrorError.mountHint(path))
    }

    /// Checks that the mirror is still the one that was opened: its path leads there, its marker is in place, and so is
    /// the lock.
    ///
    /// - Throws: `MirrorError` with `.notOurMirror`.
    public func check() throws {
        let anchor = try anchored
        let now = try MirrorRoot(path: path)
        let (there, opened) = (try now.descriptor.status(), try anchor.root.descriptor.status())
        guard there.st_dev == opened.st_dev, there.st_ino == opened.st_ino, try Marker.read(in: now)?.id == id,
            try anchor.isLocked(in: now)
        else {
            throw MirrorError(
                code: .notOurMirror, message: "\(path) is no longer the mirror that was opened",
                hint: "is the right disk mounted there? nothing was touched")
        }
    }

    /// Lets go of a mirror that is away, so that its disk can be unmounted and mounted again.
    public func releaseDescriptors() { anchor.withLock { $0 = nil } }

    /// Opens the mirror anew, and takes its lock again.
    ///
    /// What was opened in it before belongs to the disk of then: nothing of it is to be used afterwards.
    ///
    /// - Throws: `MirrorError`, as `open` does, if it is not back yet.
    public func reopen() throws {
        releaseDescriptors()
        let (taken, _) = try Anchor.take(at: path, expecting: id, newID: id, holder: holder)
        anchor.withLock { $0 = taken }
        openings.wrappingAdd(1, ordering: .relaxed)
    }

    /// How often the mirror was opened; who keeps something open in it compares.
    public var generation: Int { openings.load(ordering: .relaxed) }

    /// Makes sure that the mirror belongs to `owner`; one that belongs to nobody yet is taken over.
    ///
    /// - Throws: `MirrorError` with `.otherOwner` if it belongs to somebody else.
    public func bind(to owner: MirrorOwner) throws {
        let root = try root
        let marker = try Marker.read(in: root)
        try Self.refuse(marker, unless: id, at: path)
        if let present = marker?.owner, let refusal = present.refusal(of: owner, at: path) { throw refusal }
        let bound = Marker(id: id, owner: owner)
        // Names from outside come back without their control characters.
        if marker?.text == bound.text { return }
        do {
            try bound.write(in: root)
        } catch  where error.isLackOfSpace {
            return  // what makes room may be the next pass; the next start tries again
        }
    }

    /// Whether the file system keeps others from working on the mirror at the same time.
    public var isExclusive: Bool { anchor.withLock { $0?.lock?.isHeld ?? true } }

    /// Whose mirror it is; nil if it belongs to nobody yet.
    public func owner() throws -> MirrorOwner? { try Marker.read(in: root)?.owner }
}

extension MirrorError {
    /// A directory that should be a mirror and has no marker.
    fileprivate static func unmarked(_ path: String) -> MirrorError {
        MirrorError(
            code: .notOurMirror, message: "\(path)/\(MirrorTree.markerPath) is missing", hint: mountHint(path))
    }

    fileprivate static func mountHint(_ path: String) -> String {
        "is the right disk mounted at \(path)? nothing was touched"
    }
}
