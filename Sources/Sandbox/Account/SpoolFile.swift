internal import Glibc

/// Bytes on the disk in a file without a name, which is gone with the last reference, however the process ends.
public final class SpoolFile: Hashable, Sendable {
    private let file: Int32

    /// An empty file in the directory for temporary files.
    init() throws(SystemFailure) {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array((folder + "/dbxsync-sandbox.XXXXXX").utf8CString)
        file = mkstemp(&name)
        guard file >= 0 else { throw SystemFailure("mkstemp") }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unlink(name)
    }

    deinit { close(file) }

    /// The number of bytes up to the last one that was written.
    var size: Int64 {
        var info = stat()
        return fstat(file, &info) == 0 ? Int64(info.st_size) : 0
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(file, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + done)
            guard count > 0 || errno == EINTR else { throw SystemFailure("pwrite") }
            done += max(0, count)
        }
    }

    /// Writes the bytes from `offset` on into `buffer` and says how many there were.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, pread(file, buffer.baseAddress, buffer.count, off_t(offset)))
    }

    /// The same file.
    public static func == (left: SpoolFile, right: SpoolFile) -> Bool { left === right }

    /// By identity.
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
