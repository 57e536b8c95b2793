import FileSystem
public import Glibc

/// A file that one process at a time holds, until the object or the process is gone.
///
/// flock(2): the kernel gives it back however the process ends, so no lock is ever stale. The file stays; it says who
/// holds it.
public final class FileLock: Sendable {
    let descriptor: Descriptor
    /// Whether the file system knows locks; if not, nothing keeps others away.
    public let isHeld: Bool

    /// Why a lock could not be had.
    public enum LockError: Error, Equatable, Sendable {
        /// Another process has it.
        case held(by: LockHolder?)
        /// A system call failed with this error number.
        case failed(call: String, errno: Int32)
    }

    private init(_ descriptor: Descriptor, isHeld: Bool) {
        self.descriptor = descriptor
        self.isHeld = isHeld
    }

    /// How often the file may be exchanged while it is being locked.
    private static let tries = 100

    /// Takes the lock and writes down who has it.
    ///
    /// - Parameters:
    ///   - path: the file, which is made if there is none; relative to `folder`.
    ///   - folder: an open folder.
    ///   - mode: permission bits of a new file.
    ///   - holder: who has the lock then.
    public static func acquire(
        _ path: String, in folder: Int32 = AT_FDCWD, mode: mode_t = 0o640, for holder: LockHolder
    ) throws(LockError) -> FileLock {
        for _ in 0..<tries {
            let number = retrying { openat(folder, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode) }
            guard number >= 0 else { throw .failed(call: "open", errno: errno) }
            Self.setMode(of: number, to: mode)
            let lock = FileLock(Descriptor(number), isHeld: try Self.lock(number))
            // Somebody may have removed or replaced the file between the two calls: then that one counts.
            guard lock.isIn(path, folder) else { continue }
            try lock.write(holder)
            return lock
        }
        throw .failed(call: "lock", errno: ESTALE)
    }

    /// Who may read it does not depend on the umask; a file of somebody else's stays as it is.
    private static func setMode(of number: Int32, to mode: mode_t) {
        var status = stat()
        guard fstat(number, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o777 != mode else { return }
        _ = fchmod(number, mode)
    }

    /// Whether the file is still the one at `path`: who opens it there meets this lock.
    func isIn(_ path: String, _ folder: Int32) -> Bool {
        var (own, there) = (stat(), stat())
        return fstat(descriptor.number, &own) == 0 && fstatat(folder, path, &there, AT_SYMLINK_NOFOLLOW) == 0
            && own.st_ino == there.st_ino && own.st_dev == there.st_dev
    }

    /// Locks the open file.
    ///
    /// - Returns: whether the file system knows locks.
    private static func lock(_ number: Int32) throws(LockError) -> Bool {
        if retrying({ flock(number, LOCK_EX | LOCK_NB) }) == 0 { return true }
        switch errno {
        case EWOULDBLOCK: throw .held(by: written(number))
        case ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL: return false
        case let code: throw .failed(call: "flock", errno: code)
        }
    }

    /// On a full disk the lock holds all the same.
    private func write(_ holder: LockHolder) throws(LockError) {
        let text = Array(holder.text.utf8)
        guard ftruncate(descriptor.number, 0) == 0, pwrite(descriptor.number, text, text.count, 0) == text.count else {
            if [ENOSPC, EDQUOT].contains(errno) { return }
            throw .failed(call: "write", errno: errno)
        }
    }

    /// The open file, for a child: what inherits it holds the lock, too.
    public var inheritable: Int32 { descriptor.number }

    /// Gives the lock back, also where others have inherited it: flock(2).
    public func release() { flock(descriptor.number, LOCK_UN) }

    /// What the open lock file says.
    public static func written(_ descriptor: Int32) -> LockHolder? {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = retrying { pread(descriptor, &buffer, buffer.count, 0) }
        guard count > 0 else { return nil }
        return LockHolder(text: String(decoding: buffer[..<count], as: UTF8.self))
    }
}
