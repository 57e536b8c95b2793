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
        guard fstat(descriptor, &status) == 0, let holder = FileLock.written(descriptor),
            let locks = lines(of: "/proc/locks")
        else { return .unknown }
        // proc_locks(5): number, type, mode, access, PID, major:minor:inode, range. The device is not compared:
        // btrfs shows another one here than in stat(2).
        let isHeld = locks.contains { line in
            let words = line.split(separator: " ")
            return words.count > 5 && words[1] == "FLOCK" && words[3] == "WRITE"
                && words[5].hasSuffix(":\(status.st_ino)")
        }
        return isHeld ? .held(holder) : .free(holder)
    }

    private static func lines(of file: String) -> [Substring]? {
        guard let stream = fopen(file, "re") else { return nil }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = fread(&chunk, 1, chunk.count, stream), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
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
