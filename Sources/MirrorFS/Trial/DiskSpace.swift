import FileSystem
import Glibc

/// How much fits on a disk.
public struct DiskSpace: Hashable, Sendable {
    /// Bytes that this user can still write.
    public var free: Int64
    /// Bytes of the file system.
    public var size: Int64
    /// The share of inodes that are free; nil where the file system has no fixed number of them.
    public var freeInodeShare: Double?

    /// Whether no more files can be made.
    public var lacksInodes: Bool { freeInodeShare == 0 }

    /// Asks the file system of a directory.
    ///
    /// - Throws: `MirrorError` if it does not tell.
    public init(of path: String) throws(MirrorError) {
        var status = statvfs()
        guard retrying({ statvfs(path, &status) }) == 0 else { throw .call("statvfs", path) }
        self.init(status)
    }

    init(_ status: statvfs) {
        func bytes(_ blocks: some BinaryInteger) -> Int64 {
            let (product, overflow) = UInt64(clamping: blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
            return overflow ? .max : Int64(clamping: product)
        }
        free = bytes(status.f_bavail)
        size = bytes(status.f_blocks)
        freeInodeShare = status.f_files == 0 ? nil : Double(status.f_favail) / Double(status.f_files)
    }
}
