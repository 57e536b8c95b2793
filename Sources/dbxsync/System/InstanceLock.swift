import Glibc

/// The one right to work on a state directory, held until the object or the process is gone.
///
/// flock(2) on `<state>/lock`: the kernel gives it back however the process ends, so no lock is ever stale.
final class InstanceLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock; the directory itself is made where only it is missing.
    static func acquire(stateDirectory: String) throws(InstanceLockError) -> InstanceLock {
        if mkdir(stateDirectory, 0o750) != 0 && errno != EEXIST {
            throw .unusable(stateDirectory, call: "mkdir", errno: errno)
        }
        let file = stateDirectory + "/lock"
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw .unusable(file, call: "open", errno: errno) }
        let lock = InstanceLock(descriptor: descriptor)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw .unusable(file, call: "flock", errno: errno) }
            throw .held(stateDirectory, by: writtenPID(descriptor))
        }
        try lock.writePID(file)
        return lock
    }

    /// The process that holds a state directory; asking takes no lock, so it disturbs nobody who is just starting.
    static func holder(stateDirectory: String) -> pid_t? {
        let descriptor = open(stateDirectory + "/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, let pid = writtenPID(descriptor) else { return nil }
        // proc_locks(5): number, type, mode, access, PID, major:minor:inode, range. The device is not compared:
        // btrfs shows another one here than in stat(2).
        let isHeld = lines(of: "/proc/locks").contains { line in
            let words = line.split(separator: " ")
            return words.count > 5 && words[1] == "FLOCK" && words[3] == "WRITE"
                && words[5].hasSuffix(":\(status.st_ino)")
        }
        return isHeld ? pid : nil
    }

    private func writePID(_ file: String) throws(InstanceLockError) {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            throw .unusable(file, call: "write", errno: errno)
        }
    }

    private static func writtenPID(_ descriptor: Int32) -> pid_t? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return pid_t(String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    private static func lines(of file: String) -> [Substring] {
        guard let stream = fopen(file, "re") else { return [] }
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

    fileprivate static func held(_ directory: String, by pid: pid_t?) -> InstanceLockError {
        InstanceLockError(
            exitCode: .held,
            message: "another dbxsync\(pid.map { " (PID \($0))" } ?? "") holds the state directory \(directory)",
            hint: "stop it first, or give this one a state.directory of its own")
    }

    fileprivate static func unusable(_ path: String, call: String, errno code: Int32) -> InstanceLockError {
        InstanceLockError(
            exitCode: .unusableDirectory,
            message: "the state directory cannot be used: \(call) \(path): \(systemMessage(code))",
            hint: code == EACCES ? "run it as the user that owns the directory" : nil)
    }
}
