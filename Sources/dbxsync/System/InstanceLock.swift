import CLinux
import FileSystem
import Glibc
import MirrorFS

/// The one right to work on a state directory, held until the object or the process is gone.
///
/// flock(2) on `<state>/lock`: the kernel gives it back however the process ends, so no lock is ever stale.
final class InstanceLock: Sendable {
    private let lock: FileLock

    private init(_ lock: FileLock) { self.lock = lock }

    /// Takes the lock; the directory itself is made where only it is missing.
    ///
    /// - Parameter word: where this process will say how it gets on, if it is a daemon.
    static func acquire(stateDirectory: String, word: String? = nil) throws(InstanceLockError) -> InstanceLock {
        if mkdir(stateDirectory, 0o750) != 0 && errno != EEXIST {
            throw .unusable(stateDirectory, call: "mkdir", errno: errno)
        }
        let file = path(in: stateDirectory)
        let lock: FileLock
        do {
            lock = try FileLock.acquire(file, for: .current(state: stateDirectory, word: word))
        } catch {
            switch error {
            case .held(let holder): throw .held(stateDirectory, by: holder)
            case .failed(let call, let number): throw .unusable(file, call: call, errno: number)
            }
        }
        guard lock.isHeld else { throw .unusable(file, call: "flock", errno: ENOLCK) }
        return InstanceLock(lock)
    }

    /// The file that is locked.
    static func path(in stateDirectory: String) -> String { stateDirectory + "/lock" }

    /// What can be seen of a lock without taking it, which disturbs nobody who is just starting.
    enum Look: Equatable, Sendable {
        /// There is none.
        case missing
        /// Somebody holds it.
        case held(LockHolder)
        /// Nobody who can be seen from here holds it; whose it was last.
        case free(LockHolder)
        /// It cannot be seen.
        case unknown
    }

    /// Who holds a state directory; nil if nobody, or nobody who can be seen.
    static func holder(stateDirectory: String) -> LockHolder? {
        guard case .held(let holder) = look(stateDirectory: stateDirectory) else { return nil }
        return holder
    }

    /// Looks at the lock of a state directory.
    static func look(stateDirectory: String) -> Look {
        let descriptor = open(path(in: stateDirectory), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return [ENOENT, ENOTDIR].contains(errno) ? .missing : .unknown }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, let holder = FileLock.written(descriptor) else { return .unknown }
        let device = dbx_file_system(descriptor) == Self.btrfs ? nil : UInt64(status.st_dev)
        for _ in 0..<looks {
            guard let locks = lines(of: "/proc/locks") else { return .unknown }
            if locks.contains(where: {
                KernelLock($0)?.isOf(holder, device, inode: UInt64(status.st_ino)) ?? false
            }) {
                return .held(holder)
            }
        }
        return .free(holder)
    }

    /// The kernel hands the list out page by page; a lock can be missed when others before it are released meanwhile.
    private static let looks = 4

    /// What shows another device in /proc/locks than in stat(2): its `f_type`, of linux/magic.h.
    private static let btrfs: Int64 = 0x9123_683E

    private static func lines(of file: String) -> [Substring]? {
        guard let stream = fopen(file, "re") else { return nil }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = fread(&chunk, 1, chunk.count, stream), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}

/// A lock by flock(2) for writing, as the kernel shows it.
struct KernelLock: Equatable {
    /// Who has taken it; another number in another container.
    let pid: Int32
    let device: UInt64
    let inode: UInt64

    /// Reads a line of proc_locks(5): number, type, mode, access, PID, major:minor:inode, range; nil for another lock.
    init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count > 5, words[1] == "FLOCK", words[3] == "WRITE", let pid = Int32(words[4]) else { return nil }
        let place = words[5].split(separator: ":")
        guard place.count == 3, let major = UInt32(place[0], radix: 16), let minor = UInt32(place[1], radix: 16),
            let inode = UInt64(place[2])
        else { return nil }
        (self.pid, device, self.inode) = (pid, dbx_device(major, minor), inode)
    }

    /// Whether it is the lock of a file that names its holder: another file system has the same numbers of inodes.
    ///
    /// - Parameter device: what stat(2) says; nil if it says another one than the kernel shows here. That of a file on
    ///   overlayfs may be another one, too, where only the process is compared.
    func isOf(_ holder: LockHolder, _ device: UInt64?, inode: UInt64) -> Bool {
        self.inode == inode && (device == nil || device == self.device || pid == holder.pid)
    }
}

/// Why a state directory could not be locked.
struct InstanceLockError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the process should end with.
    let exitCode: ExitCode
    /// What happened, with the path.
    let message: String
    /// What to do about it.
    let hint: String?

    /// Message and hint in one line.
    var description: String { hint.map { "\(message); \($0)" } ?? message }

    fileprivate static func held(_ directory: String, by holder: LockHolder?) -> InstanceLockError {
        InstanceLockError(
            exitCode: .held,
            message: "another dbxsync\(holder.map { " (\($0.process))" } ?? "") holds the state directory \(directory)",
            hint: "stop it first, or give this one a state.directory of its own")
    }

    fileprivate static func unusable(_ path: String, call: String, errno code: Int32) -> InstanceLockError {
        InstanceLockError(
            exitCode: .unusableDirectory,
            message: "the state directory cannot be used: \(call) \(path): \(SystemError(code))",
            hint: code == EACCES ? "run it as the user that owns the directory" : nil)
    }
}
