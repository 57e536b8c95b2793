import FileSystem
import Glibc
import SyncModel
import Transport

/// What tells one state of a local file from another.
struct FileIdentity: Hashable, Sendable {
    /// Device and inode.
    let device, inode: UInt64
    /// Bytes.
    let size: Int64
    /// Modification time in nanoseconds since 1970.
    let modifiedNanoseconds: Int64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modifiedNanoseconds = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }
}

/// A regular file that is open for reading.
public final class LocalFile: Sendable {
    let path: String
    let identity: FileIdentity
    /// For reading; open as long as this object is there.
    public let descriptor: Int32

    /// Opens the file at `path`; symbolic links are followed.
    convenience init(_ path: String) throws(UploadError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a named pipe would block
        guard descriptor >= 0 else {
            throw errno == ENOENT || errno == ENOTDIR
                ? UploadError(.missing, path, "no such file")
                : UploadError(.unreadable, path, "cannot be opened: \(SystemError(errno))")
        }
        try self.init(descriptor: descriptor, path: path)
    }

    /// Takes over a descriptor that was opened for reading; `path` leads to the same file.
    ///
    /// - Throws: `UploadError` if it is no regular file or cannot be read.
    public init(descriptor: Int32, path: String) throws(UploadError) {
        self.descriptor = descriptor
        var status = stat()
        let failed = fstat(descriptor, &status) != 0
        self.path = path
        identity = FileIdentity(status)
        if failed { throw UploadError(.unreadable, path, "cannot be examined") }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw UploadError(.directory, path, "is a directory; --recursive uploads what is in it")
        default: throw UploadError(.special, path, "is neither a file nor a directory")
        }
    }

    deinit { close(descriptor) }

    var size: Int64 { identity.size }

    /// The modification time in whole seconds, as Dropbox keeps it.
    var modified: Timestamp {
        let (seconds, rest) = identity.modifiedNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Timestamp(seconds: rest < 0 ? seconds - 1 : seconds)
    }

    /// Throws `FileChanged` unless the path still names this file in this state.
    func checkUnchanged() throws {
        var (open, named) = (stat(), stat())
        guard fstat(descriptor, &open) == 0, stat(path, &named) == 0, FileIdentity(open) == identity,
            FileIdentity(named) == identity
        else { throw FileChanged() }
    }

    /// All bytes, as they were at one time.
    func snapshot() throws -> [UInt8] {
        let bytes = try bytes(of: 0..<size)
        try checkUnchanged()
        return bytes
    }

    /// Bytes of a part of the file.
    func bytes(of range: Range<Int64>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let source = FileRange(descriptor: descriptor, range: range)
        var done = 0
        while done < bytes.count {
            let count = try bytes.withUnsafeMutableBytes {
                try source.read(at: Int64(done), into: UnsafeMutableRawBufferPointer(rebasing: $0[done...]))
            }
            if count == 0 { throw FileChanged() }
            done += count
        }
        return bytes
    }

    /// The digests of the blocks of a part of the file, which begins at a block.
    func digests(of range: Range<Int64>) throws -> [BlockDigest] {
        let block = Int64(ContentHasher.blockSize)
        return try stride(from: range.lowerBound, to: range.upperBound, by: Int(block)).map { start in
            try bytes(of: start..<min(start + block, range.upperBound)).withUnsafeBytes { BlockDigest(of: $0) }
        }
    }
}
